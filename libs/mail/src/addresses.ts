// Mail addresses of a From, To or Cc header (RFC 5322 §3.4), read in one pass whatever the header holds.
import { AddressScan } from './address-scan.js';
import { type DecodeWords, MAX_VALUE_LENGTH, collapse, decodeSafely } from './raw-text.js';

/** Addresses read of one header; a longer list is cut. */
export const MAX_ADDRESSES = 1_000;
/** Longest address: 64 of local part, `@`, 255 of domain (RFC 5321 §4.5.3.1). */
export const MAX_ADDRESS_LENGTH = 320;

const MAX_NAME_LENGTH = 1_000;

export interface Address {
  /** Display name, decoded if a decoder was given; empty where there is none. */
  name: string;
  /** As written, but the domain in lower case: the local part belongs to its host (RFC 5321 §2.4). */
  address: string;
  /** All in lower case: what two addresses are compared by. */
  key: string;
}

/**
 * Takes the raw value of an address header, and how to decode RFC 2047 words in names.
 * Gives its addresses in order: groups opened, comments and routes dropped, quoted local parts kept, `;` taken for `,`. What is no
 * address is left out. At most MAX_ADDRESSES, of the first MAX_VALUE_LENGTH characters. Never throws.
 */
export function parseAddresses(value: string, decode?: DecodeWords): Address[] {
  const plain = plainMailbox(value, decode);
  if (plain) return [plain];
  const found: Address[] = [];
  const scan = new AddressScan((name, text) => {
    const address = text === undefined ? undefined : normalAddress(text);
    if (address !== undefined && found.length < MAX_ADDRESSES) found.push({ name, address, key: address.toLowerCase() });
    return address !== undefined;
  });
  const bounded = value.slice(0, MAX_VALUE_LENGTH);
  for (let at = 0; at < bounded.length && found.length < MAX_ADDRESSES; at++) scan.take(bounded.charAt(at));
  scan.close();
  return found.map((one) => ({ ...one, name: displayName(one.name, decode) }));
}

/** `joe@host`, `<joe@host>` and `Joe Doe <joe@host>` as they are nearly always written: the scan would find the same, one character after the other. */
function plainMailbox(value: string, decode: DecodeWords | undefined): Address | undefined {
  if (value.length > MAX_ADDRESS_LENGTH) return undefined;
  const found = PLAIN_MAILBOX.exec(value);
  if (!found) return undefined;
  const [, name = '', inBrackets, bare] = found;
  const text = (inBrackets ?? bare)!;
  const domainAt = text.indexOf('@') + 1;
  const address = text.slice(0, domainAt) + text.slice(domainAt).toLowerCase();
  return { name: displayName(name, decode), address, key: address.toLowerCase() };
}

function displayName(raw: string, decode: DecodeWords | undefined): string {
  return collapse(decodeSafely(collapse(raw), decode)).slice(0, MAX_NAME_LENGTH);
}

/** Gives the address with its domain in lower case, or undefined where it is none. Takes `joe@host` only: no name, no brackets. */
export function normalAddress(text: string): string | undefined {
  const trimmed = text.trim();
  const at = trimmed.lastIndexOf('@');
  if (at < 1 || at === trimmed.length - 1 || trimmed.length > MAX_ADDRESS_LENGTH) return undefined;
  const local = trimmed.slice(0, at);
  const domain = trimmed.slice(at + 1).toLowerCase();
  const isQuoted = local.length > 2 && local.startsWith('"') && local.endsWith('"');
  if (NEVER_PLAIN.test(domain) || (!isQuoted && NEVER_PLAIN.test(local))) return undefined;
  return `${local}@${domain}`;
}

/**
 * Takes an address as `key`. Gives the one of the same mailbox without its tag (subaddressing, RFC 5233: `ann+crm@host` is `ann@host`), or undefined
 * where there is no tag. `+` alone divides: a hyphen stands in too many names.
 */
export function withoutTag(key: string): string | undefined {
  const at = key.lastIndexOf('@');
  const tag = key.indexOf('+');
  return tag < 1 || tag > at || key.startsWith('"') ? undefined : key.slice(0, tag) + key.slice(at);
}

/** Letters, digits and what is harmless in ASCII alone. */
const PLAIN_MAILBOX = /^(?:([\w !#$%&'*+./=?^`{|}~-]*)<([\w!#$%&'*+./=?^`{|}~-]+@[\w.-]+)>|([\w!#$%&'*+./=?^`{|}~-]+@[\w.-]+))$/;
/** Specials of RFC 5322 §3.2.3 that neither a domain nor an unquoted local part may hold; brackets of a domain literal may. */
const NEVER_PLAIN = /[\s\p{Cc}<>,;"()@\\]/u;
