// The words of the reference graph: a mail as it is judged, by keyed hashes alone.

/** Why a mail is a root, strongest first. */
export const rootReasons = ['sent', 'logged', 'api'] as const;
export type RootReason = (typeof rootReasons)[number];

/** Asking: the verdict hangs on the text, which sync reads for that alone. */
export type Verdict = 'untracked' | 'asking' | 'tracked';

/** Whether a mail has left the conversation it cites; unread: only its text can tell, and it is not tracked for what that says. */
export type Cut = 'no' | 'yes' | 'unread';

/** Hashes are opaque strings here; they are only compared. */
export interface GraphMail {
  tenantId: string;
  mailId: string;
  /** Its Message-ID, and the one its provider gave a send; empty where it has none. */
  ids: string[];
  /** What it answers, oldest first. */
  chain: string[];
  /** Everyone on it but the tenant's own addresses. */
  people: string[];
  subject: string;
  isReport: boolean;
  /** Null while its text was not asked. */
  carriesQuote: boolean | null;
  /** What made it a root, whatever was said of that since: `rootOf`. */
  root: RootReason | null;
  sendId: string | null;
  /** Null while it is new. */
  threadId: string | null;
  verdict: Verdict;
  cut: Cut;
  /** The tracked mail that it answers; null for a root, a ghost's child and an untracked mail. */
  answers: string | null;
  /** Tracked for that a contact is on it, and for nothing else. */
  byContact: boolean;
  /** Somebody on it is on the never-log list. */
  isNeverLogged: boolean;
  /** Mail that nobody but own people is on is logged, if this is such. */
  logsInternal: boolean;
  /** A contact is on it, and an inbox that got it captures all mail of contacts. */
  isOfContact: boolean;
  /** A person said that it begins a thread of its own. */
  isSplit: boolean;
  /** The mail that a person put it with, as if it answered that one. */
  mergedInto: string | null;
  /** A person said that it was not meant to be logged. */
  isUnlogged: boolean;
  /** So many of the last ids of its chain hold it in its thread. */
  joined: number;
  revision: number;
  captureRevision: number;
  capture: 'captured' | 'failed' | 'forgotten' | null;
  inboxIds: string[];
  historical: boolean;
  seenAt: string;
}

/** The stronger of two reasons. */
export function strongerRoot(one: RootReason | null, other: RootReason | null): RootReason | null {
  return rootReasons.find((reason) => reason === one || reason === other) ?? null;
}

/** Why a mail counts as a root. That it was logged can be taken back, and that it was sent from the CRM cannot. */
export function rootOf({ root, isUnlogged }: Pick<GraphMail, 'root' | 'isUnlogged'>): RootReason | null {
  return isUnlogged && root !== 'sent' ? null : root;
}

/** The ids of its chain that hold a mail in its thread. */
export function joinedIds(mail: { chain: string[]; joined: number }): string[] {
  return mail.joined === 0 ? [] : mail.chain.slice(-mail.joined);
}

/** Whose addresses are the tenant's own, and what it says of mail among them. */
export interface OwnPeople {
  addresses: ReadonlySet<string>;
  /** Mail that nobody but they are on is logged. */
  logsInternal: boolean;
  /** Where it is not any more: what was captured of it before then stays. */
  internalUntil: string | null;
}

/** A mail as it is judged: own addresses are nobody's people. */
export function fromOutside<Mail extends GraphMail>(mail: Mail, { addresses, logsInternal, internalUntil }: OwnPeople): Mail {
  const stays = internalUntil !== null && mail.capture === 'captured' && Date.parse(mail.seenAt) < Date.parse(internalUntil);
  return { ...mail, people: mail.people.filter((one) => !addresses.has(one)), logsInternal: logsInternal || stays };
}
