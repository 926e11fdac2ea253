// Message-IDs as mail programs really write them.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ID_BYTES, canonicalMessageId, messageIds } from './message-id.js';

describe('the id of a mail', () => {
  it.each([
    ['<a.b@host>', 'a.b@host'],
    [' \r\n\t<a@host> ', 'a@host'],
    ['<abc\r\n def@host>', 'abcdef@host'],
    ['<CaSe@Host>', 'CaSe@Host'],
    ['<a@host> (added by postmaster@relay)', 'a@host'],
    ['<a@host> <b@host>', 'a@host'],
    ['<<a@host>>', 'a@host'],
    ['a@host', 'a@host'],
    ['<a@host', 'a@host'],
    ['a@host>', 'a@host'],
    ['<> <a@host>', 'a@host'],
  ])('of %j is %j', (raw, id) => {
    expect(canonicalMessageId(raw)).toBe(id);
  });

  it.each(['', '   ', '<>', '< >', '\u0000', `<${'x'.repeat(MAX_ID_BYTES + 1)}>`, `<${'é'.repeat(MAX_ID_BYTES / 2 + 1)}>`])(
    'is absent where nothing usable stands (%#)',
    (raw) => {
      expect(canonicalMessageId(raw)).toBeUndefined();
    },
  );

  it('may be as long as a line may be', () => {
    expect(canonicalMessageId(`<${'x'.repeat(MAX_ID_BYTES)}>`)).toHaveLength(MAX_ID_BYTES);
  });

  it('is the same however its header is folded', () => {
    const word = fc.stringMatching(/^[!-;=?-~]{1,40}$/);
    fc.assert(
      fc.property(word, word, fc.constantFrom('\r\n ', '\r\n\t', ' ', '\n '), (left, right, fold) => {
        expect(canonicalMessageId(`<${left}${fold}${right}>`)).toBe(canonicalMessageId(`<${left}${right}>`));
      }),
    );
  });
});

describe('the ids of a References or In-Reply-To header', () => {
  it('come in order, with or without white space between them', () => {
    expect(messageIds('<a@x><b@x>\r\n <c@x>,<a@x>')).toEqual(['a@x', 'b@x', 'c@x', 'a@x']);
  });

  it('leave out the words around them', () => {
    expect(messageIds('Message from Joe <joe@host> of "Mon, 1 Jan" <1@host>')).toEqual(['joe@host', '1@host']);
  });

  it('may lack brackets, but then all words must be ids', () => {
    expect(messageIds('a@x b@x')).toEqual(['a@x', 'b@x']);
    expect(messageIds('Your message of Friday to joe@host')).toEqual([]);
    expect(messageIds('"Your message of Friday"')).toEqual([]);
  });

  it('keep root and nearest ancestors of a header of megabytes, and no id that nobody wrote, wherever it is cut', () => {
    const all = Array.from({ length: 10_000 }, (_, n) => `${n}.${n}@host`);
    const written = new Set(all);
    for (let shift = 0; shift < 24; shift++) {
      const found = messageIds(' '.repeat(shift) + all.map((id) => `<${id}>`).join(' ') + ' '.repeat(shift % 7));
      expect(found[0]).toBe('0.0@host');
      expect(found.at(-1)).toBe('9999.9999@host');
      expect(found.length).toBeLessThan(5_000);
      expect(found.filter((id) => !written.has(id))).toEqual([]);
    }
  });

  it.each(['<', '>', '<>', '< ', '<a', 'a@', '<a@x'])('take a megabyte of %j in one pass', (piece) => {
    expect(messageIds(piece.repeat(1_000_000 / piece.length)).length).toBeLessThan(40_000);
  });

  it('never throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (raw) => void [messageIds(raw), canonicalMessageId(raw)]));
  });
});
