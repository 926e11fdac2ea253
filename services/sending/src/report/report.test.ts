// Which of a report's recipients are a send's, and which word of several counts.
import { expect, test } from 'vitest';
import { gravest, reportsOf, sendNamedBy } from './report.js';

const hash = (text: string) => Buffer.from(text);
const told = (address: string, more: object = {}) => ({ address, originalAddress: '', outcome: 'hard_bounce', status: '5.1.1', ...more });
const found = (deliveries: ReturnType<typeof told>[], recipients: string[]) =>
  reportsOf(deliveries, recipients.map(hash), hash).map(({ recipientHash, outcome }) => `${recipientHash} ${outcome}`);

test('a report speaks of those the mail was written to, and of nobody else', () => {
  expect(found([told('bo@x.test'), told('eve@x.test'), told('ann@x.test', { outcome: 'delayed' })], ['ann@x.test', 'bo@x.test'])).toEqual([
    'bo@x.test hard_bounce',
    'ann@x.test delayed',
  ]);
});

test('of a mail that went on from its recipient, the recipient did not get it', () => {
  expect(found([told('elsewhere@y.test', { originalAddress: 'bo@x.test' })], ['bo@x.test'])).toEqual(['bo@x.test hard_bounce']);
});

test('one that names nobody speaks of the one recipient, and of none where there are several', () => {
  expect(found([told('')], ['bo@x.test'])).toEqual(['bo@x.test hard_bounce']);
  expect(found([told('')], ['bo@x.test', 'ann@x.test'])).toEqual([]);
});

test('what is not known is unclear, and of several words the gravest counts', () => {
  expect(found([told('bo@x.test', { outcome: 'lost' })], ['bo@x.test'])).toEqual(['bo@x.test unclear']);
  expect(found([told('bo@x.test', { outcome: 'delayed' }), told('bo@x.test')], ['bo@x.test'])).toEqual(['bo@x.test hard_bounce']);
  const all = ['delivered', 'soft_bounce', 'unclear', 'delayed'].map((outcome) => ({ outcome }));
  expect(gravest(all, () => '')).toEqual([{ outcome: 'soft_bounce' }]);
});

test('a Message-ID of ours names its send, another none', () => {
  expect(sendNamedBy('v1.a.b.c@x.test')).toBe('a');
  expect([sendNamedBy('a.b@x.test'), sendNamedBy(''), sendNamedBy('v1.a.b.c')]).toEqual([undefined, undefined, undefined]);
});
