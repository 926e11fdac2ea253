// White space of header values, whatever characters stand in them.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { collapse, squeeze } from './raw-text.js';

const text = fc.string({
  unit: fc.constantFrom('a', 'Z', '~', ' ', '\t', '\r\n', '\u0000', '\u00a0', '\u200b', '\u007f', 'ü', '漢'),
  maxLength: 12,
});

it('is one space between words and none at the ends, or none at all', () => {
  const same = (value: string) => {
    expect(collapse(value)).toBe(value.replaceAll(/[\s\p{Cc}\u200b]+/gu, ' ').trim());
    expect(squeeze(value)).toBe(value.replaceAll(/[\s\p{Cc}\u200b]+/gu, ''));
  };
  fc.assert(fc.property(text, same), { numRuns: 5_000 });
});
