// What is sealed opens in its own place, whole, and nowhere else.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { OpenedKey } from './opened-key.js';
import { bindingOf, type Place } from './place.js';
import { maxSealBytes, openBytes, sealBytes, sealOverheadBytes } from './seal.js';

const key = new OpenedKey(randomBytes(32));
const tenantId = '01935f3a-0000-7000-8000-000000000001';
const place: Place = { tenantId, purpose: 'raw', day: '2026-11-24', row: 'raw_body:1', version: 1 };
const binding = bindingOf(place);
const broken = expect.objectContaining({ name: 'Fault', kind: 'broken', code: 'SEAL_BROKEN' });

const refusal = (work: () => unknown): unknown => {
  try {
    return { opened: work() };
  } catch (error) {
    return error;
  }
};

test('any bytes come back as they were, with 37 bytes more while sealed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.string({ minLength: 1, maxLength: 100, unit: 'binary' }), (plain, row) => {
      const bound = bindingOf({ ...place, row });
      const sealed = sealBytes(key, bound, plain);
      expect(sealed.length).toBe(plain.length + sealOverheadBytes);
      expect(openBytes(key, bound, sealed)).toEqual(Buffer.from(plain));
    }),
  );
  expect(sealOverheadBytes).toBe(37);
});

test('the same bytes are never sealed the same way twice', () => {
  const seals = Array.from({ length: 1_000 }, () => sealBytes(key, binding, Buffer.from('same')).toString('hex'));
  expect(new Set(seals).size).toBe(1_000);
});

test('one flipped bit anywhere, and nothing opens', () => {
  const sealed = sealBytes(key, binding, randomBytes(40));
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(refusal(() => openBytes(key, binding, changed))).toEqual(broken);
  }
});

test('cut or lengthened, nothing opens', () => {
  const sealed = sealBytes(key, binding, randomBytes(40));
  for (let length = 0; length < sealed.length; length++)
    expect(refusal(() => openBytes(key, binding, sealed.subarray(0, length)))).toEqual(broken);
  expect(refusal(() => openBytes(key, binding, Buffer.concat([sealed, Buffer.of(0)])))).toEqual(broken);
});

test.each<[string, Partial<Place>]>([
  ['another tenant', { tenantId: '01935f3a-0000-7000-8000-000000000002' }],
  ['another purpose', { purpose: 'headers' }],
  ['another day', { day: '2026-11-25' }],
  ['another row', { row: 'raw_body:2' }],
  ['another version', { version: 2 }],
  ['no version', { version: undefined }],
])('even under the same key, nothing opens in %s', (_, other) => {
  const sealed = sealBytes(key, binding, Buffer.from('mine'));
  expect(refusal(() => openBytes(key, bindingOf({ ...place, ...other }), sealed))).toEqual(broken);
});

test('no two places share a binding, however their parts are cut', () => {
  const part = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom('"', ',', '\\', ']', 'a', '1', '\0', '\ud800') });
  fc.assert(
    fc.property(part, part, fc.option(fc.nat(20), { nil: undefined }), fc.option(fc.nat(20), { nil: undefined }), (a, b, x, y) => {
      const same = a === b && x === y;
      expect(bindingOf({ ...place, row: a, version: x }).equals(bindingOf({ ...place, row: b, version: y }))).toBe(same);
    }),
  );
});

test('another key opens nothing', () => {
  expect(refusal(() => openBytes(new OpenedKey(randomBytes(32)), binding, sealBytes(key, binding, Buffer.from('mine'))))).toEqual(broken);
});

test('what is too large is refused before it is worked on', () => {
  const large = Buffer.alloc(maxSealBytes + 1);
  const fault = refusal(() => sealBytes(key, binding, large));
  expect(fault).toBeInstanceOf(Fault);
  expect(fault).toMatchObject({ kind: 'too_large', code: 'SEAL_TOO_LARGE' });
});

test('sealing leaves the plain bytes as they were, and a sealed piece may lie anywhere in memory', () => {
  const plain = Buffer.from('as it was');
  const sealed = sealBytes(key, binding, plain);
  expect(plain.toString()).toBe('as it was');
  const around = new Uint8Array(sealed.length + 20);
  around.set(sealed, 7);
  expect(openBytes(key, binding, around.subarray(7, 7 + sealed.length)).toString()).toBe('as it was');
});

// Written by other means: HKDF and AES-GCM of Python's cryptography package, after the format in the README.
test('what an older release sealed still opens', () => {
  const sealed = '014326e8b16177ddd1000102030405060708090a0bb679f377ff1e028babdb947d8de8f5a500a3c7e8cb5f';
  expect(openBytes(new OpenedKey(Buffer.alloc(32, 1)), binding, Buffer.from(sealed, 'hex')).toString()).toBe('golden');
});
