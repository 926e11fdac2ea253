// Message-IDs in one canonical spelling, so that a mail and those that cite it agree (RFC 5322 §3.6.4).
import { squeeze, utf8Length } from './raw-text.js';

/** Longest id, in bytes: RFC 5322 §2.1.1 lets no line be longer, so a longer id cannot have been sent whole. */
export const MAX_ID_BYTES = 998;

const MAX_HEADER_LENGTH = 65_536;
const MAX_HEAD_LENGTH = 4_096;

/**
 * Takes the raw value of a Message-ID header.
 * Gives its id: the first `<..>` without brackets and inner white space, case kept (RFC 5322 compares ids byte by byte).
 * Without brackets the first word counts, so that `abc@host` and `<abc@host` are the id a mail program will cite as `<abc@host>`.
 * Gives undefined where nothing is left or it is longer than MAX_ID_BYTES.
 */
export function canonicalMessageId(raw: string): string | undefined {
  const header = raw.slice(0, MAX_HEADER_LENGTH);
  const bracketed = bracketedIds(header)[0];
  return bracketed ?? usable(words(header)[0]);
}

/**
 * Takes the raw value of a References or In-Reply-To header.
 * Gives its ids in order, repeats kept. Where the header has no `<..>` at all, bare words with an `@` in the middle count,
 * but only if every word is such (`Your message of Friday to joe@host` has no id).
 * Of a header over 64 KiB the first 4 KiB and the last 60 KiB are read: the root and the nearest ancestors are what a chain keeps.
 */
export function messageIds(header: string): string[] {
  const bounded = bothEnds(header);
  const bracketed = bracketedIds(bounded);
  return bracketed.length > 0 || header.length > MAX_HEADER_LENGTH ? bracketed : bareIds(header);
}

function bracketedIds(header: string): string[] {
  const ids: string[] = [];
  for (let from = 0; ;) {
    const open = header.indexOf('<', from);
    const close = open < 0 ? -1 : header.indexOf('>', open);
    if (close < 0) break;
    // `<<a@b>` and `<junk <a@b>`: the bracket nearest to the closing one opens the id.
    const id = usable(header.slice(header.lastIndexOf('<', close) + 1, close));
    if (id) ids.push(id);
    from = close + 1;
  }
  return ids;
}

function bareIds(header: string): string[] {
  const found = words(header);
  if (!found.every((word) => /^[^@]+@[^@]+$/.test(word))) return [];
  return found.flatMap((word) => usable(word) ?? []);
}

function words(header: string): string[] {
  return header.split(/[\s,<>]+/).filter((word) => word !== '');
}

function usable(text: string | undefined): string | undefined {
  const id = text === undefined ? '' : squeeze(text);
  return id === '' || isTooLong(id) ? undefined : id;
}

/** A character has three bytes at most: of most ids the bytes need not be counted. */
const isTooLong = (id: string) => id.length > MAX_ID_BYTES / 3 && utf8Length(id) > MAX_ID_BYTES;

function bothEnds(header: string): string {
  if (header.length <= MAX_HEADER_LENGTH) return header;
  const head = header.slice(0, MAX_HEAD_LENGTH);
  const tail = header.slice(MAX_HEAD_LENGTH - MAX_HEADER_LENGTH);
  // The head ends with an id: two halves joined would be an id that nobody wrote.
  return `${head.slice(0, head.lastIndexOf('>') + 1)} ${tail}`;
}
