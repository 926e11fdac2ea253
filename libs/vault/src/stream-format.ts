// The sealed stream: a header, then chunks that are each authenticated with their number and whether they are the last.
import { createCipheriv, createDecipheriv, hkdfSync, createSecretKey, type KeyObject } from 'node:crypto';
import { keyBytes, keyRefBytes, type OpenedKey } from './opened-key.js';
import { sealBroken } from './sealing-faults.js';

export const streamFormat = 2;
export const saltBytes = 32;
export const streamHeaderBytes = 1 + keyRefBytes + saltBytes;
export const chunkBytes = 64 * 1024;
const tagBytes = 16;
export const sealedChunkBytes = chunkBytes + tagBytes;
/** Far above any attachment, far below what the chunk number can count. */
export const maxStreamBytes = 16 * 1024 ** 3;

/** How many bytes a stream of so many plain bytes has once it is sealed. */
export function sealedSize(plainSize: number): number {
  return streamHeaderBytes + plainSize + tagBytes * Math.max(1, Math.ceil(plainSize / chunkBytes));
}

export function streamHeader(key: OpenedKey, salt: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(streamFormat), key.ref, salt]);
}

/** Seals or opens the chunks of one stream, in their order. Each stream has a key of its own, so the chunk's number can be its nonce. */
export class StreamCipher {
  readonly #key: KeyObject;
  readonly #binding: Buffer;
  #chunk = 0;

  constructor(key: OpenedKey, header: Uint8Array, binding: Uint8Array) {
    if (header[0] !== streamFormat || !key.ref.equals(header.subarray(1, 1 + keyRefBytes))) throw sealBroken();
    const derived = Buffer.from(hkdfSync('sha256', key.subkey('stream'), header.subarray(1 + keyRefBytes), 'rejoinder stream 1', keyBytes));
    this.#key = createSecretKey(derived);
    derived.fill(0);
    this.#binding = Buffer.concat([header, binding]);
  }

  seal(plain: Uint8Array, last: boolean): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#key, this.#nonce(last));
    cipher.setAAD(this.#binding);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** The plain chunk, or a broken Fault SEAL_BROKEN. */
  open(sealed: Uint8Array, last: boolean): Buffer {
    if (sealed.length < tagBytes) throw sealBroken();
    const decipher = createDecipheriv('aes-256-gcm', this.#key, this.#nonce(last), { authTagLength: tagBytes });
    decipher.setAAD(this.#binding);
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - tagBytes)), decipher.final()]);
    } catch {
      throw sealBroken();
    }
  }

  #nonce(last: boolean): Buffer {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(this.#chunk, 7);
    nonce[11] = last ? 1 : 0;
    this.#chunk += 1;
    return nonce;
  }
}
