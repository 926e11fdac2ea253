// What comes of a mail by a report's words: an address that takes no mail, one that will take it at another time, and a server that still tries.
import { expect, test } from 'vitest';
import { readReport } from './delivery-report.js';
import { parseHeaders } from './headers.js';

const read = (status: string, { headers = '', firstText = '' } = {}) =>
  readReport({ headers: parseHeaders(headers), firstText, status, returnedHeader: '' }).deliveries;
const fields = (...lines: string[]) => ['Reporting-MTA: dns; mx.test', '', 'Final-Recipient: rfc822; bo@x.test', ...lines, ''].join('\r\n');
const outcome = (...lines: string[]) => read(fields(...lines))[0]!.outcome;

test.each([
  ['hard_bounce', ['Action: failed', 'Status: 5.1.1']],
  ['hard_bounce', ['Action: failed']],
  ['hard_bounce', ['Status: 5.7.1']],
  // A full mailbox, and a server that has given up trying.
  ['soft_bounce', ['Action: failed', 'Status: 5.2.2']],
  ['soft_bounce', ['Action: failed', 'Status: 4.4.7']],
  ['delayed', ['Action: delayed', 'Status: 4.4.1']],
  ['delayed', ['Action: delayed']],
  ['delivered', ['Action: delivered', 'Status: 2.0.0']],
  ['delivered', ['Action: relayed', 'Status: 2.1.9']],
  ['unclear', ['Action: failed', 'Status: 2.0.0']],
  ['unclear', ['Action: unheard-of']],
] as const)('%s: %j', (expected, lines) => {
  expect(outcome(...lines)).toBe(expected);
});

test('without fields, by the words of the text and who is named as failed', () => {
  expect(read('', { firstText: 'Your mail is delayed; it will be retried.' })[0]!.outcome).toBe('delayed');
  expect(read('', { firstText: '<bo@x.test>: 452 4.3.1 Insufficient storage' })[0]).toMatchObject({
    address: 'bo@x.test',
    outcome: 'soft_bounce',
  });
  expect(read('', { headers: 'X-Failed-Recipients: bo@x.test\r\n', firstText: 'No such user.' })[0]!.outcome).toBe('hard_bounce');
  expect(read('', { firstText: 'Hello.' })[0]!.outcome).toBe('unclear');
});

test('of a mail that went on from its recipient both addresses are told', () => {
  expect(read(fields('Original-Recipient: rfc822; Ann@y.test', 'Action: failed', 'Status: 5.1.1'))[0]).toMatchObject({
    address: 'bo@x.test',
    originalAddress: 'ann@y.test',
  });
});
