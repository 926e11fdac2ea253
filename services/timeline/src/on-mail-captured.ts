// Takes mails that sync has read: who is on them and what their files are called is sealed; their text is fetched by the worker.
import { Controller } from '@nestjs/common';
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, skip, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { MailCapturedSchema, type MailCaptured } from '@rejoinder/contracts/events/sync';
import { MailKind } from '@rejoinder/contracts/mail';
import { Database } from '@rejoinder/runtime/database';
import { AttachmentBox } from './mail/attachment-box.js';
import { MailWriter, type ToldOf } from './mail/mail-writer.js';
import type { Tx } from './tx.js';
import { deliveryOf, factsRow, personOf, Sealed, type MailFacts } from './mail/sealed.js';

type CapturedEvent = Received<typeof MailCapturedSchema>;

const kinds: Partial<Record<MailKind, string>> = {
  [MailKind.LIST]: 'list',
  [MailKind.AUTO_REPLY]: 'auto_reply',
  [MailKind.DELIVERY_REPORT]: 'delivery_report',
  [MailKind.COMPLAINT]: 'complaint',
  [MailKind.PERSON]: 'person',
  [MailKind.UNSPECIFIED]: 'person',
};

@Controller()
export class OnMailCaptured {
  constructor(
    private readonly database: Database<Tx>,
    private readonly sealed: Sealed,
    private readonly attachments: AttachmentBox,
    private readonly mails: MailWriter,
  ) {}

  @On(MailCapturedSchema)
  async mailCaptured(batch: CapturedEvent[]): Promise<Outcome | Outcome[]> {
    const sound = batch.filter(({ message }) => isSound(message));
    const facts = await this.sealed.sealMany(
      sound.map(({ event, message }) => ({ tenantId: event.tenantId, row: factsRow(message.mailId), value: factsOf(message) })),
    );
    const attachments = await this.attachments.sealAll(sound.map(({ event, message }) => ({ tenantId: event.tenantId, ...message })));
    const told = sound.flatMap((one, at) => (facts[at] === undefined ? [] : [toldOf(one, facts[at], attachments[at]!)]));
    const tenants = [...new Set(told.map(({ tenantId }) => tenantId))];
    if (told.length > 0) await this.database.write({ tenants }, (tx) => this.mails.take(tx, told));
    const living = new Set(tenants);
    return batch.map(({ event, message }) =>
      !isSound(message) ? deadLetter('malformed') : living.has(event.tenantId) ? done : skip('tenant_gone'),
    );
  }
}

function isSound({ mailId, inboxId, threadId, attachments }: MailCaptured): boolean {
  return isId(mailId) && isId(inboxId) && (threadId === '' || isId(threadId)) && attachments.every((one) => isId(one.attachmentId));
}

function factsOf({ from, to, cc, subject, messageId, kindBecause, deliveries, aboutMessageId }: MailCaptured): MailFacts {
  const named = deliveries.flatMap(({ address, originalAddress }) => [address, originalAddress]).filter((address) => address !== '');
  const people = { from: from && personOf(from), to: to.map(personOf), cc: cc.map(personOf), bcc: [] };
  const reported = [...new Set(named)].map((address) => ({ address, name: '' }));
  return { ...people, subject, messageId, kindBecause, reported, deliveries: deliveries.map(deliveryOf), aboutMessageId };
}

function toldOf({ event, message }: CapturedEvent, sealedFacts: string, attachments: ToldOf['attachments']): ToldOf {
  const { mailId, inboxId, revision, threadId, kind, textTruncated, historical } = message;
  const told = {
    kind: 'captured' as const,
    revision: Number(revision),
    threadId: threadId || null,
    inboxId,
    // A kind that a newer release has: whatever it is, a person's it is not.
    mailKind: kinds[kind] ?? 'auto_reply',
    occurredAt: earliest([message.sentAt, message.receivedAt], event.time).toISOString(),
    textTruncated,
    sealedFacts,
    historical,
  };
  return { tenantId: event.tenantId, mailId, told, attachments, traceparent: event.traceparent };
}

/** A Date header in the future is wrong, and an INTERNALDATE may be the day on which a mailbox was moved: the earlier of both is nearest. */
function earliest(times: (Timestamp | undefined)[], otherwise: Date): Date {
  const known = times.filter((time) => time !== undefined).map((time) => timestampDate(time).getTime());
  return known.length > 0 ? new Date(Math.min(...known)) : otherwise;
}
