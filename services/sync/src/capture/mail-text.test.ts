// Text comes out as far as it can be read.
import { expect, test } from 'vitest';
import type { StructureNode } from '@rejoinder/mail/part';
import { planOf } from '@rejoinder/mail/structure';
import { mailText, maxTextBytes } from './mail-text.js';

const leaf = (part: string, type: string, charset?: string, encoding = '8bit', more: Record<string, string> = {}): StructureNode => ({
  part,
  type,
  encoding,
  size: 1_000,
  parameters: { ...(charset === undefined ? {} : { charset }), ...more },
});
const read = (root: StructureNode, sections: Record<string, Buffer | string>) =>
  mailText(planOf(root), root, new Map(Object.entries(sections).map(([part, bytes]) => [part, Buffer.from(bytes as string)])));

test('plain and HTML of an alternative, each in its own charset and encoding', () => {
  const root: StructureNode = {
    type: 'multipart/alternative',
    childNodes: [leaf('1', 'text/plain', 'iso-8859-1', 'quoted-printable'), leaf('2', 'text/html', 'utf-8', 'base64')],
  };
  expect(read(root, { 1: 'Gr=FC=DFe', 2: Buffer.from('<b>Grüße</b>').toString('base64') })).toEqual({
    text: 'Grüße',
    html: '<b>Grüße</b>',
    truncated: false,
  });
});

test('Japanese, an unknown charset, none at all, and a lie', () => {
  expect(read(leaf('1', 'text/plain', 'iso-2022-jp'), { 1: '\u001b$B%F%9%H\u001b(B' }).text).toBe('テスト');
  expect(read(leaf('1', 'text/plain', 'x-unheard-of'), { 1: 'plain' }).text).toBe('plain');
  expect(read(leaf('1', 'text/plain'), { 1: 'grün' }).text).toBe('grün');
  expect(
    mailText(
      planOf(leaf('1', 'text/plain', 'utf-8')),
      leaf('1', 'text/plain', 'utf-8'),
      new Map([['1', Buffer.from([0x67, 0x72, 0xfc, 0x6e])]]),
    ).text,
  ).toBe('grün');
});

test('flowed lines are joined, NUL and half characters are gone', () => {
  expect(read(leaf('1', 'text/plain', 'utf-8', '7bit', { format: 'flowed' }), { 1: 'one \r\nline\r\n' }).text.trim()).toBe('one line');
  expect(read(leaf('1', 'text/plain', 'utf-8'), { 1: 'a\u0000b' }).text).toBe('ab');
});

test('what was not fetched is empty, what is too long is cut and says so', () => {
  expect(read(leaf('1', 'text/plain'), {}).text).toBe('');
  const long = read({ ...leaf('1', 'text/plain', 'latin1'), size: maxTextBytes }, { 1: Buffer.alloc(maxTextBytes, 0xfc) });
  expect(Buffer.byteLength(long.text)).toBeLessThanOrEqual(maxTextBytes + 2);
  expect(long.truncated).toBe(true);
});

test('plain text among HTML is shown as it stands', () => {
  const root: StructureNode = { type: 'multipart/mixed', childNodes: [leaf('1', 'text/html', 'utf-8'), leaf('2', 'text/plain', 'utf-8')] };
  expect(read(root, { 1: '<p>hi</p>', 2: 'a < b' }).html).toBe('<p>hi</p>\n<pre>a &lt; b</pre>');
});
