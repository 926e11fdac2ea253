// A raw header block into its fields (RFC 5322 §2.2), whatever stands in it.
import { MAX_VALUE_LENGTH } from './raw-text.js';

/** The fields `sync` fetches of every mail, and all it may look at before the gate has opened (DESIGN.md §5). */
export const HEADER_FIELDS = [
  'Message-ID',
  'In-Reply-To',
  'References',
  'Date',
  'From',
  'Sender',
  'Reply-To',
  'To',
  'Cc',
  'Bcc',
  'Subject',
  'Thread-Topic',
  'Content-Type',
  'Return-Path',
  'Auto-Submitted',
  'Precedence',
  'List-Id',
  'List-Post',
  'X-Autoreply',
  'X-Autorespond',
  'X-Auto-Response-Suppress',
  'X-Failed-Recipients',
  'X-Rejoinder-Send',
] as const;

/** Bytes of a header block that are read; the rest is left and `truncated` says so. */
export const MAX_BLOCK_BYTES = 4_000_000;
/** Fields that are kept of a block. */
export const MAX_FIELDS = 2_000;

export interface MailHeaders {
  /** Lower-cased name to raw values in order, unfolded, ends trimmed, RFC 2047 words not decoded. */
  fields: ReadonlyMap<string, readonly string[]>;
  /** Lines that are neither field nor continuation; they are skipped. */
  malformedLines: number;
  /** A limit was reached and something was left out. */
  truncated: boolean;
}

/**
 * Takes a header block as bytes (FETCH BODY[HEADER] or BODY[HEADER.FIELDS (..)]) or as text.
 * Gives its fields up to the first empty line. Never throws. Raw 8-bit bytes are read as UTF-8 where a value is valid UTF-8, else as
 * Latin-1, value by value, so that one broken field does not change how another reads.
 */
export function parseHeaders(raw: Uint8Array | string): MailHeaders {
  const { block, decode } = textOf(raw);
  const reading = new Reading(decode);
  for (let at = 0; at < block.length && !reading.done;) {
    const feed = block.indexOf('\n', at);
    const end = feed < 0 ? block.length : feed;
    reading.line(block.slice(at, end > at && block[end - 1] === '\r' ? end - 1 : end));
    at = end + 1;
  }
  reading.close();
  return { fields: reading.fields, malformedLines: reading.malformedLines, truncated: reading.truncated || raw.length > MAX_BLOCK_BYTES };
}

/** Gives the first value of a field, or undefined. Name in any case. */
export function firstValue(headers: MailHeaders, name: string): string | undefined {
  return headers.fields.get(name.toLowerCase())?.[0];
}

/** Gives all values of a field in order. Name in any case. */
export function allValues(headers: MailHeaders, name: string): readonly string[] {
  return headers.fields.get(name.toLowerCase()) ?? [];
}

/** A name and the white space that old programs put between it and its colon. */
const NAME = /^[!-9;-~]{1,200}[ \t]{0,20}$/;

class Reading {
  readonly fields = new Map<string, string[]>();
  malformedLines = 0;
  truncated = false;
  done = false;
  private count = 0;
  private name: string | undefined;
  private value = '';

  constructor(private readonly decode: (value: string) => string) {}

  line(text: string): void {
    if (text === '') this.done = true;
    else if (text[0] === ' ' || text[0] === '\t') this.add(text);
    else this.open(text);
  }

  close(): void {
    if (this.name === undefined) return;
    const value = this.decode(this.value).trim();
    const values = this.fields.get(this.name);
    if (values) values.push(value);
    else this.fields.set(this.name, [value]);
    this.name = undefined;
  }

  private open(text: string): void {
    this.close();
    const colon = text.indexOf(':');
    const name = colon < 0 ? '' : text.slice(0, colon);
    if (!NAME.test(name)) {
      this.malformedLines++;
      return;
    }
    if (++this.count > MAX_FIELDS) {
      this.truncated = this.done = true;
      return;
    }
    this.name = name.trimEnd().toLowerCase();
    this.value = '';
    this.add(text.slice(colon + 1));
  }

  private add(text: string): void {
    const kept = text.slice(0, MAX_VALUE_LENGTH - this.value.length);
    if (kept.length < text.length) this.truncated = true;
    this.value += kept;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const CHUNK_BYTES = 8_192;

function textOf(raw: Uint8Array | string): { block: string; decode: (value: string) => string } {
  const whole = typeof raw === 'string' ? raw.slice(0, MAX_BLOCK_BYTES) : asUtf8(raw.subarray(0, MAX_BLOCK_BYTES));
  if (whole !== undefined || typeof raw === 'string') return { block: whole ?? '', decode: (value) => value };
  return { block: latin1(raw.subarray(0, MAX_BLOCK_BYTES)), decode: readBytes };
}

function asUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined; // The answer to the question, no fault: some value is in another charset.
  }
}

/** Byte for byte, unlike TextDecoder('latin1'), which is windows-1252. */
function latin1(bytes: Uint8Array): string {
  const chunks: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES)));
  return chunks.join('');
}

/** A value that was read byte for byte, as UTF-8 if it is that; else Latin-1 loses no byte. */
function readBytes(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value)) return value;
  return asUtf8(Uint8Array.from(value, (char) => char.charCodeAt(0))) ?? value;
}
