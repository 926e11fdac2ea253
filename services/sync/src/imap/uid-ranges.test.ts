// UIDs as short sequence sets.
import { expect, test } from 'vitest';
import { uidRanges } from './uid-ranges.js';

test.each([
  [[], ''],
  [[5], '5'],
  [[3, 1, 2, 9, 7, 8, 8], '1:3,7:9'],
])('%j is %s', (uids, ranges) => {
  expect(uidRanges(uids)).toBe(ranges);
});
