// The mark that a sent mail is known by.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSendMark, parseSendMark } from './send-mark.js';

const mac = (text: string) => `mac-of-${text.length}`;
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/);

describe('the mark of a send', () => {
  it('says which send and which mail, signed', () => {
    expect(formatSendMark({ sendId: 's-1', mailId: 'm_2' }, mac)).toBe('v1.s-1.m_2.mac-of-10');
  });

  it('is read back whole, also when a relay has folded it', () => {
    fc.assert(
      fc.property(id, id, fc.nat(20), (sendId, mailId, fold) => {
        const value = formatSendMark({ sendId, mailId }, mac);
        const folded = `${value.slice(0, fold)}\r\n ${value.slice(fold)}`;
        const signedText = `v1.${sendId}.${mailId}`;
        expect(parseSendMark(folded)).toEqual({ sendId, mailId, mac: mac(signedText), signedText });
      }),
    );
  });

  it.each(['', 'v1', 'v1.a.b', 'v2.a.b.c', 'v1.a.b.c.d', 'v1.a..c', 'v1.a.b.c=', `v1.${'a'.repeat(129)}.b.c`, 'v1.a.b.c'.repeat(100_000)])(
    'is none where it has another form (%#)',
    (raw) => {
      expect(parseSendMark(raw)).toBeUndefined();
    },
  );

  it('is never written with an id that could not be read back', () => {
    expect(() => formatSendMark({ sendId: 'a.b', mailId: 'c' }, mac)).toThrow(RangeError);
    expect(() => formatSendMark({ sendId: 'a\r\nBcc: eve', mailId: 'c' }, mac)).toThrow(RangeError);
  });
});
