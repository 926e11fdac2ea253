// A key of the keyring, opened: only its subkeys are used, one for each way of using it.
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

export const keyBytes = 32;
export const keyRefBytes = 8;

type Use = 'seal' | 'stream' | 'hash' | 'name';

/** Holds key objects of node:crypto, which neither print nor serialise what is in them. */
export class OpenedKey {
  readonly #root: KeyObject;
  readonly #subkeys = new Map<Use, KeyObject>();
  /** Names the key in what it seals: tells nothing of it. */
  readonly ref: Buffer;

  /** Takes the bytes over and overwrites them. */
  constructor(plain: Uint8Array) {
    if (plain.length !== keyBytes) throw new RangeError(`a key has ${keyBytes} bytes`);
    this.#root = createSecretKey(plain);
    plain.fill(0);
    this.ref = createHmac('sha256', this.subkey('name')).update('ref').digest().subarray(0, keyRefBytes);
  }

  subkey(use: Use): KeyObject {
    const known = this.#subkeys.get(use);
    if (known) return known;
    const derived = Buffer.from(hkdfSync('sha256', this.#root, '', `rejoinder vault 1 ${use}`, keyBytes));
    const subkey = createSecretKey(derived);
    derived.fill(0);
    this.#subkeys.set(use, subkey);
    return subkey;
  }
}
