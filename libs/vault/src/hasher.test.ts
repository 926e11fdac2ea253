// Keyed hashes: the same for the same, and for nothing else.
import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Hasher } from './hasher.js';
import { OpenedKey } from './opened-key.js';

const hasher = (byte: number) => new Hasher(new OpenedKey(Buffer.alloc(32, byte)));

// Computed by other means: HMAC under the HKDF subkey in hexadecimal, in Python.
test('always the same 16 bytes, in every release', () => {
  expect(hasher(1).hash('message-id', 'a@b').toString('hex')).toBe('c995a57388897bb30a2ae537e169249a');
  expect(hasher(1).hash('address', 'jö😀@b').toString('hex')).toBe('e24c8ba5cb6e941fa942dbbf42a684d6');
});

test('is HMAC-SHA-256 of whatever text, halved', () => {
  const key = new OpenedKey(Buffer.alloc(32, 5)).subkey('hash').export().toString('hex');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const whole = createHmac('sha256', key).update(`subject\0${text}`).digest();
      expect(hasher(5).hash('subject', text)).toEqual(whole.subarray(0, 16));
    }),
  );
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
