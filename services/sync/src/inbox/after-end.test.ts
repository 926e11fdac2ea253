// What is said and done when a session has ended.
import { expect, test } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { afterEnd } from './after-end.js';

const now = new Date('2026-11-24T12:00:00Z');
const fresh = { failures: 0, refusedAt: undefined, stoodMs: 0 };
const seconds = (at: Date | undefined) => at && (at.getTime() - now.getTime()) / 1_000;

test('a first refusal blames nobody and is tried again a minute later', () => {
  const ending = afterEnd(faultOf('AUTH_REJECTED'), fresh, now);
  expect(ending).toMatchObject({ state: 'reconnecting', reason: 'UNAVAILABLE', authenticationFailed: false, refusedAt: now });
  expect(seconds(ending.nextTryAt)).toBe(60);
});

test('a second one too soon waits for the minute; after it the password is to blame', () => {
  const soon = afterEnd(faultOf('AUTH_REJECTED'), { ...fresh, failures: 1, refusedAt: new Date(now.getTime() - 20_000) }, now);
  expect([soon.authenticationFailed, seconds(soon.nextTryAt)]).toEqual([false, 40]);
  const late = afterEnd(faultOf('APP_PASSWORD_NEEDED'), { ...fresh, failures: 1, refusedAt: new Date(now.getTime() - 60_000) }, now);
  expect(late).toMatchObject({ state: 'stopped', reason: 'APP_PASSWORD_NEEDED', authenticationFailed: true, nextTryAt: undefined });
});

test('trouble of the network waits longer each time, 5 minutes at most, and never blames the password', () => {
  const waits = [1, 2, 5, 30].map((failures) =>
    seconds(afterEnd(faultOf('CONNECTION_LOST'), { ...fresh, failures: failures - 1 }, now, () => 0).nextTryAt),
  );
  expect(waits).toEqual([1, 2, 16, 300]);
  expect(afterEnd(faultOf('TIMEOUT'), { ...fresh, failures: 90, refusedAt: now }, now)).toMatchObject({
    state: 'reconnecting',
    authenticationFailed: false,
  });
});

test('a server that slows us down is left alone as long as it asks, and at least half a minute', () => {
  expect(seconds(afterEnd(faultOf('TOO_MANY_CONNECTIONS'), fresh, now).nextTryAt)).toBe(30);
  expect(seconds(afterEnd(faultOf('THROTTLED', 90_000), fresh, now).nextTryAt)).toBe(90);
  expect(afterEnd(faultOf('THROTTLED'), fresh, now).state).toBe('slowed');
  const waits = [2, 4, 30].map((failures) =>
    seconds(afterEnd(faultOf('QUOTA'), { ...fresh, failures: failures - 1 }, now, () => 0).nextTryAt),
  );
  expect(waits).toEqual([60, 240, 1_800]);
});

test('a login that works makes nothing good, a session that stood for a minute does', () => {
  const after = (stoodMs: number) => afterEnd(faultOf('THROTTLED'), { ...fresh, failures: 3, stoodMs }, now, () => 0);
  expect([after(59_000).failures, seconds(after(59_000).nextTryAt)]).toEqual([4, 240]);
  expect([after(60_000).failures, seconds(after(60_000).nextTryAt)]).toEqual([1, 30]);
});

test('an inbox that connections no longer has is stopped; trouble in the house has no code of a mail server', () => {
  expect(afterEnd(faultOf('INBOX_PAUSED'), fresh, now)).toMatchObject({ state: 'stopped', reason: 'INBOX_PAUSED', nextTryAt: undefined });
  expect(afterEnd(new Fault('broken', 'GRPC_UNAVAILABLE', ''), fresh, now)).toMatchObject({ state: 'reconnecting', reason: '' });
});
