// Mails of one tenant as inboxes show them, by hashes alone: many conversations at a time, parents that nobody saw, answers that come before what they answer; the same for the same number.
import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import type { OutboundEvent } from '@rejoinder/bus/event';
import { MailsObservedSchema, ObservedMailSchema, type ObservedMail } from '@rejoinder/contracts/events/sync';
import { MailKind } from '@rejoinder/contracts/mail';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { randomFrom } from '@rejoinder/testing/seed';

const seed = 4_711;
const hashBytes = 16;
const peopleCount = 20_000;
const inboxCount = 48;
const openAtOnce = 2_000;
const longestThread = 20;
/** A mail is the last of its conversation so often, so that they are two to three mails long. */
const ends = 0.38;
/** Mails that no inbox has, so that only their answers name them. */
const unseen = 0.02;
/** Mails that change places with one up to so far behind. */
const late = 0.05;
const latestBy = 200;
const perEvent = 500;
const firstMs = Date.UTC(2026, 0, 1);
const everyMs = 20_000;

export interface ObservedMails {
  /** Each with the header fields of a mail for whoever wants the mail itself. */
  mails: { observed: ObservedMail; id: string; references: string[] }[];
  threads: number;
}

/** So many mails of one tenant. */
export function observedMails(count: number): ObservedMails {
  const random = randomFrom(seed);
  const people = Array.from({ length: peopleCount }, (_, n) => hash(`person ${n}`));
  const open: { ids: string[]; people: Buffer[]; subject: Buffer; isSeen: boolean }[] = [];
  let [threads, n] = [0, 0];
  const mails: ObservedMails['mails'] = [];
  while (mails.length < count) {
    let at = random.int(0, openAtOnce - 1);
    if (at >= open.length) {
      at = open.length;
      open.push({ ids: [], people: [random.pick(people), random.pick(people)], subject: hash(`subject ${n}`), isSeen: false });
    }
    const thread = open[at]!;
    const id = `${n}.mail`;
    const parents = thread.ids.slice();
    thread.ids.push(id);
    const [from, to] = parents.length % 2 === 0 ? thread.people : thread.people.toReversed();
    if (!random.chance(unseen)) {
      if (!thread.isSeen) threads++;
      thread.isSeen = true;
      const observed = create(ObservedMailSchema, {
        mailId: newId(),
        messageIdHash: hash(id),
        chainHashes: parents.map(hash),
        fromHash: from!,
        recipientHashes: [to!, ...(random.chance(0.3) ? [random.pick(people)] : [])],
        baseSubjectHash: thread.subject,
        kind: random.chance(0.1) ? MailKind.LIST : MailKind.PERSON,
        sizeBytes: BigInt(random.int(2_000, 60_000)),
        receivedAt: timestampFromMs(firstMs + n * everyMs),
        folderRole: 'inbox',
        domainHashes: [hash(`domain ${random.int(0, 3_000)}`), hash(`domain ${random.int(0, 3_000)}`)],
      });
      mails.push({ observed, id, references: parents });
    }
    if (thread.ids.length >= longestThread || random.chance(ends)) open.splice(at, 1);
    n++;
  }
  for (let at = 0; at < mails.length; at++) {
    const other = Math.min(mails.length - 1, at + random.int(1, latestBy));
    if (random.chance(late)) [mails[at], mails[other]] = [mails[other]!, mails[at]!];
  }
  return { mails, threads };
}

/** As sync tells of them, spread over some inboxes. */
export function eventsOf(tenantId: string, mails: ObservedMail[], inboxIds: string[]): OutboundEvent[] {
  const events: OutboundEvent[] = [];
  for (let at = 0; at < mails.length; at += perEvent) {
    const inboxId = inboxIds[(at / perEvent) % inboxIds.length]!;
    const message = create(MailsObservedSchema, { inboxId, mails: mails.slice(at, at + perEvent), historical: true });
    events.push({
      topic: 'rejoinder.sync.history.v1',
      key: inboxId,
      type: MailsObservedSchema.name,
      id: newId(),
      tenantId,
      source: '/rejoinder/sync',
      time: new Date(),
      sequence: 0n,
      historical: true,
      value: toBinary(MailsObservedSchema, message),
    });
  }
  return events;
}

export const inboxes = (): string[] => Array.from({ length: inboxCount }, () => newId());

const hash = (text: string): Buffer => createHash('sha256').update(text).digest().subarray(0, hashBytes);
