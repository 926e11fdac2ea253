// What an entry of the never-log list covers, and what is no entry.
import { describe, expect, it } from 'vitest';
import { readEntries, readEntry, warningsOf } from './never-log.js';

describe('an entry of the never-log list', () => {
  it.each([
    ['Anna@Example.COM', 'anna@example.com', 'address', ['anna@example.com']],
    [' example.com ', 'example.com', 'domain', ['example.com']],
    ['@example.com', 'example.com', 'domain', ['example.com']],
    ['*.example.com', 'example.com', 'domain', ['example.com']],
    ['bücher.example', 'bücher.example', 'domain', ['bücher.example', 'xn--bcher-kva.example']],
    ['anna@xn--bcher-kva.example', 'anna@xn--bcher-kva.example', 'address', ['anna@xn--bcher-kva.example', 'anna@bücher.example']],
  ])('%s is %s', (typed, entry, kind, texts) => {
    expect(readEntry(typed)).toEqual({ entry, kind, texts });
  });

  it.each(['', 'com', 'anna', 'anna@', '@', 'a b@example.com', 'example..com', 'anna@example', '*@example.com.', 'a@b@example.com'])(
    'is not %s',
    (typed) => {
      expect(() => readEntry(typed)).toThrow(expect.objectContaining({ code: 'NEVER_LOG_INVALID' }) as Error);
    },
  );

  it('is kept once, and there are not too many', () => {
    expect(readEntries(['example.com', '@Example.com']).map(({ entry }) => entry)).toEqual(['example.com']);
    expect(() => readEntries(Array.from({ length: 1_001 }, (_, at) => `d${at}.example`))).toThrow('at most 1000 entries');
  });

  it('that covers a mailbox of one’s own is warned of', () => {
    const warned = (typed: string) => warningsOf([readEntry(typed)], ['Me@mail.example.com']).length;
    expect(['me@mail.example.com', 'mail.example.com', 'example.com'].map(warned)).toEqual([1, 1, 1]);
    expect(['you@mail.example.com', 'ample.com', 'other.example'].map(warned)).toEqual([0, 0, 0]);
  });
});
