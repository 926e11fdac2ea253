// How secrets of people are compared: by hash, so that nothing of them is kept and their length tells nothing.
import { createHash, timingSafeEqual } from 'node:crypto';

export function sha256(text: string | Uint8Array): Buffer<ArrayBuffer> {
  return createHash('sha256').update(text).digest();
}

/** In constant time. */
export function sameSecret(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
