// A remembered hash is the same hash, asked for once while it is remembered.
import { expect, test } from 'vitest';
import { remembering } from './hash-memo.js';

test('what comes again is hashed once, each kind by itself, and what has not come for long is forgotten', () => {
  const asked: string[] = [];
  const hash = remembering((kind, text) => {
    asked.push(`${kind} ${text}`);
    return Buffer.from(`${kind} ${text}`);
  });
  for (let round = 0; round < 3; round++) {
    expect(hash('address', 'ada').toString()).toBe('address ada');
    expect(hash('subject', 'ada').toString()).toBe('subject ada');
  }
  expect(asked).toEqual(['address ada', 'subject ada']);
  for (let n = 0; n < 20_000; n++) hash('address', `person ${n}`);
  hash('address', 'ada');
  expect(asked.filter((one) => one === 'address ada')).toHaveLength(2);
  expect(new Set(asked).size).toBe(asked.length - 1);
});
