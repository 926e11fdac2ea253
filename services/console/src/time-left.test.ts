// The estimate beside the progress of a first look.
import { expect, it } from 'vitest';
import { timeLeft } from './time-left.js';

const first = { mails: 1_000, atMs: 0 };

it.each([
  ['a second after the first look', { mails: 5_000, atMs: 1_000 }, 100_000, ''],
  ['where nothing has moved', { mails: 1_000, atMs: 60_000 }, 100_000, ''],
  ['at the end', { mails: 100_000, atMs: 60_000 }, 100_000, ''],
  ['near it', { mails: 91_000, atMs: 60_000 }, 100_000, 'less than a minute left'],
  ['a mail a millisecond', { mails: 11_000, atMs: 10_000 }, 100_000, 'about 1 minute left'],
  ['a mail in ten', { mails: 2_000, atMs: 10_000 }, 100_000, 'about 16 minutes left'],
  ['a mail in a second', { mails: 1_060, atMs: 60_000 }, 12_000, 'about 3 hours left'],
])('%s', (_, now, total, words) => {
  expect(timeLeft(first, now, total)).toBe(words);
});
