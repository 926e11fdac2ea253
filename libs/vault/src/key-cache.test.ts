// Opened keys leave memory after five minutes, used or not, and when there are too many.
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KeyCache, keyLifeMs } from './key-cache.js';
import { OpenedKey } from './opened-key.js';
import { keyNameText, type KeyName } from './place.js';

const name = (day: string): KeyName => ({ tenantId: '01935f3a-0000-7000-8000-000000000001', purpose: 'raw', day });
const key = new OpenedKey(randomBytes(32));
const [a, b, c] = [name('2026-11-01'), name('2026-11-02'), name('2026-11-03')];
const clock = { now: () => new Date() };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a key is kept for less than five minutes, however often it is used', () => {
  const cache = new KeyCache(clock);
  cache.set(a, key);
  for (let minute = 0; minute < 4; minute++) {
    vi.advanceTimersByTime(60_000);
    expect(cache.get(keyNameText(a))).toBe(key);
  }
  vi.setSystemTime(Date.now() + 60_000);
  expect(cache.get(keyNameText(a))).toBeUndefined();
});

test('a key that nobody asks for leaves memory by itself', () => {
  const cache = new KeyCache(clock);
  cache.set(a, key);
  vi.advanceTimersByTime(200_000);
  cache.set(b, key);
  vi.advanceTimersByTime(keyLifeMs - 200_000);
  expect(cache.size).toBe(1);
  vi.advanceTimersByTime(200_000);
  expect(cache.size).toBe(0);
});

test('when there are too many, the one that was used least goes', () => {
  const cache = new KeyCache(clock, 2);
  cache.set(a, key);
  cache.set(b, key);
  cache.get(keyNameText(a));
  cache.set(c, key);
  expect([a, b, c].map((one) => cache.get(keyNameText(one)) !== undefined)).toEqual([true, false, true]);
});

test('a clock that was set back makes no key live longer', () => {
  const cache = new KeyCache(clock);
  cache.set(a, key);
  vi.setSystemTime(Date.now() - 3_600_000);
  expect(cache.get(keyNameText(a))).toBeUndefined();
});
