// Header blocks, well formed and not.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_FIELDS, allValues, firstValue, parseHeaders } from './headers.js';

describe('a header block', () => {
  it('gives its fields by name in any case, repeats in order', () => {
    const headers = parseHeaders('Received: one\r\nTO: a@x\r\nreceived: two\r\n\r\nBody: no\r\n');
    expect(allValues(headers, 'Received')).toEqual(['one', 'two']);
    expect(firstValue(headers, 'to')).toBe('a@x');
    expect(firstValue(headers, 'body')).toBeUndefined();
    expect(headers).toMatchObject({ malformedLines: 0, truncated: false });
  });

  it('is unfolded, whatever ends its lines', () => {
    expect(firstValue(parseHeaders('Subject: a\r\n b\n\tc\r\n'), 'subject')).toBe('a b\tc');
    expect(firstValue(parseHeaders('Subject:\r\n a'), 'subject')).toBe('a');
    expect(firstValue(parseHeaders('Subject: a\r\n  \r\n b\r\nTo: x\r\n'), 'subject')).toBe('a   b');
  });

  it('bears lines that are no field', () => {
    const headers = parseHeaders('From joe Mon Jan 1\nnonsense\n: empty\nSubject : a\nTo:\n continued after nonsense\n');
    expect(headers.malformedLines).toBe(3);
    expect(firstValue(headers, 'subject')).toBe('a');
    expect(firstValue(headers, 'to')).toBe('continued after nonsense');
  });

  it('does not hang a continuation on the field before a malformed line', () => {
    expect(firstValue(parseHeaders('To: a@x\nnonsense\n , eve@evil\n'), 'to')).toBe('a@x');
  });

  it('is read value by value as UTF-8, else as Latin-1, so one broken field changes no other', () => {
    const bytes = Uint8Array.from(
      [...'A: '].map((c) => c.charCodeAt(0)).concat(0xc3, 0xa9, 10, ...[...'B: '].map((c) => c.charCodeAt(0)), 0xe9, 10),
    );
    const headers = parseHeaders(bytes);
    expect(firstValue(headers, 'a')).toBe('é');
    expect(firstValue(headers, 'b')).toBe('é');
  });

  it('reads the same from bytes as from text', () => {
    const block = fc.string({ unit: 'grapheme', maxLength: 60 }).map((text) => `Subject: ${text.toWellFormed()}\r\nTo: a@x\r\n`);
    fc.assert(fc.property(block, (text) => void expect(parseHeaders(new TextEncoder().encode(text))).toEqual(parseHeaders(text))));
  });

  it('says where it was cut', () => {
    expect(parseHeaders('a: b\n'.repeat(MAX_FIELDS + 1)).truncated).toBe(true);
    expect(parseHeaders(`a: ${'x'.repeat(2_000_000)}`).truncated).toBe(true);
    expect(parseHeaders(`a: b\n${' x\n'.repeat(2_000_000)}`).truncated).toBe(true);
    expect(firstValue(parseHeaders(`a: ${'x'.repeat(2_000_000)}\nb: c`), 'b')).toBe('c');
  });

  it.each(['a', ':', '\n', ' \n', 'a:\n', 'a: b', '\r', '\t', 'a:b\n '])('of 4 MB of %j is read in one pass', (piece) => {
    expect(parseHeaders(piece.repeat(4_000_000 / piece.length)).fields.size).toBeLessThanOrEqual(1);
  });

  it('survives a field called __proto__', () => {
    expect(firstValue(parseHeaders('__proto__: a\nconstructor: b\n'), '__proto__')).toBe('a');
    expect(firstValue(parseHeaders(''), 'constructor')).toBeUndefined();
  });

  it('never throws, and no value holds a line break', () => {
    const piece = fc.constantFrom('a: ', '\r\n', '\n', '\r', ' ', ':', 'b', '\u0000', '\u00ff', '\t');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 80 }), (pieces) => {
        for (const values of parseHeaders(pieces.join('')).fields.values()) for (const value of values) expect(value).not.toContain('\n');
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parseHeaders(bytes)));
  });
});
