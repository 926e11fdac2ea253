// The mail that was forwarded within the text of another: who wrote it, when, about what, and its own text.
import { type Address, parseAddresses } from './addresses.js';
import { forwardedDate } from './forward-date.js';
import { type ForwardField, labelled } from './forward-labels.js';
import { canonicalMessageId } from './message-id.js';
import { collapse } from './raw-text.js';

/** Characters of a text that are looked at, and lines of it in which a forwarded mail may begin. */
const MAX_TEXT = 5_000_000;
const MAX_LINES = 2_000;
/** Lines of one header block, folded addresses too. */
const MAX_BLOCK_LINES = 60;
/** Header lines beside From that make a block of it. */
const MIN_OTHERS = 2;

export interface Forwarded {
  from: Address;
  to: Address[];
  cc: Address[];
  subject: string;
  /** Whole seconds since 1970; undefined where the date cannot be read. */
  sentAt: number | undefined;
  /** Canonical, without brackets; undefined where the block does not quote it, as most do not. */
  messageId: string | undefined;
  /** What stands below the block. */
  text: string;
}

interface Block {
  fields: Map<ForwardField, string>;
  /** The line behind it. */
  end: number;
  /** Marks of quoting that stand before its lines, and before the text below it. */
  quoted: string;
}

/**
 * Takes the text of a mail, and how many minutes the zone of whoever forwarded it is ahead of UTC.
 * Gives what it forwards by its first block of header lines, which the forwarding program wrote: what stands below may be anybody's. Undefined where there
 * is none, or where that block names no address to have written it.
 */
export function forwardedIn(text: string, zoneMinutes: number): Forwarded | undefined {
  const lines = text.slice(0, MAX_TEXT).split(/\r\n|\r|\n/);
  for (let at = 0; at < Math.min(lines.length, MAX_LINES); at++) {
    const block = blockAt(lines, at);
    if (block) return read(block, lines, zoneMinutes);
  }
  return undefined;
}

function blockAt(lines: readonly string[], start: number): Block | undefined {
  const quoted = /^(?:[ \t]{0,2}>){0,5} ?/.exec(lines[start] ?? '')?.[0] ?? '';
  const plain = (at: number) => unquoted(lines[at] ?? '', quoted);
  if (!labelled(plain(start))) return undefined;
  const fields = new Map<ForwardField, string>();
  let [end, last] = [start, 'other' as ForwardField];
  for (let at = start; at < Math.min(lines.length, start + MAX_BLOCK_LINES); at++) {
    const line = plain(at);
    const found = labelled(line);
    if (found) {
      if (fields.has(found.field) && found.field !== 'other') break;
      fields.set(found.field, found.value);
      last = found.field;
    } else if (line.trim() === '') {
      if (isWhole(fields) || !labelled(plain(at + 1))) break;
      continue;
    } else if (isFolded(line, last)) fields.set(last, `${fields.get(last)} ${line.trim()}`);
    else break;
    end = at + 1;
  }
  return isWhole(fields) ? { fields, end, quoted } : undefined;
}

const isWhole = (fields: ReadonlyMap<ForwardField, string>): boolean => fields.has('from') && fields.size > MIN_OTHERS;

/** A long list of addresses, or a subject, goes on in the next line; what stands there without a blank line before it is no text yet. */
function isFolded(line: string, last: ForwardField): boolean {
  return last === 'to' || last === 'cc' || last === 'from' ? line.includes('@') : /^[ \t]/.test(line) && last === 'subject';
}

function unquoted(line: string, quoted: string): string {
  if (quoted.trim() === '') return line;
  return line.startsWith(quoted)
    ? line.slice(quoted.length)
    : line.startsWith(quoted.trimEnd())
      ? line.slice(quoted.trimEnd().length)
      : line;
}

function read({ fields, end, quoted }: Block, lines: readonly string[], zoneMinutes: number): Forwarded | undefined {
  const from = authorOf(fields.get('from') ?? '');
  if (!from) return undefined;
  const people = (field: ForwardField) => parseAddresses(plainAddresses(fields.get(field) ?? ''));
  const id = fields.get('message-id');
  const below = lines.slice(end).map((line) => unquoted(line, quoted));
  const first = below.findIndex((line) => line.trim() !== '');
  return {
    from,
    to: people('to'),
    cc: people('cc'),
    subject: collapse(fields.get('subject') ?? ''),
    sentAt: forwardedDate(fields.get('date') ?? '', zoneMinutes),
    messageId: id === undefined ? undefined : canonicalMessageId(id),
    text: first < 0 ? '' : below.slice(first).join('\n'),
  };
}

/** A name that is not quoted may hold a comma here, as no header does: "Example, Ada <ada@host>". */
function authorOf(value: string): Address | undefined {
  const text = plainAddresses(value);
  const named = /^([^<>]{1,200}?)\s{0,5}<([^<>\s]{3,320})>/.exec(text);
  const [address] = parseAddresses(named ? `<${named[2]}>` : text);
  return address && { ...address, name: named ? collapse(named[1]!.replace(/^["'\s]{1,9}|["'\s]{1,9}$/g, '')) : address.name };
}

/** `[mailto:ada@host]`, `<mailto:ada@host>` and `<ada@host<mailto:ada@host>>` are what programs make of a linked address. */
function plainAddresses(value: string): string {
  return value
    .replace(/\[mailto:([^\][\s]{1,320})\]/gi, '<$1>')
    .replace(/<mailto:([^<>\s]{1,320})>/gi, '<$1>')
    .replace(/<([^<>\s]{1,320})<[^<>\s]{1,330}>>/g, '<$1>')
    .replace(/^(\S+@\S+) <\1>/, '<$1>');
}
