// The estimate beside the progress of a first look.
import { expect, it } from 'vitest';
import { timeLeft } from './time-left.js';

it.each([
  ['before there is a rate', null, ''],
  ['at the end', 0, ''],
  ['near it', 59, 'less than a minute left'],
  ['soon', 89, 'about 1 minute left'],
  ['later', 980, 'about 16 minutes left'],
  ['much later', 10_900, 'about 3 hours left'],
])('%s', (_, seconds, words) => {
  expect(timeLeft(seconds)).toBe(words);
});
