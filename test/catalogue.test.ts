// Every reason that a service gives has a sentence for a person in the catalogue.
import { describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { catalogue, explain } from '@rejoinder/contracts/catalogue';
import type { RejectReason } from '@rejoinder/mail/size-rule';
import { imapFault } from '@rejoinder/runtime/imap-connect';
import { smtpFault } from '@rejoinder/runtime/smtp-connect';
import type { LateReason } from '../services/attachment/src/attachment-store.js';
import { judge } from '../services/sending/src/delivery/attempt.js';
import { judgeLeftover } from '../services/sending/src/delivery/leftover.js';
import { afterEnd } from '../services/sync/src/inbox/after-end.js';
import type { FailReason } from '../services/sync/src/capture/capture-store.js';

/** Complete by its type: a reason that a service adds to its list is missing here until it is explained. */
const kept: Record<RejectReason | LateReason | FailReason | 'not_seen', true> = {
  mail_too_large: true,
  part_too_large: true,
  attachments_off: true,
  declaration_lied: true,
  gone: true,
  unreadable: true,
  not_quoting: true,
  forgotten: true,
  not_seen: true,
};

const replies = Array.from({ length: 200 }, (_, index) => 400 + index);
const commands = ['AUTH', 'MAIL FROM', 'RCPT TO', 'DATA'];
const breaks = [
  'ECONNREFUSED',
  'ETIMEDOUT',
  'ENOTFOUND',
  'ECONNRESET',
  'EPROTO',
  'CERT_HAS_EXPIRED',
  'ETLS',
  'ESOCKET',
  'never seen before',
];

const unexplained = (reasons: string[]) => [...new Set(reasons)].filter((reason) => !explain(reason));

describe('the catalogue', () => {
  it('has every reason why a mail or an attachment is not kept', () => {
    expect(unexplained(Object.keys(kept))).toEqual([]);
  });

  it('has whatever comes of a send: each reply to each command, each break, each leftover', () => {
    const answered = replies.flatMap((responseCode) =>
      commands.flatMap((command) => [
        { responseCode, command },
        { responseCode, command, code: 'EAUTH' },
      ]),
    );
    const errors = [...answered, ...breaks.map((code) => ({ code })), new Error('a bug')];
    const verdicts = errors.map((error) => judge({ kind: 'broken', error, started: false }));
    const sources = [new Fault('gone', 'FORGOTTEN', ''), new Fault('broken', 'GRPC_UNAVAILABLE', '')];
    verdicts.push(...sources.map((sourceError) => judge({ kind: 'broken', error: undefined, started: false, sourceError })));
    const reasons = verdicts.flatMap((verdict) => ('reason' in verdict ? [verdict.reason] : []));
    expect(reasons).toHaveLength(errors.length + sources.length);
    expect(unexplained([...reasons, 'SEND_UNKNOWN', 'SEND_EXPIRED', 'CANCELLED', 'INBOX_REMOVED'])).toEqual([]);
    const left = judgeLeftover({ state: 'accepted' } as Parameters<typeof judgeLeftover>[0], true);
    expect(left).toMatchObject({ reason: 'INBOX_REMOVED' });
  });

  it('has whatever becomes of a session; trouble in this house is no reason that a person is told', () => {
    const errors = [...breaks.map((code) => ({ code })), { authenticationFailed: true }, { responseStatus: 'NO' }, new Error('a bug')];
    const faults = [...errors.map(imapFault), ...errors.map(smtpFault), new Fault('broken', 'GRPC_UNAVAILABLE', '')];
    const reasons = faults.map((fault) => afterEnd(fault, { failures: 0, refusedAt: undefined, stoodMs: 0 }, new Date(0)).reason);
    expect(unexplained(reasons.filter((reason) => reason !== ''))).toEqual([]);
    expect(reasons.at(-1)).toBe('');
  });

  it('says each in one or two sentences, without a code', () => {
    for (const [code, { sentence }] of Object.entries(catalogue)) {
      expect(sentence).toMatch(/^[A-Z][^]*\.$/);
      expect([code, sentence.split(/[.] /).length <= 2]).toEqual([code, true]);
    }
  });
});
