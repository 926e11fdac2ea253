// Who is on a mail: the outside people a cut and a timeline go by, and the lists it went over.
import { parseAddresses } from './addresses.js';
import { type MailHeaders, allValues, firstValue } from './headers.js';

/** Headers that name who is on the mail; Bcc stands in own sent mail. */
const PEOPLE_HEADERS = ['from', 'to', 'cc', 'bcc'];

/** Gives the addresses (as `key`) of a mail's lists by List-Post (RFC 2369 §3.4), at most 1,000. */
export function listAddresses(headers: MailHeaders): string[] {
  const posts = allValues(headers, 'list-post').flatMap((value) => [...value.slice(0, 10_000).matchAll(/<\s*mailto:([^>?\s]{1,400})/gi)]);
  return [...new Set(posts.flatMap(([, address = '']) => parseAddresses(address).map((one) => one.key)))].slice(0, 1_000);
}

/**
 * Takes a mail's headers and the own addresses (as `key`) of the tenant.
 * Gives everyone else on it (as `key`), sorted, each once, without list addresses. A list that names no address but a List-Id of the form
 * `name.host` (RFC 2919) is known by `name@host`.
 */
export function peopleOf(headers: MailHeaders, own: ReadonlySet<string>): string[] {
  const lists = new Set(listAddresses(headers));
  const listId = /<?([^<>\s]{3,255})>?\s*$/.exec(firstValue(headers, 'list-id')?.slice(-300) ?? '')?.[1]?.toLowerCase();
  if (listId !== undefined) lists.add(listId.replace('.', '@'));
  const everyone = PEOPLE_HEADERS.flatMap((name) => allValues(headers, name)).flatMap((value) => parseAddresses(value));
  return [...new Set(everyone.map((one) => one.key))].filter((key) => !own.has(key) && !lists.has(key)).sort();
}
