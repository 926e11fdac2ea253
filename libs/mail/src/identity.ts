// The text whose keyed hash is a mail's identity, the same for every copy of the mail wherever it lies.
import { parseAddresses } from './addresses.js';
import { dateSeconds } from './date.js';
import { canonicalMessageId } from './message-id.js';
import { collapse } from './raw-text.js';

/** Characters of each field that count; part of the format. */
const MAX_FIELD_LENGTH = 10_000;

/** Raw header values as the mail carries them; absent where the mail has none. */
export interface IdentityHeaders {
  messageId?: string | undefined;
  from?: string | undefined;
  date?: string | undefined;
  subject?: string | undefined;
  to?: string | undefined;
}

/**
 * Takes the raw values of five headers.
 * Gives one text: Message-ID, first From address and Date; without a Message-ID also Subject and To addresses. The caller hashes it
 * under the tenant's key. Fields are length-prefixed, so no value can pass for two. Folding, white space, display names and the
 * spelling of the date do not change it; the case of addresses neither. It must never change for a given mail: the hash is stored.
 */
export function identityText(headers: IdentityHeaders): string {
  const id = canonicalMessageId(headers.messageId ?? '');
  const common = [people(headers.from, 1), instant(headers.date ?? '')];
  if (id !== undefined) return joined('mail-id.v1', [id, ...common]);
  return joined('mail-noid.v1', [...common, collapse(headers.subject ?? ''), people(headers.to, Infinity)]);
}

function people(value: string | undefined, count: number): string {
  const found = parseAddresses(value ?? '').slice(0, count);
  return found.length > 0 ? found.map((one) => one.key).join(',') : collapse(value ?? '').toLowerCase();
}

function instant(value: string): string {
  const seconds = dateSeconds(value);
  return seconds === undefined ? collapse(value) : String(seconds);
}

function joined(version: string, fields: readonly string[]): string {
  const bounded = fields.map((field) => field.slice(0, MAX_FIELD_LENGTH));
  return [version, ...bounded.map((field) => `${field.length}:${field}`)].join('|');
}
