// Ids, days and waits.
import { describe, expect, it } from 'vitest';
import { inspect } from 'node:util';
import { dayOf, startOfDay, systemClock } from './clock.js';
import { Fault } from './fault.js';
import { idFromHash, isId, newId } from './id.js';
import { Private } from './private.js';
import { backoffMs, delay, within } from './wait.js';

describe('ids', () => {
  it('new ones sort by time and are ids', () => {
    const ids = Array.from({ length: 1_000 }, () => newId());
    expect(ids.toSorted()).toEqual(ids);
    expect(ids.every(isId)).toBe(true);
  });

  it('the same hash gives the same UUIDv8, another gives another', () => {
    const hash = Buffer.alloc(32, 7);
    expect(idFromHash(hash)).toBe(idFromHash(Buffer.from(hash)));
    expect(idFromHash(hash)[14]).toBe('8');
    expect(idFromHash(Buffer.alloc(32, 8))).not.toBe(idFromHash(hash));
    expect(() => idFromHash(Buffer.alloc(15))).toThrow(RangeError);
  });

  it('what only looks like one is none', () => {
    for (const text of ['', '*', newId().toUpperCase(), `${newId()} `, "' or 1=1"]) expect(isId(text)).toBe(false);
  });
});

describe('days', () => {
  it('are those of UTC, whatever the machine thinks', () => {
    const late = new Date('2026-11-24T23:59:59.999Z');
    expect(dayOf(late)).toBe('2026-11-24');
    expect(startOfDay(late, 1).toISOString()).toBe('2026-11-25T00:00:00.000Z');
    expect(startOfDay(late, -24).toISOString()).toBe('2026-10-31T00:00:00.000Z');
  });

  it('a clock can be moved', () => {
    expect(systemClock(86_400_000).now().getTime() - Date.now()).toBeGreaterThan(86_000_000);
  });
});

describe('waits', () => {
  it('end with the signal, or with a fault that names what was awaited', async () => {
    const stop = new AbortController();
    const waited = delay(60_000, stop.signal);
    stop.abort();
    await waited;
    await expect(within(5, 'the server', new Promise(() => undefined))).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('the server'),
    });
    expect(await within(1_000, 'nothing', Promise.resolve(1))).toBe(1);
  });

  it('grow to a limit, with a random fifth taken off', () => {
    expect([1, 2, 3, 99].map((attempt) => backoffMs(attempt, 100, 1_000, () => 0))).toEqual([100, 200, 400, 1_000]);
    expect(backoffMs(1, 100, 1_000, () => 1)).toBe(80);
  });
});

it('a private value shows itself to nobody who does not ask', () => {
  const secret = new Private('hunter2');
  expect(`${String(secret)} ${JSON.stringify({ secret })} ${inspect({ secret })}`).not.toContain('hunter2');
  expect(secret.reveal()).toBe('hunter2');
});

it('a fault says kind, code and sentence', () => {
  expect(new Fault('busy', 'THROTTLED', 'Later.', 5)).toMatchObject({
    kind: 'busy',
    code: 'THROTTLED',
    message: 'Later.',
    retryAfterMs: 5,
  });
});
