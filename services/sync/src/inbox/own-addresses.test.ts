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
  const isOwn = await own.of('t', Buffer.from('a'));
  stored.push(Buffer.from('b'));
  const another = await own.of('t', Buffer.from('b'));
  expect([isOwn(Buffer.from('a')), isOwn(Buffer.from('b')), another(Buffer.from('b')), another(Buffer.from('c'))]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect(reads).toBe(1);
  now = 10_000;
  await own.of('t', Buffer.from('c'));
  expect([reads, isOwn(Buffer.from('b'))]).toEqual([2, true]);
});
