// Bytes come out the same however they were cut on their way, and junk is no reason to fail.
import { describe, expect, test } from 'vitest';
import { randomFrom } from '@rejoinder/testing/seed';
import { decodeTransfer, transferDecoder } from './transfer-decoder.js';

function inPieces(encoding: string, bytes: Buffer, size: number): Buffer {
  const decoder = transferDecoder(encoding);
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(decoder.push(bytes.subarray(at, at + size)));
  return Buffer.concat([...out, decoder.end()]);
}

describe('base64', () => {
  const plain = randomFrom(7).bytes(10_001);
  const lines = Buffer.from(plain.toString('base64').replace(/.{76}/g, '$&\r\n'));

  test.each([1, 3, 77, 4_096])('in pieces of %i', (size) => {
    expect(inPieces('Base64', lines, size).equals(plain)).toBe(true);
  });

  test('skips junk, goes on behind padding, and takes the URL alphabet', () => {
    expect(decodeTransfer('base64', Buffer.from('aGFs*bG8=\r\nIHdlbHQ=')).toString()).toBe('hallo welt');
    expect(decodeTransfer('base64', Buffer.from('_-8'))).toEqual(Buffer.from('/+8=', 'base64'));
    expect(decodeTransfer('base64', Buffer.from('A'))).toHaveLength(0);
  });
});

describe('quoted-printable', () => {
  const text = Buffer.from('Gr=C3=BC=C3=9Fe =\r\naus K=C3=B6ln  \r\n=3D eins=ZZ =4\r\nlast');

  test.each([1, 2, 5, 1_000])('in pieces of %i', (size) => {
    expect(inPieces('quoted-printable', text, size).toString()).toBe('Grüße aus Köln\r\n= eins=ZZ =4\r\nlast');
  });

  test('an escape at the very end and a line without end', () => {
    expect(decodeTransfer('quoted-printable', Buffer.from('a=3D')).toString()).toBe('a=');
    const long = Buffer.from('=C3=BC'.repeat(60_000));
    expect(inPieces('quoted-printable', long, 7_777).toString()).toBe('ü'.repeat(60_000));
  });
});

test('an unknown encoding is kept as it came', () => {
  expect(decodeTransfer('x-strange', Buffer.from('a=3D')).toString()).toBe('a=3D');
});
