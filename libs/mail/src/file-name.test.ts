// File names that strangers choose.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_FILE_NAME_BYTES, safeFileName } from './file-name.js';

describe('the name of an attachment', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['Änderung 2024.docx', 'Änderung 2024.docx'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\temp\\a.txt', 'a.txt'],
    ['a\r\n b\u0000.txt', 'a b.txt'],
    ['photo\u202egpj.exe', 'photogpj.exe'],
    ['a<b>:"c"|?*.txt', 'a_b___c____.txt'],
    [' . .hidden. . ', 'hidden'],
    ['..', undefined],
    ['', undefined],
    ['/', undefined],
    ['folder/', 'folder'],
  ])('%j becomes %j', (given, safe) => {
    expect(safeFileName(given)).toBe(safe);
  });

  it('keeps its extension when it is shortened', () => {
    const name = safeFileName(`${'é'.repeat(2_000)}.pdf`) ?? '';
    expect(name.endsWith('.pdf')).toBe(true);
    expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(MAX_FILE_NAME_BYTES);
  });

  it('is always one safe segment', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (given) => {
        const name = safeFileName(given);
        if (name === undefined) return;
        expect(name).not.toMatch(/[/\\\p{Cc}\u202a-\u202e<>:"|?*]|^[. ]|^$/u);
        expect(name.isWellFormed()).toBe(true);
        expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(MAX_FILE_NAME_BYTES);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(['.', ' ', '/', 'a.', '. '])('of a megabyte of %j is short work', (piece) => {
    expect((safeFileName(piece.repeat(500_000)) ?? '').length).toBeLessThanOrEqual(MAX_FILE_NAME_BYTES);
  });
});
