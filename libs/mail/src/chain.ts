// The chain of a mail: the ids of the mails it answers, oldest first.
import { canonicalMessageId, messageIds } from './message-id.js';

/** A chain keeps the root and the nearest ancestors: the first id and the last 49. */
export const MAX_CHAIN = 50;

/**
 * An id has an `@` with something on both sides (RFC 5322 §3.6.4). What programs write for want of one is the same in mails of strangers, who would be one
 * conversation by it.
 */
const ID = /^(?!(?:null|undefined|unknown|none|nil|nan)@).+@.+$/i;

export interface ChainHeaders {
  messageId?: string | undefined;
  references?: string | undefined;
  inReplyTo?: string | undefined;
  /** The mail's own From, To and Cc addresses: old mail programs wrote them into In-Reply-To (`Message from <joe@host> of Friday`). */
  addresses?: readonly string[] | undefined;
}

export interface Chain {
  /** Canonical ids, oldest first, without repeats, without the mail itself; the last one is the mail it answers. */
  ids: string[];
  /** Ids of an In-Reply-To with several of them, none in References: any may be a mail address. Only one who knows the mails can tell: `settleChain`. */
  doubtful: string[];
}

/**
 * Takes the raw headers of one mail.
 * Gives its chain (RFC 5322 §3.6.4): References in order, then the first id of In-Reply-To moved to the end.
 * At most MAX_CHAIN ids and MAX_CHAIN doubtful ones.
 */
export function chainOf(headers: ChainHeaders): Chain {
  const self = headers.messageId === undefined ? undefined : canonicalMessageId(headers.messageId);
  const addresses = new Set((headers.addresses ?? []).map((address) => address.toLowerCase()));
  const isId = (id: string) => ID.test(id) && id !== self && !addresses.has(id.toLowerCase());
  const references = unique(messageIds(headers.references ?? '').filter(isId));
  const inReplyTo = unique(messageIds(headers.inReplyTo ?? '').filter(isId));
  const cited = new Set(references);
  const parent = inReplyTo.length === 1 ? inReplyTo[0] : inReplyTo.find((id) => cited.has(id));
  if (parent !== undefined) return { ids: capped(withParent(references, parent)), doubtful: [] };
  return { ids: capped(references), doubtful: inReplyTo.slice(0, MAX_CHAIN) };
}

/**
 * Takes a chain and what the caller knows of ids (stored, or cited by a stored mail).
 * Gives the final ids: the first doubtful one that is known is the mail it answers; the others are dropped.
 */
export function settleChain(chain: Chain, isKnown: (id: string) => boolean): string[] {
  const parent = chain.doubtful.find(isKnown);
  return parent === undefined ? chain.ids : capped(withParent(chain.ids, parent));
}

function withParent(ids: readonly string[], parent: string): string[] {
  return [...ids.filter((id) => id !== parent), parent];
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}

/** Of ids or their hashes. */
export function capped<Id>(ids: Id[]): Id[] {
  return ids.length <= MAX_CHAIN ? ids : [...ids.slice(0, 1), ...ids.slice(1 - MAX_CHAIN)];
}
