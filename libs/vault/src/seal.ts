// Seals and opens bytes that fit in memory: format, key reference, nonce, ciphertext, tag.
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { keyRefBytes, type OpenedKey } from './opened-key.js';
import { sealBroken, tooLarge } from './sealing-faults.js';

const format = 1;
const nonceBytes = 12;
const tagBytes = 16;
const headerBytes = 1 + keyRefBytes + nonceBytes;

export const sealOverheadBytes = headerBytes + tagBytes;
/** Above it, streams: one seal is worked through without a pause. */
export const maxSealBytes = 64 * 1024 * 1024;

/** Drawn for many seals at once, which costs as much as for one; each is used once. */
const nonces = Buffer.alloc(nonceBytes * 256);
let noncesUsed = nonces.length;

function nextNonce(): Buffer {
  if (noncesUsed === nonces.length) {
    randomFillSync(nonces);
    noncesUsed = 0;
  }
  noncesUsed += nonceBytes;
  return nonces.subarray(noncesUsed - nonceBytes, noncesUsed);
}

/** AES-256-GCM under a random nonce; the header and the binding are authenticated with it. */
export function sealBytes(key: OpenedKey, binding: Uint8Array, plain: Uint8Array): Buffer<ArrayBuffer> {
  if (plain.length > maxSealBytes) throw tooLarge('One piece', maxSealBytes);
  const nonce = nextNonce();
  // Each piece of memory is a cost when thousands of small headers are sealed: all of it goes into what is given back.
  const sealed = Buffer.allocUnsafe(sealOverheadBytes + plain.length);
  sealed[0] = format;
  sealed.set(key.ref, 1);
  sealed.set(nonce, 1 + keyRefBytes);
  const cipher = createCipheriv('aes-256-gcm', key.subkey('seal'), nonce);
  cipher.setAAD(Buffer.concat([sealed.subarray(0, headerBytes), binding]));
  sealed.set(cipher.update(plain), headerBytes);
  // GCM is a stream: nothing is left of the text by then (NIST SP 800-38D).
  cipher.final();
  sealed.set(cipher.getAuthTag(), headerBytes + plain.length);
  return sealed;
}

/** The plain bytes, or a broken Fault SEAL_BROKEN: never a part of them. */
export function openBytes(key: OpenedKey, binding: Uint8Array, sealed: Uint8Array): Buffer<ArrayBuffer> {
  if (sealed.length < sealOverheadBytes || sealed.length > maxSealBytes + sealOverheadBytes || sealed[0] !== format) throw sealBroken();
  const header = sealed.subarray(0, headerBytes);
  if (!key.ref.equals(header.subarray(1, 1 + keyRefBytes))) throw sealBroken();
  const decipher = createDecipheriv('aes-256-gcm', key.subkey('seal'), header.subarray(1 + keyRefBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.concat([header, binding]));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  const body = decipher.update(sealed.subarray(headerBytes, sealed.length - tagBytes));
  try {
    return Buffer.concat([body, decipher.final()]);
  } catch {
    throw sealBroken();
  }
}
