// Takes our own sends and what became of them.
import { Controller } from '@nestjs/common';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, skip, type LoggedEvent, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import {
  MailSentSchema,
  SendAcceptedSchema,
  SendFailedSchema,
  SendUnconfirmedSchema,
  type SendAccepted,
} from '@rejoinder/contracts/events/sending';
import { Database } from '@rejoinder/runtime/database';
import { AttachmentBox } from './mail/attachment-box.js';
import type { SendState } from './mail/mail-state.js';
import { MailWriter, type ToldOf } from './mail/mail-writer.js';
import type { Tx } from './tx.js';
import { factsRow, personOf, Sealed, type MailFacts } from './mail/sealed.js';

interface Settled {
  sendId: string;
  inboxId: string;
  mailId: string;
}

@Controller()
export class OnSendEvents {
  constructor(
    private readonly database: Database<Tx>,
    private readonly sealed: Sealed,
    private readonly attachments: AttachmentBox,
    private readonly mails: MailWriter,
  ) {}

  @On(SendAcceptedSchema)
  async sendAccepted(batch: Received<typeof SendAcceptedSchema>[]): Promise<Outcome | Outcome[]> {
    const sound = batch.filter(({ message }) => isSound(message));
    const facts = await this.sealed.sealMany(
      sound.map(({ event, message }) => ({ tenantId: event.tenantId, row: factsRow(message.mailId), value: factsOf(message) })),
    );
    const attachments = await this.attachments.sealAll(sound.map(({ event, message }) => ({ tenantId: event.tenantId, ...message })));
    const told = sound.flatMap(({ event, message }, at) => {
      if (facts[at] === undefined) return [];
      const { mailId, sendId, inboxId, acceptedAt } = message;
      const occurredAt = (acceptedAt ? timestampDate(acceptedAt) : event.time).toISOString();
      return [mailTold(event, mailId, { kind: 'accepted', sendId, inboxId, occurredAt, sealedFacts: facts[at] }, attachments[at])];
    });
    await this.#take(told);
    const living = new Set(told.map(({ tenantId }) => tenantId));
    return batch.map(({ event, message }) =>
      !isSound(message) ? deadLetter('malformed') : living.has(event.tenantId) ? done : skip('tenant_gone'),
    );
  }

  @On(MailSentSchema)
  mailSent(batch: Received<typeof MailSentSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#settle(batch, ({ event, message }) => ({
      state: 'sent',
      reason: '',
      sentAt: (message.sentAt ? timestampDate(message.sentAt) : event.time).toISOString(),
    }));
  }

  @On(SendFailedSchema)
  sendFailed(batch: Received<typeof SendFailedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#settle(batch, ({ message }) => ({ state: 'failed', reason: message.reason, sentAt: null }));
  }

  @On(SendUnconfirmedSchema)
  sendUnconfirmed(batch: Received<typeof SendUnconfirmedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#settle(batch, () => ({ state: 'unconfirmed', reason: '', sentAt: null }));
  }

  async #settle<T extends { event: LoggedEvent; message: Settled }>(
    batch: T[],
    how: (one: T) => { state: SendState; reason: string; sentAt: string | null },
  ): Promise<Outcome[]> {
    const sound = batch.filter(({ message }) => isSound(message));
    const told = sound.map((one) => {
      const { event, message } = one;
      const { sendId, inboxId, mailId } = message;
      return mailTold(event, mailId, { kind: 'send', revision: Number(event.sequence), sendId, inboxId, ...how(one) });
    });
    await this.#take(told);
    return batch.map(({ message }) => (isSound(message) ? done : deadLetter('malformed')));
  }

  async #take(told: ToldOf[]): Promise<void> {
    const tenants = [...new Set(told.map(({ tenantId }) => tenantId))];
    if (told.length > 0) await this.database.write({ tenants }, (tx) => this.mails.take(tx, told));
  }
}

function mailTold(event: LoggedEvent, mailId: string, told: ToldOf['told'], attachments?: ToldOf['attachments']): ToldOf {
  return { tenantId: event.tenantId, mailId, told, attachments, traceparent: event.traceparent };
}

function isSound({ mailId, sendId, inboxId }: Settled): boolean {
  return isId(mailId) && isId(sendId) && isId(inboxId);
}

function factsOf({ from, to, cc, bcc, subject, messageId }: SendAccepted): MailFacts {
  return { from: from && personOf(from), to: to.map(personOf), cc: cc.map(personOf), bcc: bcc.map(personOf), subject, messageId };
}
