// Keyed hashes of one tenant: the same text gives the same hash, which tells nothing to who lacks the key.
import { createHmac, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import type { OpenedKey } from './opened-key.js';

/** What a hash is of. A closed list: a hash of one kind never equals that of another, and two services must say the same. */
export type HashKind = 'mail' | 'message-id' | 'address' | 'domain' | 'subject' | 'person' | 'text' | 'attachment' | 'send';

/** Hashes for one tenant, at once. Take one for each batch: it outlives the cache that its key came from. */
export class Hasher {
  readonly #key: KeyObject;

  constructor(key: OpenedKey) {
    this.#key = key.subkey('hash');
  }

  /** HMAC-SHA-256: 32 bytes. The text is taken as it is: normalise it before. */
  hash(kind: HashKind, text: string): Buffer<ArrayBuffer> {
    // No kind holds a NUL, so kind and text cannot be mistaken for another pair.
    return Buffer.from(createHmac('sha256', this.#key).update(`${kind}\0${text}`).digest());
  }

  [inspect.custom](): string {
    return '[private]';
  }
}
