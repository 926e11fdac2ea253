// Ids: UUIDv7 for what begins here, UUIDv8 for what is named by its content (RFC 9562).
import { v7 } from 'uuid';

/** A new id that sorts by time of creation. */
export function newId(): string {
  return v7();
}

/** The UUIDv8 whose bits are the first 16 bytes of a hash: the same content always has the same id. */
export function idFromHash(hash: Uint8Array): string {
  if (hash.length < 16) throw new RangeError(`a hash of at least 16 bytes is needed, got ${hash.length}`);
  const bytes = Buffer.from(hash.subarray(0, 16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is an id as we write them: lower-case, with dashes. */
export function isId(text: string): boolean {
  return uuid.test(text);
}
