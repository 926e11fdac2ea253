// Writes engagements with the events that tell of them: placed on contacts, said again, withdrawn, deleted.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { event, Outbox, type NewEvent } from '@rejoinder/bus/outbox';
import {
  ContactChangedSchema,
  EngagementDeletedSchema,
  EngagementLoggedSchema,
  EngagementMovedSchema,
} from '@rejoinder/contracts/events/timeline';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { contactsOn, makeContacts, touchContacts, type ContactRow } from './contact-store.js';
import {
  deleteEngagements,
  engagementsOf,
  insertEngagements,
  raiseEngagements,
  setDirection,
  type EngagementRow,
} from './engagement-store.js';
import type { MailState } from './mail-state.js';
import type { MailKey } from './mail-store.js';
import { keyOf, type Match } from './match.js';
import type { Tx } from './rows.js';

@Injectable()
export class EngagementWriter {
  constructor(
    private readonly outbox: Outbox,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Puts a mail on the contacts it belongs on and takes it off the others; answers on how many it stands. Under the mail's lock. */
  async place(tx: Tx, mail: MailState, match: Match | undefined): Promise<number> {
    const now = this.clock.now();
    const made = match ? await makeContacts(tx, mail.tenantId, match.made, now) : [];
    const keys = match ? [...match.made, ...match.known].map(keyOf) : [];
    const contacts = await contactsOn(tx, mail, keys);
    const present = await engagementsOf(tx, mail);
    const wanted = new Set(contacts.map(({ contactId }) => contactId));
    const standing = new Set(present.map(({ contactId }) => contactId));
    if (match) await setDirection(tx, mail, match.direction);
    const gone = await deleteEngagements(
      tx,
      present.filter(({ contactId }) => !wanted.has(contactId)),
    );
    const fresh = contacts.filter(({ contactId, isDeleted }) => !standing.has(contactId) && !isDeleted);
    await insertEngagements(
      tx,
      mail,
      fresh.map(({ contactId }) => contactId),
    );
    await this.outbox.add(tx, [
      ...made.map((contact) => changed(mail.tenantId, contact)),
      ...gone.map((row) => deleted(row, 'untracked', mail)),
    ]);
    await this.say(tx, [mail]);
    await touchContacts(tx, mail.tenantId, [...wanted, ...gone.map(({ contactId }) => contactId)]);
    return contacts.filter(({ isDeleted }) => !isDeleted).length;
  }

  /** Tells of every engagement of these mails anew. */
  async say(tx: Tx, mails: MailKey[]): Promise<void> {
    const rows = await raiseEngagements(tx, mails);
    await this.outbox.add(tx, rows.map(logged));
  }

  /** Tells that engagements are of another thread now. */
  async move(tx: Tx, mails: MailKey[]): Promise<void> {
    const rows = await raiseEngagements(tx, mails);
    await this.outbox.add(tx, rows.map(moved));
  }

  /** Takes one engagement off for good. */
  async delete(tx: Tx, row: EngagementRow): Promise<void> {
    const gone = await deleteEngagements(tx, [row]);
    await this.outbox.add(
      tx,
      gone.map((one) => deleted(one, 'deleted', {})),
    );
    await touchContacts(tx, row.tenantId, [row.contactId]);
  }

  async contactChanged(tx: Tx, tenantId: string, contact: ContactRow): Promise<void> {
    await this.outbox.add(tx, [changed(tenantId, contact)]);
  }
}

const common = ({ tenantId, contactId, revision }: EngagementRow) => ({
  topic: 'rejoinder.timeline.v1' as const,
  key: contactId,
  tenantId,
  sequence: BigInt(revision),
});

function logged(row: EngagementRow): NewEvent {
  const { engagementId, contactId, mailId, threadId, direction, textState, historical, traceparent } = row;
  const message = { engagementId, contactId, mailId, threadId: threadId ?? '', direction, textReady: textState === 'ready', historical };
  return event({ ...common(row), schema: EngagementLoggedSchema, message, historical, traceparent: traceparent ?? undefined });
}

function moved(row: EngagementRow): NewEvent {
  const { engagementId, contactId, threadId, historical } = row;
  return event({
    ...common(row),
    schema: EngagementMovedSchema,
    message: { engagementId, contactId, threadId: threadId ?? '' },
    historical,
  });
}

function deleted(row: EngagementRow, because: 'deleted' | 'untracked', { historical }: { historical?: boolean }): NewEvent {
  const { engagementId, contactId, mailId } = row;
  return event({ ...common(row), schema: EngagementDeletedSchema, message: { engagementId, contactId, mailId, because }, historical });
}

function changed(tenantId: string, { contactId, address, name, revision }: ContactRow): NewEvent {
  const message = { contactId, address, name };
  return event({
    topic: 'rejoinder.timeline.v1',
    key: contactId,
    tenantId,
    schema: ContactChangedSchema,
    message,
    sequence: BigInt(revision),
  });
}
