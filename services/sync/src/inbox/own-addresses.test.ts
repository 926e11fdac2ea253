// Addresses are read once for all inboxes of a tenant, and again after a while.
import { expect, test } from 'vitest';
import { OwnAddresses } from './own-addresses.js';

test('inboxes that begin at the same time share what was read, and learn from those that begin later', async () => {
  let [now, reads] = [0, 0];
  const stored = [Buffer.from('a')];
  const own = new OwnAddresses(
    () => Promise.resolve((reads++, [...stored])),
    () => now,
  );
  const isOwn = await own.of('t', [Buffer.from('a')]);
  stored.push(Buffer.from('b'));
  await own.of('t', [Buffer.from('a')]);
  expect([reads, isOwn(Buffer.from('a')), isOwn(Buffer.from('b'))]).toEqual([1, true, false]);
  now = 10_000;
  await own.of('t', [Buffer.from('a')]);
  expect([reads, isOwn(Buffer.from('b'))]).toEqual([2, true]);
});

test('one that is not known yet has them read at once, for all', async () => {
  const stored = [Buffer.from('a')];
  const own = new OwnAddresses(() => Promise.resolve([...stored]));
  const isOwn = await own.of('t', [Buffer.from('a')]);
  stored.push(Buffer.from('b'));
  const another = await own.of('t', [Buffer.from('a'), Buffer.from('b'), Buffer.from('c')]);
  expect(['a', 'b', 'c'].map((text) => isOwn(Buffer.from(text)))).toEqual([true, true, false]);
  expect(['b', 'c'].map((text) => another(Buffer.from(text)))).toEqual([true, true]);
});
