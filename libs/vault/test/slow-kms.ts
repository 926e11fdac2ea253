// A key-encryption key that counts its calls, or answers when it is let.
import type { KeyEncryption } from '../src/kek.js';

export function counting(inner: KeyEncryption): KeyEncryption & { calls: { wrap: number; unwrap: number } } {
  const calls = { wrap: 0, unwrap: 0 };
  return {
    ...inner,
    calls,
    wrap: (plain, context) => (calls.wrap++, inner.wrap(plain, context)),
    unwrap: (wrapped, kekId, context) => (calls.unwrap++, inner.unwrap(wrapped, kekId, context)),
  };
}

/** A KMS that does not answer before it is let. */
export function holding(inner: KeyEncryption): KeyEncryption & { reached: Promise<void>; release: () => void } {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  return {
    ...inner,
    reached: reached.promise,
    release: released.resolve,
    unwrap: async (wrapped, kekId, context) => {
      reached.resolve();
      await released.promise;
      return inner.unwrap(wrapped, kekId, context);
    },
  };
}
