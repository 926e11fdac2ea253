// What a delivery report says became of a mail.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readReport, type ReportTexts } from './delivery-report.js';
import { parseHeaders } from './headers.js';

const report = ({ head = '', ...more }: Partial<ReportTexts> & { head?: string }) =>
  readReport({ firstText: '', status: '', returnedHeader: '', ...more, headers: parseHeaders(`To: ann@host\n${head}`) });
const told = (more: Parameters<typeof report>[0]) =>
  report(more).deliveries.map(({ address, class: of, status, evidence }) => [address, of, status, evidence]);
const fields = (...lines: string[]) => `Reporting-MTA: dns; mx.host\n\nFinal-Recipient: rfc822; Joe@Host\n${lines.join('\n')}\n`;

describe('a delivery report tells', () => {
  it.each([
    ['by its status', fields('Action: failed', 'Status: 5.1.1 (no user)'), ['joe@host', 'permanent', '5.1.1', 'status']],
    ['that it may yet arrive', fields('Action: delayed', 'Status: 4.4.7'), ['joe@host', 'transient', '4.4.7', 'status']],
    ['that it arrived', fields('Action: delivered', 'Status: 2.0.0'), ['joe@host', 'success', '2.0.0', 'status']],
    [
      'by the reply of another server where the status is vague',
      fields('Status: 5.0.0', 'Diagnostic-Code: smtp; 550 5.2.2 <joe@host> full'),
      ['joe@host', 'permanent', '5.2.2', 'diagnostic'],
    ],
    [
      'by that reply where there is no status',
      fields('Diagnostic-Code: smtp; 450 try again'),
      ['joe@host', 'transient', undefined, 'diagnostic'],
    ],
    ['by the action alone', fields('Action: failed'), ['joe@host', 'permanent', undefined, 'action']],
    [
      'for an address of another kind without it',
      'Final-Recipient: x400; c=de\nStatus: 5.1.1',
      [undefined, 'permanent', '5.1.1', 'status'],
    ],
  ])('%s', (_, status, expected) => {
    expect(told({ status })).toEqual([expected]);
  });

  it('of each recipient', () => {
    const status = `${fields('Status: 5.1.1')}\n\nOriginal-Recipient: rfc822;ben@host\nStatus: 4.2.2\n`;
    expect(told({ status }).map(([address, of]) => [address, of])).toEqual([
      ['joe@host', 'permanent'],
      ['ben@host', 'transient'],
    ]);
  });

  it.each([
    [
      'by codes beside the recipients',
      '<joe@host>: 550 5.1.1 no user\nben@host: 452 full',
      [
        ['joe@host', 'permanent', '5.1.1', 'text_code'],
        ['ben@host', 'transient', undefined, 'text_code'],
      ],
    ],
    [
      'of the recipients alone, and not of whom it goes to',
      '550 <ann@host> said RCPT <joe@host>: unknown',
      [['joe@host', 'permanent', undefined, 'text_code']],
    ],
    ['by a code alone', 'Sorry. (#5.1.2)', [[undefined, 'permanent', '5.1.2', 'text_code']]],
    ['by words', 'This is a permanent error; I have given up.', [[undefined, 'permanent', undefined, 'text_words']]],
    ['by words that it is late', 'Your message is delayed. Mailbox full.', [[undefined, 'transient', undefined, 'text_words']]],
    ['nothing where nothing tells it', 'Hello 192.5.1.1 v5.1.1.2, 550', [[undefined, undefined, undefined, undefined]]],
    [
      'nothing by what the mail that came back says',
      'Sorry\n\nReceived: from mx\nSubject: 550 5.1.1 no user',
      [[undefined, undefined, undefined, undefined]],
    ],
  ])('in its text %s', (_, firstText, expected) => {
    expect(told({ firstText })).toEqual(expected);
  });

  it('of those whom a header names', () => {
    expect(told({ head: 'X-Failed-Recipients: joe@host, ben@host', firstText: 'joe@host\n  550 5.1.1 <joe@host>\nexpired' })).toEqual([
      ['joe@host', 'permanent', '5.1.1', 'text_code'],
      ['ben@host', 'permanent', '5.1.1', 'text_code'],
    ]);
  });

  it.each([
    [
      'the header that came back',
      { returnedHeader: 'Message-ID: <a@host>', firstText: 'Message-ID: <b@host>' },
      'a@host',
      'returned_header',
    ],
    ['its text', { firstText: 'Sorry\n\n> Message-Id:\n  <b@host>', head: 'In-Reply-To: <c@host>' }, 'b@host', 'text'],
    ['what it cites', { head: 'References: <x@host> <c@host>' }, 'c@host', 'references'],
    ['nothing', {}, undefined, undefined],
  ])('which mail it is about by %s', (_, texts, messageId, messageIdIn) => {
    expect(report(texts)).toMatchObject({ messageId, messageIdIn });
  });
});

describe('of anything a report', () => {
  it('is read, and never throws', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(fc.property(text, text, text, (firstText, status, returnedHeader) => void report({ firstText, status, returnedHeader })));
  });

  it.each([
    '5',
    '550 ',
    '5.1.1',
    'a@b ',
    '550 a@b\n',
    'user ',
    'invalid ',
    '\n\n',
    'Status: 5\n\n',
    'Message-ID:',
    'Message-ID: <',
    ' ',
    'delivery is ',
  ])('of %j names a bounded number of people, in short time', (piece) => {
    const huge = piece.repeat(3_000_000 / piece.length);
    const { deliveries } = report({ firstText: huge, status: huge, returnedHeader: huge });
    expect(deliveries.length).toBeLessThanOrEqual(100);
  });
});
