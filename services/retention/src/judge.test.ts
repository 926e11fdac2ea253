// A proof holds only if every owner answered and every store keeps its limit.
import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { StoreSchema } from '@rejoinder/contracts/store';
import { judge, nextAt } from './judge.js';

const now = new Date('2026-11-24T12:00:00Z');
const limits = { forgetMs: 24 * 3_600_000 };
const ago = (hours: number) => timestampFromDate(new Date(now.getTime() - hours * 3_600_000));
const weekSeconds = 604_800n;
const bodies = { name: 'sync.raw_body', retentionClass: 'R1', setting: 'REJOINDER_BODY_DAYS', limitSeconds: weekSeconds };
const files = { name: 'attachment.attachment', retentionClass: 'R3' };
const verdictOn = (store: Parameters<typeof create<typeof StoreSchema>>[1]) => {
  const { holds, verdicts } = judge([{ owner: 'sync', stores: [create(StoreSchema, store)] }], now, limits);
  expect(verdicts[0]!.holds).toBe(holds);
  return { holds, reason: verdicts[0]!.reason };
};

describe('a store', () => {
  it.each([
    ['is empty', bodies],
    ['has an oldest item within the limit', { ...bodies, oldest: ago(168) }],
    ['lives until it is deleted', { ...files, oldest: ago(100_000) }],
    ['has deleted what it was told to', { ...files, toForget: 0n }],
    ['still has a day for what it was told to delete', { ...files, toForget: 9n, toForgetSince: ago(24) }],
  ])('holds if it %s', (_name, store) => {
    expect(verdictOn(store)).toEqual({ holds: true, reason: '' });
  });

  it.each([
    ['has an item older than the limit', { ...bodies, oldest: ago(169) }, 'Its oldest item is 7.0 days old; REJOINDER_BODY_DAYS allows 7.'],
    ['should have a limit and has none', { ...bodies, limitSeconds: 0n }, 'It is of class R1, but nothing bounds it.'],
    ['has waited to delete', { ...files, toForget: 9n, toForgetSince: ago(25) }, '9 items wait to be deleted, the oldest for 25 hours.'],
    ['does not know since when it waits', { ...files, toForget: 1n }, '1 items wait to be deleted, and nobody knows since when.'],
  ])('fails if it %s', (_name, store, reason) => {
    expect(verdictOn(store)).toEqual({ holds: false, reason });
  });
});

describe('an owner', () => {
  it('that does not answer, or tells of nothing, is a verdict that fails', () => {
    const good = { owner: 'sync', stores: [create(StoreSchema, bodies)] };
    const silent = judge([good, { owner: 'sending', failure: 'It did not answer (GRPC_DEADLINE_EXCEEDED).' }], now, limits);
    expect(silent.holds).toBe(false);
    expect(silent.verdicts.map(({ owner, holds }) => ({ owner, holds }))).toEqual([
      { owner: 'sync', holds: true },
      { owner: 'sending', holds: false },
    ]);
    expect(judge([good, { owner: 'sending', stores: [] }], now, limits).holds).toBe(false);
    expect(judge([good], now, limits).holds).toBe(true);
  });
});

describe('the nightly hour', () => {
  it.each([
    ['2026-11-24T02:59:59Z', '2026-11-24T03:00:00.000Z'],
    ['2026-11-24T03:00:00Z', '2026-11-25T03:00:00.000Z'],
    ['2026-12-31T12:00:00Z', '2027-01-01T03:00:00.000Z'],
  ])('after %s is %s', (at, next) => {
    expect(nextAt(3, new Date(at)).toISOString()).toBe(next);
  });
});
