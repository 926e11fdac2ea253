// What a stranger's header may cost: it is bounded, and signatures that prove nothing are not looked at.
import { expect, test } from 'vitest';
import { HeadReader, maxHeadBytes, withFewSignatures } from './head.js';

const text = (pieces: Buffer[]) => Buffer.concat(pieces).toString('latin1');

test('a header comes whole, however it is cut, and the body as it comes', () => {
  const mail = Buffer.from('From: a@b.test\r\nSubject: one\r\n two\r\n\r\nBody\r\n\r\nmore');
  for (let size = 1; size <= mail.length; size++) {
    const reader = new HeadReader();
    const out: Buffer[] = [];
    for (let at = 0; at < mail.length; at += size) out.push(...reader.take(mail.subarray(at, at + size)));
    out.push(...reader.end());
    expect(text(out)).toBe(mail.toString());
    expect(reader.head.toString()).toBe('From: a@b.test\r\nSubject: one\r\n two\r\n\r\n');
  }
});

test('a mail without a body is a header alone', () => {
  const reader = new HeadReader();
  expect(reader.take(Buffer.from('From: a@b.test\r\n'))).toEqual([]);
  expect(text(reader.end())).toBe('From: a@b.test\r\n');
});

test('a header that does not end is refused', () => {
  const reader = new HeadReader();
  const piece = Buffer.from('a:\r\n'.repeat(10_000));
  expect(() => {
    for (let bytes = 0; bytes <= maxHeadBytes + piece.length; bytes += piece.length) reader.take(piece);
  }).toThrow(expect.objectContaining({ kind: 'too_large', code: 'HEADER_TOO_LARGE' }));
});

test('ten signatures are looked at, and none of a part of the body', () => {
  const signed = (n: number, more = '') => `DKIM-Signature: v=1; d=a${n}.test;${more}\r\n\tbl=0; b=l=\r\n`;
  const head = `From: a@b.test\r\n${Array.from({ length: 12 }, (_, n) => signed(n)).join('')}To: c@d.test\r\n\r\n`;
  const kept = withFewSignatures(Buffer.from(head)).toString();
  expect(kept.match(/DKIM-Signature/g)).toHaveLength(10);
  expect(kept).toContain('To: c@d.test\r\n\r\n');
  const partial = `${signed(1, ' L = 5;')}${signed(2, '\r\n l=0;')}dkim-signature :l=1; d=x\r\n${signed(4)}\r\n`;
  expect(withFewSignatures(Buffer.from(partial)).toString()).toBe(`${signed(4)}\r\n`);
});
