// Which attachments are fetched.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_SIZE_LIMITS, admit, decodedSize, receivedTooLarge } from './size-rule.js';

const MB = 1_000_000;
const part = (encodedSizeBytes: number, encoding = 'base64', partId = '2') => ({ partId, encodedSizeBytes, encoding });
const decide = (mailSizeBytes: number, one = part(1_000), limits = DEFAULT_SIZE_LIMITS) => admit(mailSizeBytes, [one], limits)[0];

describe('the size rule', () => {
  it('lets the attachments of a mail below 50 MB through', () => {
    expect(decide(50 * MB - 1)).toMatchObject({ partId: '2', decision: 'pending' });
  });

  it('lets none of a mail of 50 MB or more through, however small', () => {
    expect(admit(50 * MB, [part(1), part(49 * MB, 'base64', '3')], DEFAULT_SIZE_LIMITS)).toMatchObject([
      { partId: '2', decision: 'rejected', reason: 'mail_too_large', limitBytes: 50 * MB },
      { partId: '3', decision: 'rejected', reason: 'mail_too_large', limitBytes: 50 * MB },
    ]);
  });

  it('lets an attachment of exactly 50 MB through, and none over it', () => {
    const limits = { ...DEFAULT_SIZE_LIMITS, mailLimitBytes: 200 * MB };
    expect(decide(60 * MB, part(50 * MB, '8bit'), limits)).toMatchObject({ decision: 'pending' });
    expect(decide(60 * MB, part(50 * MB + 1, '8bit'), limits)).toMatchObject({ decision: 'rejected', reason: 'part_too_large' });
    expect(receivedTooLarge(50 * MB, limits)).toBe(false);
    expect(receivedTooLarge(50 * MB + 1, limits)).toBe(true);
  });

  it('goes by the decoded size: what may be small enough is admitted and counted while it streams', () => {
    const limits = { ...DEFAULT_SIZE_LIMITS, mailLimitBytes: 200 * MB };
    expect(decide(90 * MB, part(66 * MB), limits)).toMatchObject({ decision: 'pending' });
    expect(decide(90 * MB, part(80 * MB), limits)).toMatchObject({ decision: 'rejected', reason: 'part_too_large' });
    expect(decide(190 * MB, part(140 * MB, 'quoted-printable'), limits)).toMatchObject({ decision: 'pending' });
    expect(decide(190 * MB, part(180 * MB, 'x-unheard-of'), limits)).toMatchObject({ decision: 'pending' });
  });

  it('lets none through where attachments are off', () => {
    expect(decide(1, part(1), { ...DEFAULT_SIZE_LIMITS, attachmentsOn: false })).toMatchObject({
      decision: 'rejected',
      reason: 'attachments_off',
    });
  });

  it('bears declared sizes that are none', () => {
    for (const size of [-1, NaN, Infinity]) expect(decide(1, part(size))).toMatchObject({ decision: 'pending', estimatedSizeBytes: 0 });
  });

  it('never refuses a file within the limit because of how it is encoded', () => {
    const size = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(size, fc.integer({ min: 15, max: 19 }), fc.constantFrom(1, 2), (fileBytes, groups, breakBytes) => {
        const characters = Math.ceil(fileBytes / 3) * 4;
        const encoded = characters + Math.ceil(characters / (groups * 4)) * breakBytes;
        const { leastBytes, mostBytes } = decodedSize(encoded, 'BASE64');
        expect(leastBytes).toBeLessThanOrEqual(fileBytes);
        expect(mostBytes).toBeGreaterThanOrEqual(fileBytes);
      }),
    );
    fc.assert(
      fc.property(size, fc.boolean(), (fileBytes, allEscaped) => {
        const encoded = allEscaped ? fileBytes * 3 + Math.floor((fileBytes - 1) / 25) * 3 : fileBytes;
        const { leastBytes, mostBytes } = decodedSize(encoded, 'quoted-printable');
        expect(leastBytes).toBeLessThanOrEqual(fileBytes);
        expect(mostBytes).toBeGreaterThanOrEqual(fileBytes);
      }),
    );
  });
});
