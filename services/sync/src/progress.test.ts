// What is told of a first sync: a share that only grows, and an estimate once there is a rate.
import { expect, test } from 'vitest';
import { leftSeconds, readingOf } from './progress.js';

const folder = (seen: number, total: number, lookedAt = true) => ({ seen: BigInt(seen), total: BigInt(total), lookedAt });

test('all folders that are looked at count, from the start', () => {
  expect(readingOf([folder(0, 900), folder(0, 100), folder(5, 70, false)])).toEqual({ seen: 0, total: 1_000 });
  expect(readingOf([folder(12, 10)])).toEqual({ seen: 12, total: 12 });
});

test('the rest takes as long as its share of what was read', () => {
  expect(leftSeconds({ seen: 300, total: 1_000 }, 100, 4_000)).toBe(14);
  expect(leftSeconds({ seen: 1_000, total: 1_000 }, 100, 4_000)).toBe(0);
  expect(leftSeconds({ seen: 100, total: 1_000 }, 100, 4_000)).toBeUndefined();
  expect(leftSeconds({ seen: 300, total: 1_000 }, 100, 1_999)).toBeUndefined();
});
