// UIDs as short sequence sets, and what is left of such sets.
import { expect, test } from 'vitest';
import { rangeSet, uidRanges, within, without } from './uid-ranges.js';

test.each([
  [[], ''],
  [[5], '5'],
  [[3, 1, 2, 9, 7, 8, 8], '1:3,7:9'],
])('%j is %s', (uids, ranges) => {
  expect(uidRanges(uids)).toBe(ranges);
});

test('less single UIDs, and within bounds', () => {
  const ranges = [
    [1, 5],
    [9, 9],
    [20, 30],
  ] as const;
  expect(rangeSet(without(ranges, new Set([1, 3, 9, 30, 40])))).toBe('2,4:5,20:29');
  expect(rangeSet(within(ranges, [4, 21]))).toBe('4:5,9,20:21');
  expect(within(ranges, [6, 8])).toEqual([]);
});
