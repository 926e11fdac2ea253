// Writes engagements with the events that tell of them: placed on contacts, said again, withdrawn, deleted.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { event, Outbox, type NewEvent } from '@rejoinder/bus/outbox';
import {
  ContactChangedSchema,
  ContactMergedSchema,
  EngagementDeletedSchema,
  EngagementLoggedSchema,
  EngagementMovedSchema,
} from '@rejoinder/contracts/events/timeline';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { byMailbox, contactsOn, makeContacts, touchContacts, type ContactRow } from '../contact/contact-store.js';
import { deleteEngagements, engagementsOf, insertEngagements, raiseEngagements, type EngagementRow } from './engagement-store.js';
import type { MailState } from '../mail/mail-state.js';
import type { MailKey } from '../mail/mail-store.js';
import { keyOf, type Match } from '../contact/match.js';
import { mailKindOf } from './mail-kind.js';
import type { Tx } from '../tx.js';

@Injectable()
export class EngagementWriter {
  constructor(
    private readonly outbox: Outbox,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Puts a mail on the contacts it belongs on and takes it off the others; answers on how many it stands and what is to be told of it. Under the mail's lock. */
  async place(tx: Tx, mail: MailState, found: Match | undefined): Promise<{ count: number; events: NewEvent[] }> {
    const { tenantId } = mail;
    const match = found && (await byMailbox(tx, tenantId, found));
    const keys = match ? [...match.made, ...match.known].map(keyOf) : [];
    const [made, contacts, present] = await Promise.all([
      match ? makeContacts(tx, tenantId, match.made, this.clock.now()) : [],
      contactsOn(tx, mail, keys),
      engagementsOf(tx, mail),
    ]);
    const wanted = contacts.filter(({ isMeant, isDeleted }) => isMeant && !isDeleted).map(({ contactId }) => contactId);
    const standing = new Set(present.map(({ contactId }) => contactId));
    const unwanted = present.filter(({ contactId }) => !wanted.includes(contactId));
    const fresh = wanted.filter((contactId) => !standing.has(contactId));
    const [gone] = await Promise.all([
      deleteEngagements(tx, unwanted),
      insertEngagements(tx, mail, fresh),
      touchContacts(tx, tenantId, [...fresh, ...unwanted.map(({ contactId }) => contactId)]),
    ]);
    const events = [...made.map((contact) => changed(tenantId, contact)), ...gone.map((row) => deleted(row, 'untracked', mail))];
    return { count: wanted.length, events };
  }

  /** Tells of every engagement of these mails anew, after what else is to be told. */
  async say(tx: Tx, mails: MailKey[], first: NewEvent[] = []): Promise<void> {
    const rows = await raiseEngagements(tx, mails);
    await this.outbox.add(tx, [...first, ...rows.map(logged)]);
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

  /** Takes engagements off whose mail stands on the contact that theirs goes into; answers what is to be told of it. */
  async merged(tx: Tx, rows: EngagementRow[]): Promise<NewEvent[]> {
    return (await deleteEngagements(tx, rows)).map((row) => deleted(row, 'merged', row));
  }

  /** What is to be told of engagements that came to another contact. */
  loggedAgain(rows: EngagementRow[]): NewEvent[] {
    return rows.map((row) => logged({ ...row, traceparent: null }));
  }

  /** Tells, after what became of its engagements, that a contact is no more. */
  async contactMerged(tx: Tx, first: NewEvent[], { tenantId, contactId, into, revision }: Merged): Promise<void> {
    const message = { contactId, intoContactId: into };
    await this.outbox.add(tx, [...first, event({ ...common({ tenantId, contactId, revision }), schema: ContactMergedSchema, message })]);
  }

  async contactChanged(tx: Tx, tenantId: string, contact: ContactRow): Promise<void> {
    await this.outbox.add(tx, [changed(tenantId, contact)]);
  }
}

interface Merged {
  tenantId: string;
  contactId: string;
  /** The contact that it went into. */
  into: string;
  revision: number;
}

const common = ({ tenantId, contactId, revision }: Pick<EngagementRow, 'tenantId' | 'contactId' | 'revision'>) => ({
  topic: 'rejoinder.timeline.v1' as const,
  key: contactId,
  tenantId,
  sequence: BigInt(revision),
});

function logged(row: EngagementRow): NewEvent {
  const { engagementId, contactId, mailId, threadId, direction, textState, kind, historical, traceparent } = row;
  const facts = { engagementId, contactId, mailId, threadId: threadId ?? '', direction };
  const message = { ...facts, textReady: textState === 'ready', kind: mailKindOf(kind), historical };
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

function deleted(row: EngagementRow, because: 'deleted' | 'untracked' | 'merged', { historical }: { historical?: boolean }): NewEvent {
  const { engagementId, contactId, mailId } = row;
  return event({ ...common(row), schema: EngagementDeletedSchema, message: { engagementId, contactId, mailId, because }, historical });
}

function changed(tenantId: string, { contactId, address, otherAddresses, name, revision }: ContactRow): NewEvent {
  const message = { contactId, address, otherAddresses, name };
  return event({ ...common({ tenantId, contactId, revision }), schema: ContactChangedSchema, message });
}
