// Which mails are one thread: connected components over Message-IDs, seen or not, kept step by step; for display only.
import { joinedIds } from './graph.js';

/** A mail whose links are looked at anew. */
export interface Linked {
  mailId: string;
  ids: string[];
  chain: string[];
  joined: number;
  /** A person said that it begins a thread of its own. */
  isSplit: boolean;
  /** The mail that a person put it with. */
  mergedInto: string | null;
  /** Null while it is new. */
  threadId: string | null;
  seenAt: string;
}

export interface Threading {
  /** The thread of every linked mail. */
  threadOf: Map<string, string>;
  /** Threads that mails have left, each with one that they are in now. */
  splits: ThreadSplit[];
  /** Threads that are no more once those mails have left, and the one each went into. */
  merged: Map<string, string>;
  made: string[];
}

export interface ThreadSplit {
  threadId: string;
  fromThreadId: string;
}

/** Every id that a mail holds to; beside these it holds to the mail that it was put with. */
export function idsHeld(mail: Linked): string[] {
  return [...mail.ids, ...joinedIds(mail)];
}

/**
 * Takes mails whose links are new; the thread of each of their ids, and of each mail that one was put with, where another holds to it already; and threads that
 * may fall apart, all of whose mails must be among the linked. Gives each its thread. Of threads that turn out to be one the oldest stays: ids sort by age.
 * A thread that falls apart stays with its oldest mail of those that nobody split off.
 */
export function thread(mails: Linked[], threadOfId: Map<string, string>, apart: ReadonlySet<string>, newId: () => string): Threading {
  const sets = new DisjointSets();
  for (const mail of mails) {
    const own = `mail ${mail.mailId}`;
    if (mail.threadId !== null && !apart.has(mail.threadId)) sets.join(own, `thread ${mail.threadId}`);
    const hold = (what: string, id: string) => {
      sets.join(own, `${what} ${id}`);
      const threadId = threadOfId.get(id);
      if (threadId !== undefined && !apart.has(threadId)) sets.join(own, `thread ${threadId}`);
    };
    for (const id of idsHeld(mail)) hold('id', id);
    if (mail.mergedInto !== null) hold('mail', mail.mergedInto);
  }
  const claims = claimsOf(mails, threadOfId, apart, sets);
  const made: string[] = [];
  const threadOf = new Map<string, string>();
  for (const mail of mails) {
    const set = sets.find(`mail ${mail.mailId}`);
    if (!claims.has(set)) {
      made.push(newId());
      claims.set(set, new Set([made.at(-1)!]));
    }
    threadOf.set(mail.mailId, oldest(claims.get(set)!));
  }
  const merged = mergedOf(claims.values());
  return { threadOf, splits: splitsOf(mails, threadOf, merged), merged, made };
}

function splitsOf(mails: Linked[], threadOf: Map<string, string>, merged: Map<string, string>): ThreadSplit[] {
  const splits = new Map<string, ThreadSplit>();
  for (const { mailId, threadId: fromThreadId } of mails) {
    const threadId = threadOf.get(mailId)!;
    if (fromThreadId === null || threadId === (merged.get(fromThreadId) ?? fromThreadId)) continue;
    splits.set(`${fromThreadId} ${threadId}`, { threadId, fromThreadId });
  }
  return [...splits.values()];
}

/** The thread ids that each component may go on under. */
function claimsOf(
  mails: Linked[],
  threadOfId: Map<string, string>,
  apart: ReadonlySet<string>,
  sets: DisjointSets,
): Map<string, Set<string>> {
  const claims = new Map<string, Set<string>>();
  const claim = (set: string, threadId: string) => claims.set(set, (claims.get(set) ?? new Set()).add(threadId));
  const whole = [...mails.map((mail) => mail.threadId), ...threadOfId.values()].filter((id) => id !== null && !apart.has(id));
  for (const threadId of whole) claim(sets.find(`thread ${threadId}`), threadId!);
  for (const threadId of apart) {
    const members = mails.filter((mail) => mail.threadId === threadId).sort(bySeniority);
    if (members[0]) claim(sets.find(`mail ${members[0].mailId}`), threadId);
  }
  return claims;
}

function mergedOf(claims: Iterable<Set<string>>): Map<string, string> {
  const merged = new Map<string, string>();
  for (const ids of claims) {
    const into = oldest(ids);
    for (const id of ids) if (id !== into) merged.set(id, into);
  }
  return merged;
}

const oldest = (ids: Set<string>): string => [...ids].sort()[0]!;
const bySeniority = (one: Linked, other: Linked) => (rank(one) < rank(other) ? -1 : 1);
const rank = ({ isSplit, seenAt, mailId }: Linked) => `${isSplit ? 1 : 0} ${seenAt} ${mailId}`;

class DisjointSets {
  readonly #parents = new Map<string, string>();

  find(one: string): string {
    let root = one;
    for (let parent = this.#parents.get(root); parent !== undefined; parent = this.#parents.get(root)) root = parent;
    for (let at = one; at !== root;) {
      const next = this.#parents.get(at)!;
      this.#parents.set(at, root);
      at = next;
    }
    return root;
  }

  join(one: string, other: string): void {
    const [root, under] = [this.find(one), this.find(other)];
    if (root !== under) this.#parents.set(under, root);
  }
}
