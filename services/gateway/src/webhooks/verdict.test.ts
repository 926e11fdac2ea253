// What comes of an answer, and who waits for how long.
import { describe, expect, test } from 'vitest';
import { eventWaitMs, judge, webhookWaitMs, type Answer, type Verdict } from './verdict.js';

const now = new Date('2026-11-30T12:00:00Z');
const of = (answer: Answer) => judge(answer, now);
const verdict = (kind: Verdict['kind'], waitMs?: number): Verdict => ({ kind, status: null, reason: '', waitMs });
const waits = Array.from({ length: 60 }, (_, tries) => tries + 1);

describe('an answer', () => {
  test.each([200, 202, 204, 299])('%d: it is taken', (status) =>
    expect(of({ status })).toMatchObject({ kind: 'taken', status, reason: '' }),
  );

  test.each([301, 302, 307, 308])('%d is not followed', (status) =>
    expect(of({ status, retryAfter: '5' })).toMatchObject({ kind: 'away', status, reason: 'WEBHOOK_REDIRECT' }),
  );

  test.each([400, 401, 404, 418, 500, 501])('%d: this event is refused', (status) =>
    expect(of({ status })).toMatchObject({ kind: 'refused', status, reason: 'WEBHOOK_REFUSED' }),
  );

  test.each([408, 425, 429, 502, 503, 504])('%d: the receiver is to be left alone', (status) => expect(of({ status }).kind).toBe('away'));

  test('410: it wants no more', () => expect(of({ status: 410 })).toMatchObject({ kind: 'gone', reason: 'WEBHOOK_GONE' }));

  test.each([
    ['120', 120_000],
    ['0', 1_000],
    ['999999999', 900_000],
    ['Mon, 30 Nov 2026 12:01:00 GMT', 60_000],
    ['Mon, 30 Nov 2020 12:01:00 GMT', 1_000],
    ['soon', undefined],
    [undefined, undefined],
  ])('Retry-After %s is kept to within bounds', (retryAfter, waitMs) => {
    expect(of({ status: 503, retryAfter })).toMatchObject({ waitMs });
    expect(of({ status: 429, retryAfter }).reason).toBe('WEBHOOK_THROTTLED');
  });

  test.each([
    ['HOST_BLOCKED', 'WEBHOOK_BLOCKED'],
    ['HOST_NOT_FOUND', 'WEBHOOK_HOST'],
    ['PORT_BLOCKED', 'WEBHOOK_PORT'],
    ['ECONNREFUSED', 'WEBHOOK_CLOSED'],
    ['CONNECT_TIMEOUT', 'WEBHOOK_TIMEOUT'],
    ['ABORT_ERR', 'WEBHOOK_TIMEOUT'],
    ['ECONNRESET', 'WEBHOOK_LOST'],
    ['HPE_INVALID_CONSTANT', 'WEBHOOK_LOST'],
    ['toString', 'WEBHOOK_LOST'],
    [undefined, 'WEBHOOK_LOST'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'WEBHOOK_TLS'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'WEBHOOK_TLS'],
    ['EPROTO', 'WEBHOOK_TLS'],
  ])('%s on the way to it is %s', (code, reason) => expect(of({ code })).toEqual({ kind: 'away', status: null, reason }));
});

describe('waiting', () => {
  test('grows for an event that is refused to six hours, and for one that meets nobody to a quarter of one', () => {
    expect(eventWaitMs('refused', 1)).toBeLessThanOrEqual(5_000);
    for (const tries of waits) expect(eventWaitMs('refused', tries)).toBeLessThanOrEqual(6 * 3_600_000);
    expect(eventWaitMs('refused', 20)).toBeGreaterThan(4 * 3_600_000);
    expect(eventWaitMs('away', 20)).toBeLessThanOrEqual(900_000);
    expect(new Set(waits.map(() => eventWaitMs('refused', 20))).size).toBeGreaterThan(1);
  });

  test('of the webhook ends with the first event that is taken, unless the receiver has asked for it', () => {
    expect(webhookWaitMs([verdict('away'), verdict('taken')], 1)).toBe(0);
    expect(webhookWaitMs([verdict('away', 7_000), verdict('taken')], 1)).toBe(7_000);
    expect(webhookWaitMs([verdict('away', 7_000), verdict('away', 9_000)], 9)).toBe(9_000);
  });

  test('of the webhook is short where it refuses, so that the next event is soon tried, and longer where nobody is', () => {
    for (const failures of waits) expect(webhookWaitMs([verdict('refused')], failures)).toBeLessThanOrEqual(30_000);
    expect(webhookWaitMs([verdict('away')], 20)).toBeGreaterThan(10 * 60_000);
    expect(webhookWaitMs([verdict('away'), verdict('refused')], 20)).toBeLessThanOrEqual(900_000);
  });
});
