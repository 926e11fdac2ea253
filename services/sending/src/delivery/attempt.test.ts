// What each end of an attempt means.
import { describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { judge, Superseded, type Delivery } from './attempt.js';

const broken = (error: object, started: boolean, sourceError?: unknown): Delivery => ({ kind: 'broken', error, started, sourceError });
const reply = (code: number, words: string, command: string) => ({
  code: command === 'DATA' ? 'EMESSAGE' : 'EENVELOPE',
  command,
  responseCode: code,
  response: `${code} ${words}`,
});
/** What nodemailer says of a server that took the mail and of one that never saw it: the very same (measured). */
const lost = { code: 'ECONNECTION', command: 'CONN' };
const silent = { code: 'ETIMEDOUT', command: 'CONN' };

describe('what became of an attempt', () => {
  it('hangs on the journal where the connection broke, not on the error', () => {
    expect(judge(broken(lost, false))).toEqual({ kind: 'retry', reason: 'CONNECTION_LOST' });
    expect(judge(broken(silent, false))).toEqual({ kind: 'retry', reason: 'TIMEOUT' });
    expect(judge(broken(lost, true))).toEqual({ kind: 'unconfirmed' });
    expect(judge(broken(silent, true))).toEqual({ kind: 'unconfirmed' });
    expect(judge(broken(new Error('ended by us'), true))).toEqual({ kind: 'unconfirmed' });
  });

  it.each([
    [reply(451, '4.3.0 later', 'DATA'), 'retry', 'UNAVAILABLE'],
    [reply(421, 'closing', 'DATA'), 'retry', 'THROTTLED'],
    [reply(450, '4.7.1 greylisted', 'RCPT TO'), 'retry', 'THROTTLED'],
    [reply(550, '5.4.5 Daily user sending limit exceeded', 'RCPT TO'), 'retry', 'QUOTA'],
    [reply(554, '5.7.1 spam', 'DATA'), 'failed', 'MAIL_REFUSED'],
    [reply(552, '5.3.4 too big', 'DATA'), 'failed', 'TOO_LARGE'],
    [reply(550, '5.1.1 nobody', 'RCPT TO'), 'failed', 'RECIPIENT_REFUSED'],
    [reply(530, '5.7.0 authentication required', 'MAIL FROM'), 'login_refused', 'AUTH_REJECTED'],
  ])('%j is %s', (error, kind, reason) => {
    for (const started of [true, false]) expect(judge(broken(error, started))).toEqual({ kind, reason });
  });

  it('is certain where our own bytes ended before the final dot', () => {
    expect(judge(broken({ code: 'ESTREAM' }, true, new Fault('broken', 'GRPC_UNAVAILABLE', 'away')))).toEqual({
      kind: 'retry',
      reason: 'ATTACHMENT_WAITS',
    });
    expect(judge(broken({ code: 'ESTREAM' }, true, new Fault('not_found', 'FORGOTTEN', 'gone')))).toEqual({
      kind: 'failed',
      reason: 'ATTACHMENT_MISSING',
    });
    expect(judge(broken({ code: 'ESTREAM' }, false, new Superseded()))).toEqual({ kind: 'superseded' });
  });
});
