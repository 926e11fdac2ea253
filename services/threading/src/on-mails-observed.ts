// Takes mails as inboxes show them, by hashes alone, and has them judged.
import { Controller, Inject } from '@nestjs/common';
import { isId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { MailsObservedSchema, type MailsObserved } from '@rejoinder/contracts/events/sync';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { hashBytes } from '@rejoinder/vault/hasher';
import type { Tx } from './tx.js';
import { SightingWriter } from './graph/sighting-writer.js';
import { sightingOf, type Sighting } from './graph/sighting.js';

/** Mails of one transaction; a batch of events may hold far more. */
const maxMails = 1_000;

type ObservedEvent = Received<typeof MailsObservedSchema>;

@Controller()
export class OnMailsObserved {
  constructor(
    private readonly database: Database<Tx>,
    private readonly sightings: SightingWriter,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(MailsObservedSchema)
  async mailsObserved(batch: ObservedEvent[]): Promise<Outcome | Outcome[]> {
    const sound = batch.filter(({ message }) => isSound(message));
    for (const part of inParts(sound)) await this.#take(part);
    return batch.map(({ message }) => (isSound(message) ? done : deadLetter('malformed')));
  }

  async #take(events: ObservedEvent[]): Promise<void> {
    const traces = new Map<string, string | undefined>();
    const sightings: Sighting[] = [];
    for (const { event, message } of events) {
      for (const mail of message.mails) {
        const sighting = sightingOf(event.tenantId, message.inboxId, message.historical, mail, this.clock.now());
        if (sighting) sightings.push(sighting);
        traces.set(mail.mailId, event.traceparent);
      }
    }
    if (sightings.length === 0) return;
    const tenants = [...new Set(sightings.map(({ facts }) => facts.tenantId))];
    await this.database.write({ tenants }, (tx) => this.sightings.take(tx, sightings, ({ mailId }) => traces.get(mailId)));
  }
}

function isSound({ inboxId, mails }: MailsObserved): boolean {
  const isHash = (hash: Uint8Array) => hash.length === hashBytes;
  // A mail need not say whom it is from, and none of those beside it may be lost for that.
  const isFrom = (hash: Uint8Array) => hash.length === 0 || isHash(hash);
  return (
    isId(inboxId) &&
    mails.every(
      (mail) => isId(mail.mailId) && isFrom(mail.fromHash) && isHash(mail.baseSubjectHash) && (mail.sendId === '' || isId(mail.sendId)),
    )
  );
}

function inParts(events: ObservedEvent[]): ObservedEvent[][] {
  const parts: ObservedEvent[][] = [];
  let size = Infinity;
  for (const one of events) {
    if (size + one.message.mails.length > maxMails) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)!.push(one);
    size += one.message.mails.length;
  }
  return parts;
}
