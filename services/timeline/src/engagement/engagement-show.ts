// Engagements as they are shown: read as a set, opened as a set.
import { Injectable } from '@nestjs/common';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EngagementSchema } from '@rejoinder/contracts/api/timeline';
import { AttachmentState, type AttachmentDeclaredSchema } from '@rejoinder/contracts/mail';
import { newTextOf } from '@rejoinder/mail/new-text';
import { maxAttachments } from '../mail/attachment-box.js';
import { showAttachments, showEngagements, type ShownAttachment, type ShownEngagement } from './engagement-store.js';
import { mailKindOf } from './mail-kind.js';
import type { Tx } from '../tx.js';
import { attachmentRow, factsRow, Sealed, textRow, type AttachmentFacts, type MailFacts, type MailText } from '../mail/sealed.js';

export interface Shown {
  engagements: ShownEngagement[];
  attachments: ShownAttachment[];
}

type EngagementMessage = MessageInitShape<typeof EngagementSchema>;
type AttachmentMessage = MessageInitShape<typeof AttachmentDeclaredSchema>;

const states: Record<string, AttachmentState> = {
  pending: AttachmentState.PENDING,
  stored: AttachmentState.STORED,
  rejected: AttachmentState.REJECTED,
};

@Injectable()
export class EngagementShow {
  constructor(private readonly sealed: Sealed) {}

  /** These engagements in this order with their attachments, sealed: two queries. */
  async read(tx: Tx, tenantId: string, engagementIds: string[]): Promise<Shown> {
    const order = new Map(engagementIds.map((id, at) => [id, at]));
    const engagements = await showEngagements(tx, tenantId, engagementIds);
    engagements.sort((one, other) => order.get(one.engagementId)! - order.get(other.engagementId)!);
    const mailIds = [...new Set(engagements.map(({ mailId }) => mailId))];
    return {
      engagements,
      attachments: mailIds.length > 0 ? await showAttachments(tx, tenantId, mailIds, mailIds.length * maxAttachments) : [],
    };
  }

  async open(tenantId: string, { engagements, attachments }: Shown): Promise<EngagementMessage[]> {
    const facts = await this.sealed.openMany<MailFacts>(
      engagements.map((one) => ({ tenantId, row: factsRow(one.mailId), value: one.sealedFacts })),
    );
    const texts = await this.sealed.openMany<MailText>(
      engagements.map((one) => ({ tenantId, row: textRow(one.mailId), value: one.sealedText })),
    );
    const files = await this.sealed.openMany<AttachmentFacts>(
      attachments.map((one) => ({ tenantId, row: attachmentRow(one.attachmentId), value: one.sealedFacts })),
    );
    const declared = attachments.map((one, at) => ({ mailId: one.mailId, message: attachmentMessage(one, files[at]) }));
    const byMail = Map.groupBy(declared, ({ mailId }) => mailId);
    return engagements.map((one, at) =>
      engagementMessage(
        one,
        facts[at],
        texts[at],
        (byMail.get(one.mailId) ?? []).map(({ message }) => message),
      ),
    );
  }
}

function engagementMessage(
  one: ShownEngagement,
  facts: MailFacts | undefined,
  text: MailText | undefined,
  attachments: AttachmentMessage[],
): EngagementMessage {
  const { engagementId, contactId, mailId, direction, textState, textTruncated, sendReason: stateReason } = one;
  return {
    engagementId,
    contactId,
    mailId,
    threadId: one.threadId ?? '',
    direction,
    from: facts?.from,
    to: facts?.to,
    cc: facts?.cc,
    subject: facts?.subject,
    messageId: facts?.messageId,
    text: text?.text,
    newText: text && newTextOf(text.text),
    html: text?.html,
    occurredAt: timestampFromDate(new Date(one.occurredAt)),
    textState,
    textTruncated,
    state: one.sendState || (direction === 'out' ? 'sent' : 'received'),
    stateReason,
    attachments,
    sendId: one.sendId ?? '',
    inboxId: one.inboxId ?? '',
    kind: mailKindOf(one.kind),
    kindBecause: facts?.kindBecause,
    deliveries: facts?.deliveries,
    aboutMessageId: facts?.aboutMessageId,
  };
}

function attachmentMessage(
  { attachmentId, sizeBytes, inline, state, reason }: ShownAttachment,
  facts: AttachmentFacts | undefined,
): AttachmentMessage {
  return { attachmentId, sizeBytes: BigInt(sizeBytes), inline, state: states[state], reason, ...facts };
}
