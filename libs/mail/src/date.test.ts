// Dates as mails carry them.
import { describe, expect, it } from 'vitest';
import { dateSeconds } from './date.js';

describe('the instant of a Date header', () => {
  it.each([
    ['Fri, 21 Nov 1997 09:55:06 -0600', '1997-11-21T15:55:06Z'],
    ['21 Nov 97 09:55:06 GMT', '1997-11-21T09:55:06Z'],
    ['Fri, 21 Nov 1997 09(comment):   55  :  06 -0600', '1997-11-21T15:55:06Z'],
    ['Mon, 1 Jan 2024 10:00 +0530 (IST)', '2024-01-01T04:30:00Z'],
    ['Mon,1 Jan 2024 10:00:00 EST', '2024-01-01T15:00:00Z'],
    ['Thu, 13 Feb 1969 23:32 -0330', '1969-02-14T03:02:00Z'],
    ['Mon, 01-Jan-24 10:00:00 +0000', '2024-01-01T10:00:00Z'],
    ['2024-01-01T10:00:00+01:00', '2024-01-01T09:00:00Z'],
    ['Mon, 1 Jan 102 10:00:00 +0000', '2002-01-01T10:00:00Z'],
    ['Mon, 1 Jan 2024 10:00:00 GMT', '2024-01-01T10:00:00Z'],
    ['Mon, 1 Jan 2024 10:00:00 EST ', '2024-01-01T15:00:00Z'],
  ])('%j is %s', (raw, iso) => {
    expect(dateSeconds(raw)).toBe(Date.parse(iso) / 1000);
  });

  it('does not depend on the zone of the machine', () => {
    expect(dateSeconds('Mon, 1 Jan 2024 10:00:00')).toBe(Date.UTC(2024, 0, 1, 10) / 1000);
  });

  it.each([
    '',
    'Whenever',
    '<HR>',
    '32 Jan 2024 10:00:00',
    '1 Foo 2024 10:00',
    '1 Jan 2024 25:00',
    'x'.repeat(1_000_000),
    '('.repeat(1_000_000),
  ])('is absent where there is none (%#)', (raw) => {
    expect(dateSeconds(raw)).toBeUndefined();
  });
});
