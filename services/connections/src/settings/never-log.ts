// The never-log list: what an entry means, by which texts it is hashed, and whose mail it stops without a person's meaning it.
import { domainToASCII, domainToUnicode } from 'node:url';
import { Fault } from '@rejoinder/base/fault';

export interface NeverLogEntry {
  /** As it is kept and shown. */
  entry: string;
  kind: 'address' | 'domain';
  /** Each way to write it: a name outside ASCII stands in headers in either form (RFC 5890, RFC 6532). */
  texts: string[];
}

export interface NeverLogWarning {
  entry: string;
  sentence: string;
}

export const maxEntries = 1_000;
const maxEntry = 320;
const label = '[^\\s<>,;:"()\\[\\]\\\\@.*\\u0000-\\u001f\\u007f]{1,63}';
const domainForm = new RegExp(`^(${label}\\.)+${label}$`, 'u');
const localForm = /^[^\s<>,;:"()[\]\\@\u0000-\u001f\u007f]{1,64}$/u;

/** Takes what was typed: an address, or a domain, also as @example.com or *.example.com. */
export function readEntry(typed: string): NeverLogEntry {
  const text = typed.trim().toLowerCase();
  const at = text.lastIndexOf('@');
  const [local, domain] = at > 0 ? [text.slice(0, at), text.slice(at + 1)] : ['', text.replace(/^(@|\*\.)/, '')];
  const isSound = text.length <= maxEntry && domainForm.test(domain) && (at <= 0 || localForm.test(local));
  // It is a person's data: what is wrong is told without it.
  if (!isSound)
    throw new Fault('invalid', 'NEVER_LOG_INVALID', 'An entry is an address such as anna@example.com, or a domain such as example.com.');
  const domains = [...new Set([domain, domainToASCII(domain), domainToUnicode(domain).toLowerCase()])].filter((one) => one !== '');
  if (at <= 0) return { entry: domain, kind: 'domain', texts: domains };
  return { entry: `${local}@${domain}`, kind: 'address', texts: domains.map((one) => `${local}@${one}`) };
}

export function readEntries(typed: readonly string[]): NeverLogEntry[] {
  if (typed.length > maxEntries) throw new Fault('invalid', 'NEVER_LOG_INVALID', `The list has at most ${maxEntries} entries.`);
  return [...new Map(typed.map(readEntry).map((one) => [one.entry, one])).values()];
}

/** Entries that cover a mailbox of one's own: its address is on almost all of its mail. */
export function warningsOf(entries: readonly NeverLogEntry[], ownAddresses: readonly string[]): NeverLogWarning[] {
  return entries.flatMap((one) => {
    const own = ownAddresses.find((address) => covers(one, address));
    return own === undefined
      ? []
      : [{ entry: one.entry, sentence: `${one.entry} covers your own mailbox ${own}: none of its mail is logged any more.` }];
  });
}

function covers({ kind, texts }: NeverLogEntry, address: string): boolean {
  const key = address.toLowerCase();
  if (kind === 'address') return texts.includes(key);
  const domain = key.slice(key.lastIndexOf('@') + 1);
  return texts.some((text) => domain === text || domain.endsWith(`.${text}`));
}
