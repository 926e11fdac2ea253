// What REST says of an inbox that is in trouble.
import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { InboxSchema } from '@rejoinder/contracts/api/connections';
import { GetProgressResponseSchema } from '@rejoinder/contracts/api/sync';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { troublesOf } from './inbox-troubles.js';

const [since, next] = ['2026-11-24T09:41:07.000Z', '2026-11-24T10:00:00.000Z'];
const at = (iso: string) => timestampFromDate(new Date(iso));
const servers = {
  imap: { host: 'imap.fastmail.com', port: 993, security: 'tls' },
  smtp: { host: 'smtp.fastmail.com', port: 465, security: 'tls' },
};
const inbox = (more: object) => create(InboxSchema, { ...servers, provider: 'Fastmail', ...more });

test('a side that has stopped tells where, since when, what to do, and by what it is found', () => {
  const stopped = inbox({ receivingReason: 'AUTH_REJECTED', sendingReason: 'AUTH_REJECTED', stoppedSince: at(since), traceId: '4bf9' });
  const told = {
    code: 'AUTH_REJECTED',
    action: 'Reconnect',
    provider: 'Fastmail',
    first_seen_at: since,
    next_try_at: null,
    trace_id: '4bf9',
  };
  const { sentence } = catalogue.AUTH_REJECTED;
  expect(troublesOf(stopped, undefined)).toEqual([
    { ...told, side: 'receiving', server: 'imap.fastmail.com:993', text: `Fastmail, imap.fastmail.com:993: ${sentence}` },
    { ...told, side: 'sending', server: 'smtp.fastmail.com:465', text: `Fastmail, smtp.fastmail.com:465: ${sentence}` },
  ]);
});

test('receiving that is slowed tells until when', () => {
  const progress = { state: 'slowed', reason: 'THROTTLED', nextTryAt: at(next), since: at(since), traceId: '5c0a' };
  const slowed = troublesOf(inbox({ provider: '' }), create(GetProgressResponseSchema, progress));
  const told = { side: 'receiving', code: 'THROTTLED', first_seen_at: since, next_try_at: next, trace_id: '5c0a' };
  expect(slowed).toMatchObject([{ ...told, text: `imap.fastmail.com:993: ${catalogue.THROTTLED.sentence}` }]);
});

test('an inbox that works has no trouble', () => {
  expect(troublesOf(inbox({}), create(GetProgressResponseSchema, { state: 'live' }))).toEqual([]);
});
