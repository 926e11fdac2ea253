// What is to be said once a mail was judged: its new state, and the events and commands that follow from it.
import { event, type NewEvent } from '@rejoinder/bus/outbox';
import { CaptureMailSchema, DropMailSchema } from '@rejoinder/contracts/commands';
import { MailTrackedSchema, MailUntrackedSchema, ThreadMergedSchema, ThreadSplitSchema } from '@rejoinder/contracts/events/threading';
import { isInternal } from '@rejoinder/mail/gate';
import { rootOf, type GraphMail } from '../graph/graph.js';
import type { Threading } from '../graph/threads.js';
import type { Judged } from './judge.js';

export interface Change {
  before: GraphMail;
  after: GraphMail;
}

/** Inboxes that are gone are asked for nothing. */
export type IsGone = (inboxId: string) => boolean;

/** Gives the mail as it is now, or undefined where nothing about it is new. Its thread before is meant as it is called since merges. */
export function changeOf(before: GraphMail, judged: Judged, threadId: string): Change | undefined {
  const after = { ...before, ...judged, threadId };
  const isNew = after.verdict !== before.verdict;
  const hasLeft = before.threadId !== null && before.threadId !== threadId;
  if (isNew || (hasLeft && after.verdict === 'tracked') || isRefused(after)) after.revision = before.revision + 1;
  // What was read to judge it needs no second reading.
  const isRead = before.verdict === 'asking' && before.capture === 'captured';
  if (isNew && isWanted(after) && !isRead) Object.assign(after, { captureRevision: after.revision, capture: null });
  return same(before, after) && after.revision === before.revision ? undefined : { before, after };
}

/** Somebody logged it by hand, and it may not be: what the logging address has kept of it is let go. */
const isRefused = (mail: GraphMail): boolean => mail.root === 'logged' && mail.verdict === 'untracked' && mail.revision === 0;

function same(one: GraphMail, other: GraphMail): boolean {
  const keys = ['verdict', 'cut', 'joined', 'answers', 'byContact', 'threadId'] as const;
  return keys.every((key) => one[key] === other[key]);
}

/** Events and commands of a change, in the order in which they are to be read. */
export function announce({ before, after }: Change, isGone: IsGone, traceparent: string | undefined): NewEvent[] {
  if (after.revision === before.revision) return [];
  const said: NewEvent[] = [];
  if (after.verdict === 'tracked') said.push(tracked(after, traceparent));
  else if (before.verdict === 'tracked') said.push(untracked(after, traceparent));
  const inboxIds = after.inboxIds.filter((inboxId) => !isGone(inboxId));
  if (after.captureRevision === after.revision) return [...said, ...askFor(after, inboxIds, traceparent)];
  if (after.verdict === 'untracked' && !isDropped(before, after))
    said.push(...inboxIds.map((inboxId) => drop(after, inboxId, traceparent)));
  return said;
}

/** Commands to read a mail at these inboxes. */
export function askFor(mail: GraphMail, inboxIds: string[], traceparent: string | undefined): NewEvent[] {
  const { tenantId, mailId, threadId, historical, captureRevision } = mail;
  return inboxIds.map((inboxId) =>
    event({
      topic: 'rejoinder.sync.commands.v1',
      key: inboxId,
      tenantId,
      schema: CaptureMailSchema,
      message: {
        inboxId,
        mailId,
        onlyIfQuoting: mail.verdict === 'asking',
        revision: BigInt(captureRevision),
        threadId: threadId!,
        historical,
      },
      sequence: BigInt(captureRevision),
      historical,
      traceparent,
    }),
  );
}

/** Our own sends are not fetched: sending has their text. What was forgotten is refused by everybody. */
export function isWanted(mail: GraphMail): boolean {
  return mail.sendId === null && mail.verdict !== 'untracked' && mail.capture !== 'forgotten';
}

/** How often the threads of a tenant change by this. */
export const changesOf = ({ splits, merged }: Threading): number => splits.length + merged.size;

/** What became of threads, each under a revision of its own up to the last: first what left one, then which went into another. */
export function announceThreads(
  tenantId: string,
  { splits, merged }: Threading,
  lastRevision: number,
  traceparent: string | undefined,
): NewEvent[] {
  let revision = BigInt(lastRevision - splits.length - merged.size);
  const common = (threadId: string) => {
    return { topic: 'rejoinder.threading.internal.v1' as const, key: threadId, tenantId, sequence: ++revision, traceparent };
  };
  return [
    ...splits.map((split) => event({ ...common(split.threadId), schema: ThreadSplitSchema, message: { ...split, revision } })),
    ...[...merged].map(([mergedThreadId, threadId]) =>
      event({ ...common(threadId), schema: ThreadMergedSchema, message: { threadId, mergedThreadId, revision } }),
    ),
  ];
}

/** Sync has let go of the text by itself where it found no quote. */
function isDropped(before: GraphMail, after: GraphMail): boolean {
  return before.verdict === 'asking' && after.carriesQuote === false;
}

/** Why a mail is tracked, or is so no more. */
export function becauseOf(mail: GraphMail): string {
  const { verdict, byContact, answers, mergedInto } = mail;
  const root = rootOf(mail);
  if (verdict !== 'tracked') return whyUntracked(mail);
  if (root !== null || byContact) return root ?? 'contact';
  return answers !== null && answers === mergedInto ? 'pinned' : 'answers';
}

function whyUntracked(mail: GraphMail): string {
  if (mail.isNeverLogged) return 'never_logged';
  if (rootOf(mail) !== mail.root) return 'unlogged';
  if (mail.isSplit) return 'split';
  return isInternal(mail) && !mail.logsInternal ? 'internal' : 'cut';
}

function tracked(mail: GraphMail, traceparent: string | undefined): NewEvent {
  const { tenantId, mailId, threadId, revision, historical, answers } = mail;
  return event({
    topic: 'rejoinder.threading.v1',
    key: mailId,
    tenantId,
    schema: MailTrackedSchema,
    message: {
      mailId,
      threadId: threadId!,
      revision: BigInt(revision),
      because: becauseOf(mail),
      answersMailId: answers ?? '',
    },
    sequence: BigInt(revision),
    historical,
    traceparent,
  });
}

function untracked(mail: GraphMail, traceparent: string | undefined): NewEvent {
  const { tenantId, mailId, revision, historical } = mail;
  return event({
    topic: 'rejoinder.threading.v1',
    key: mailId,
    tenantId,
    schema: MailUntrackedSchema,
    message: { mailId, revision: BigInt(revision), because: becauseOf(mail) },
    sequence: BigInt(revision),
    historical,
    traceparent,
  });
}

function drop(mail: GraphMail, inboxId: string, traceparent: string | undefined): NewEvent {
  return event({
    topic: 'rejoinder.sync.commands.v1',
    key: inboxId,
    tenantId: mail.tenantId,
    schema: DropMailSchema,
    message: { inboxId, mailId: mail.mailId, revision: BigInt(mail.revision) },
    sequence: BigInt(mail.revision),
    historical: mail.historical,
    traceparent,
  });
}
