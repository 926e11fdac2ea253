// What a sighting of a mail, or our own sending of it, adds to what is known of that mail.
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { MailKind } from '@rejoinder/contracts/mail';
import type { SendAccepted } from '@rejoinder/contracts/events/sending';
import type { ObservedMail } from '@rejoinder/contracts/events/sync';
import { strongerRoot, type GraphMail, type RootReason } from './graph.js';
import { bytesText } from '@rejoinder/runtime/rows';

/** What is known of a mail from its headers or its send. */
export interface Facts {
  tenantId: string;
  mailId: string;
  ids: string[];
  chain: string[];
  from: string;
  recipients: string[];
  subject: string;
  kind: string;
  root: RootReason | null;
  sendId: string | null;
  inboxIds: string[];
  historical: boolean;
  seenAt: string;
  /** Of everybody on it, with those above; and addresses without their tag. */
  domains: string[];
  /** When the mailbox got it; null for what only our sender has told of. */
  receivedAt: string | null;
}

export type Stored = GraphMail & Facts;

export interface Sighting {
  facts: Facts;
  /** Said by our own sender: stands over whatever a header says. */
  isOurs: boolean;
}

/** What a sighting changes. */
export interface Learnt {
  facts: Facts;
  isNew: boolean;
  /** Its verdict, or that of those who cite it, may be another. */
  isGround: boolean;
  addedInboxIds: string[];
}

/** What is said of a mail beside its headers: of the people on it, and by a person of the mail itself. */
export type Said = Pick<GraphMail, 'isNeverLogged' | 'isOfContact' | 'isSplit' | 'mergedInto' | 'isUnlogged'>;

/** Of a mail that does not say whom it is from. */
const noBytes = bytesText(new Uint8Array());

const kinds: Partial<Record<MailKind, string>> = {
  [MailKind.LIST]: 'list',
  [MailKind.AUTO_REPLY]: 'auto_reply',
  [MailKind.DELIVERY_REPORT]: 'delivery_report',
  // It keeps its thread as a report does.
  [MailKind.COMPLAINT]: 'delivery_report',
};

/** A mail as an inbox shows it. A draft is no mail yet. */
export function sightingOf(tenantId: string, inboxId: string, historical: boolean, mail: ObservedMail, now: Date): Sighting | undefined {
  if (mail.folderRole === 'drafts') return undefined;
  const isSend = mail.sendId !== '';
  // Who got a mail of ours can send its signed header back under another Message-ID: only our own Sent folder tells what its provider made of the id.
  const ids = mail.messageIdHash.length === 0 || (isSend && mail.folderRole !== 'sent') ? [] : [bytesText(mail.messageIdHash)];
  const facts: Facts = {
    tenantId,
    mailId: mail.mailId,
    ids,
    chain: mail.chainHashes.map(bytesText),
    from: bytesText(mail.fromHash),
    recipients: mail.recipientHashes.map(bytesText),
    subject: bytesText(mail.baseSubjectHash),
    kind: kinds[mail.kind] ?? 'person',
    root: isSend ? 'sent' : mail.logged ? 'logged' : null,
    sendId: isSend ? mail.sendId : null,
    inboxIds: [inboxId],
    historical,
    seenAt: now.toISOString(),
    domains: mail.domainHashes.map(bytesText),
    receivedAt: mail.receivedAt ? timestampDate(mail.receivedAt).toISOString() : null,
  };
  return { facts, isOurs: false };
}

/** A mail as our own sender sends it. */
export function sendingOf(tenantId: string, send: SendAccepted, now: Date): Sighting {
  const facts: Facts = {
    tenantId,
    mailId: send.mailId,
    ids: [bytesText(send.messageIdHash)],
    chain: send.chainHashes.map(bytesText),
    from: bytesText(send.fromHash),
    recipients: send.recipientHashes.map(bytesText),
    subject: bytesText(send.baseSubjectHash),
    kind: 'person',
    root: 'sent',
    sendId: send.sendId,
    inboxIds: [],
    historical: false,
    seenAt: (send.acceptedAt ? timestampDate(send.acceptedAt) : now).toISOString(),
    domains: [],
    receivedAt: null,
  };
  return { facts, isOurs: true };
}

/** Folds the sightings of one mail into what is stored of it. The first headers stand, but for our own word about our own mail. */
export function learn(stored: Stored | undefined, sightings: Sighting[]): Learnt {
  let facts: Facts | undefined = stored && factsOf(stored);
  for (const sighting of sightings) facts = facts ? fold(facts, sighting) : sighting.facts;
  const before = stored && factsOf(stored);
  const known = new Set(stored?.inboxIds);
  return {
    facts: facts!,
    isNew: stored === undefined,
    isGround: before === undefined || groundOf(before) !== groundOf(facts!),
    addedInboxIds: facts!.inboxIds.filter((inboxId) => !known.has(inboxId)),
  };
}

/** A mail of which nothing is known but its facts: not judged yet. */
export function unjudged(facts: Facts, said: Said): GraphMail & Facts {
  return {
    ...facts,
    ...said,
    people: facts.from === noBytes ? facts.recipients : [facts.from, ...facts.recipients],
    isReport: facts.kind === 'delivery_report',
    logsInternal: false,
    carriesQuote: null,
    threadId: null,
    verdict: 'untracked',
    cut: 'no',
    answers: null,
    byContact: false,
    joined: 0,
    revision: 0,
    captureRevision: 0,
    capture: null,
  };
}

function fold(known: Facts, { facts, isOurs }: Sighting): Facts {
  const isRenamed = isOurs || facts.sendId !== null;
  return {
    ...(isOurs ? facts : known),
    chain: isOurs || namesMore(known, facts) ? facts.chain : known.chain,
    seenAt: known.seenAt,
    receivedAt: known.receivedAt ?? facts.receivedAt,
    ids: isRenamed ? union(known.ids, facts.ids) : known.ids,
    root: strongerRoot(known.root, facts.root),
    sendId: known.sendId ?? facts.sendId,
    inboxIds: union(known.inboxIds, facts.inboxIds),
    historical: known.historical && facts.historical,
  };
}

/**
 * A delivery report was looked into here and not before: its chain goes on to the mail it is about. Of no other mail may headers that come later add to
 * the chain: who got a mail could send it again, citing a tracked one.
 */
function namesMore(known: Facts, { chain, kind }: Facts): boolean {
  if (known.kind !== 'delivery_report' || kind !== 'delivery_report') return false;
  const end = known.chain.at(-1);
  return chain.at(-1) !== end && (end === undefined || chain.includes(end));
}

function factsOf({
  tenantId,
  mailId,
  ids,
  chain,
  from,
  recipients,
  subject,
  kind,
  root,
  sendId,
  inboxIds,
  historical,
  seenAt,
  domains,
  receivedAt,
}: Stored): Facts {
  const people = { from, recipients, domains };
  return { tenantId, mailId, ids, chain, ...people, subject, kind, root, sendId, inboxIds, historical, seenAt, receivedAt };
}

function groundOf({ ids, chain, from, recipients, subject, kind, root, sendId }: Facts): string {
  return JSON.stringify([ids, chain, from, recipients, subject, kind, root, sendId]);
}

const union = (some: string[], others: string[]): string[] => [...new Set([...some, ...others])];
