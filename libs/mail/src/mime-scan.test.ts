// A mail's own bytes tell its parts and where each lies, in whatever pieces they come.
import { describe, expect, it } from 'vitest';
import { MimeScan, partsById, type ScannedPart } from './mime-scan.js';

const parameters = (raw: string) => {
  const [value = '', ...rest] = raw.split(';').map((one) => one.trim());
  const pairs = rest.map((one) => one.split('=')).map(([name = '', text = '']) => [name.toLowerCase(), text.replaceAll('"', '')]);
  return { value, params: Object.fromEntries(pairs) as Record<string, string> };
};

function scan(mail: string, pieceBytes = Infinity): ScannedPart {
  const bytes = Buffer.from(mail);
  const scanning = new MimeScan(parameters);
  for (let at = 0; at < bytes.length; at += Math.min(pieceBytes, bytes.length))
    scanning.push(bytes.subarray(at, at + Math.min(pieceBytes, bytes.length)));
  return scanning.end();
}

const bodyOf = (mail: string, part: ScannedPart | undefined) => part && Buffer.from(mail).subarray(part.bodyStart, part.bodyEnd).toString();

const nested = [
  'From: ada@example.org',
  'Content-Type: multipart/mixed; boundary="out"',
  '',
  'a preamble',
  '--out',
  'Content-Type: multipart/alternative; boundary=in',
  '',
  '--in',
  '',
  'plain',
  '--in',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: Base64',
  '',
  'PGI+',
  '--in--',
  '--out',
  'Content-Type: message/rfc822',
  'Content-Disposition: attachment; filename="was.eml"',
  '',
  'From: bob@outside.test',
  'Content-Type: multipart/mixed; boundary=other',
  '',
  '--other',
  '',
  'inner',
  '--other--',
  '',
  '--out--',
  'an epilogue',
  '',
].join('\r\n');

describe('the parts of a mail', () => {
  it('are those of BODYSTRUCTURE, with the bytes of each', () => {
    const root = scan(nested);
    const parts = partsById(root);
    expect([...parts.keys()].sort()).toEqual(['', '1', '1.1', '1.2', '2']);
    expect(root.childNodes![0]).toMatchObject({ part: '1', type: 'multipart/alternative' });
    expect(parts.get('1.2')).toMatchObject({ type: 'text/html', encoding: 'base64', size: 4, parameters: { charset: 'utf-8' } });
    expect(parts.get('2')).toMatchObject({
      type: 'message/rfc822',
      disposition: 'attachment',
      dispositionParameters: { filename: 'was.eml' },
    });
    expect(bodyOf(nested, parts.get('1.1'))).toBe('plain');
    expect(bodyOf(nested, parts.get('1.2'))).toBe('PGI+');
    expect(bodyOf(nested, parts.get('2'))).toMatch(/^From: bob@outside\.test\r\n[^]*--other--\r\n$/);
  });

  it('are the same in pieces of one byte, of seven, and with bare line feeds', () => {
    const whole = JSON.stringify(scan(nested));
    for (const size of [1, 7, 64]) expect(JSON.stringify(scan(nested, size))).toBe(whole);
    const bare = nested.replaceAll('\r\n', '\n');
    expect(bodyOf(bare, partsById(scan(bare, 3)).get('1.1'))).toBe('plain');
  });

  it('of a mail of one part are that part', () => {
    const mail = 'Subject: x\r\n\r\nhello\r\n';
    const part = partsById(scan(mail)).get('1');
    expect(part).toMatchObject({ type: 'text/plain', size: 7 });
    expect(bodyOf(mail, part)).toBe('hello\r\n');
  });

  it('are taken as they come where a mail breaks off, has no blank line, or ends an outer part before an inner one', () => {
    const cut = nested.slice(0, nested.indexOf('PGI+') + 2);
    expect(bodyOf(cut, partsById(scan(cut)).get('1.2'))).toBe('PG');
    expect(scan('')).toMatchObject({ type: 'text/plain', bodyEnd: 0 });
    expect(scan('Subject: only a header')).toMatchObject({ type: 'text/plain', size: 0 });
    const early = nested.replace('--in--\r\n', '');
    expect(bodyOf(early, partsById(scan(early)).get('1.2'))).toBe('PGI+');
    expect(partsById(scan(early)).get('2')).toMatchObject({ type: 'message/rfc822' });
  });

  it('are bounded in number and depth, in a time that grows with the bytes alone', () => {
    const many = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(20_000)}`;
    expect(scan(many).childNodes!.length).toBeLessThan(2_001);
    const deep = Array.from({ length: 2_000 }, (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`).join('');
    let depth = 0;
    for (let part: ScannedPart | undefined = scan(deep); part; part = part.childNodes?.[0]) depth++;
    expect(depth).toBeLessThan(53);
  });
});
