// Keyed hashes: the same for the same, and for nothing else.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Hasher } from './hasher.js';
import { OpenedKey } from './opened-key.js';

const hasher = (byte: number) => new Hasher(new OpenedKey(Buffer.alloc(32, byte)));

// Computed by other means: HMAC under the HKDF subkey, in Python.
test('always the same 32 bytes, in every release', () => {
  expect(hasher(1).hash('message-id', 'a@b').toString('hex')).toBe('08e7553603bc5f022b3bf1b25cedc907b447ecee9e9e39a01d89b24a89ac9cc7');
});

test('another kind, text or tenant gives another hash', () => {
  const seen = [
    hasher(1).hash('message-id', 'a@b'),
    hasher(1).hash('address', 'a@b'),
    hasher(1).hash('message-id', 'a@c'),
    hasher(1).hash('message-id', ''),
    hasher(2).hash('message-id', 'a@b'),
  ];
  expect(new Set(seen.map((hash) => hash.toString('hex'))).size).toBe(seen.length);
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(hasher(1).hash('mail', a).equals(hasher(1).hash('mail', b))).toBe(a === b);
    }),
  );
});

test('neither the hasher nor the key shows what it holds', () => {
  const key = new OpenedKey(Buffer.alloc(32, 0xab));
  const shown = [inspect(new Hasher(key), { showHidden: true }), inspect(key, { depth: 9, showHidden: true }), JSON.stringify(key)].join();
  expect(shown).not.toMatch(/abab|ab ab|171/);
});

test('the bytes a key was opened from are overwritten', () => {
  const plain = Buffer.alloc(32, 3);
  const key = new OpenedKey(plain);
  expect(plain.equals(Buffer.alloc(32))).toBe(true);
  expect(new Hasher(key).hash('mail', 'x')).toEqual(hasher(3).hash('mail', 'x'));
});
