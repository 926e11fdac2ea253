// The events and commands that tell of a send, each with the revision it speaks of.
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { FileSentCopySchema } from '@rejoinder/contracts/commands';
import {
  DeliveryReportedSchema,
  MailSentSchema,
  SendAcceptedSchema,
  SendFailedSchema,
  SendUnconfirmedSchema,
} from '@rejoinder/contracts/events/sending';
import { AuthenticationFailedSchema } from '@rejoinder/contracts/events/sync';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { event, type NewEvent } from '@rejoinder/bus/outbox';
import { baseSubject } from '@rejoinder/mail/subject';
import type { Hasher } from '@rejoinder/vault/hasher';
import { recipientsOf, type SendContent } from './mail/content.js';

export interface SendFacts {
  tenantId: string;
  sendId: string;
  inboxId: string;
  mailId: string;
  revision: bigint;
  traceparent: string | null;
}

const topic = 'rejoinder.sending.v1';

function common({ tenantId, inboxId, revision, traceparent }: SendFacts) {
  return { key: inboxId, tenantId, sequence: revision, traceparent: traceparent ?? undefined };
}

function ids({ sendId, inboxId, mailId }: SendFacts) {
  return { sendId, inboxId, mailId };
}

const addressHash = (text: string, hasher: Hasher) => hasher.hash('address', text.toLowerCase());

export function recipientHashes(content: SendContent, hasher: Hasher): Buffer<ArrayBuffer>[] {
  return recipientsOf(content).map((text) => addressHash(text, hasher));
}

export function acceptedMessage(
  facts: SendFacts,
  content: SendContent,
  acceptedAt: Date,
  hasher: Hasher,
): MessageInitShape<typeof SendAcceptedSchema> {
  return {
    ...ids(facts),
    messageIdHash: hasher.hash('message-id', content.messageId),
    chainHashes: content.references.map((id) => hasher.hash('message-id', id)),
    fromHash: addressHash(content.from.address, hasher),
    recipientHashes: recipientHashes(content, hasher),
    baseSubjectHash: hasher.hash('subject', baseSubject(content.subject)),
    from: content.from,
    to: content.to,
    cc: content.cc,
    bcc: content.bcc,
    subject: content.subject,
    acceptedAt: timestampFromDate(acceptedAt),
    messageId: content.messageId,
    attachments: content.attachments.map((file, index) => ({
      attachmentId: file.attachmentId,
      partId: String(index + 1),
      fileName: file.fileName,
      contentType: file.contentType,
      sizeBytes: BigInt(file.sizeBytes),
      state: AttachmentState.STORED,
    })),
  };
}

export function acceptedEvent(facts: SendFacts, message: MessageInitShape<typeof SendAcceptedSchema>): NewEvent {
  return event({ ...common(facts), topic, schema: SendAcceptedSchema, message });
}

/** MailSent, and the command to file the copy unless it was seen in Sent already. */
export function sentEvents(facts: SendFacts, sentAt: Date, refused: string[], isFiled: boolean): NewEvent[] {
  const message = { ...ids(facts), sentAt: timestampFromDate(sentAt), refused };
  const sent = event({ ...common(facts), topic, schema: MailSentSchema, message });
  const file = event({ ...common(facts), topic: 'rejoinder.sync.commands.v1', schema: FileSentCopySchema, message: ids(facts) });
  return isFiled ? [sent] : [sent, file];
}

export function failedEvent(facts: SendFacts, reason: string): NewEvent {
  return event({ ...common(facts), topic, schema: SendFailedSchema, message: { ...ids(facts), reason } });
}

export function unconfirmedEvent(facts: SendFacts): NewEvent {
  return event({ ...common(facts), topic, schema: SendUnconfirmedSchema, message: ids(facts) });
}

export function reportedEvent(
  facts: SendFacts,
  {
    address,
    outcome,
    status,
    reportMailId,
    reportedAt,
  }: { address: string; outcome: string; status: string; reportMailId: string; reportedAt: Date },
): NewEvent {
  const message = { ...ids(facts), address, outcome, status, reportMailId, reportedAt: timestampFromDate(reportedAt) };
  return event({ ...common(facts), topic, schema: DeliveryReportedSchema, message });
}

export function refusedLoginEvent(tenantId: string, inboxId: string, credentialVersion: bigint, reason: string): NewEvent {
  const message = { inboxId, protocol: 'smtp', credentialVersion, reason };
  return event({ topic: 'rejoinder.sending.internal.v1', key: inboxId, tenantId, schema: AuthenticationFailedSchema, message });
}
