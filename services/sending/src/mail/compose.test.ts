// Composed mails: the same bytes every time, and nothing of a text that becomes a header.
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { composeMail } from './compose.js';
import type { SendContent } from './content.js';

const content: SendContent = {
  sendId: '0199-send',
  messageId: '0199-send@acme.test',
  date: 'Tue, 24 Nov 2026 21:00:00 +0000',
  mark: 'v1.send.mail.mac',
  from: { address: 'anna@bücher.example', name: 'Änna, "the" Example' },
  to: [{ address: 'bo@outside.test', name: 'Bo' }],
  cc: [],
  bcc: [{ address: 'hidden@outside.test', name: '' }],
  subject: 'Grüße aus München',
  text: 'Hello\nFrom here.\n.\nnot the end\n',
  html: '<p>Hello <img src="cid:x"></p>',
  inReplyTo: 'q@outside.test',
  references: ['p@outside.test', 'q@outside.test'],
  attachments: [
    { attachmentId: 'a', fileName: 'Angebot.pdf', contentType: 'application/pdf', sizeBytes: 100_000 },
    { attachmentId: 'b', fileName: 'mail.eml', contentType: 'message/rfc822', sizeBytes: 10 },
  ],
};
const files: Record<string, Buffer> = { a: Buffer.alloc(100_000, 7), b: Buffer.from('From: x\r\n\r\n') };
/** Comes in pieces that differ from call to call, as from a network. */
async function* open({ attachmentId }: { attachmentId: string }): AsyncGenerator<Uint8Array> {
  const bytes = files[attachmentId]!;
  for (let at = 0, size = 0; at < bytes.length; at += size) {
    size = 1 + Math.floor(Math.random() * 9_000);
    yield bytes.subarray(at, at + size);
  }
}
const composed = async (more: Partial<SendContent> = {}) => (await buffer(composeMail({ ...content, ...more }, open))).toString();

describe('a composed mail', () => {
  it('is the very same bytes every time', async () => {
    const [first, second] = [await composed(), await composed()];
    expect(second).toBe(first);
    expect(await composed({ sendId: 'other' })).not.toBe(first);
  });

  it('ends every line as mail does, and has no Bcc', async () => {
    const mail = await composed();
    expect(mail).not.toMatch(/[^\r]\n|\r[^\n]/);
    expect(mail.endsWith('\r\n')).toBe(true);
    expect(mail).not.toMatch(/^bcc|hidden@/im);
    expect(mail).toContain('anna@xn--bcher-kva.example');
    expect(mail).toContain('Date: Tue, 24 Nov 2026 21:00:00 +0000\r\n');
    expect(mail).toContain('Message-ID: <0199-send@acme.test>\r\n');
    expect(mail).toContain('X-Rejoinder-Send: v1.send.mail.mac\r\n');
    expect(mail).not.toContain('Content-Type: message/rfc822');
  });

  it('opens no file before it comes to it', () => {
    let opened = 0;
    const mail = composeMail(content, () => {
      opened++;
      return Readable.from([]);
    });
    mail.destroy();
    expect(opened).toBe(0);
  });

  it('lets nothing of its text become a header', async () => {
    const mail = await composed({
      subject: 'a\r\nX-Evil: 1',
      from: { address: 'a@b.test', name: 'x\r\nX-Evil: 1' },
      inReplyTo: 'a>\r\nX-Evil: 1',
      attachments: [],
    });
    expect(mail).not.toMatch(/^X-Evil/m);
  });

  it('is plain text, HTML or both', async () => {
    expect(await composed({ html: '', attachments: [] })).toContain('Content-Type: text/plain');
    expect(await composed({ text: '', attachments: [] })).toMatch(/^Content-Type: text\/html/m);
    expect(await composed({ attachments: [] })).toContain('multipart/alternative');
    expect(await composed({ text: '', html: '', attachments: [] })).toContain('Content-Type: text/plain');
  });

  it('gives an error of a file on, and no end', async () => {
    const failing = composeMail(content, () => Readable.from(broken(), { objectMode: false }));
    await expect(buffer(failing)).rejects.toThrow('the store broke');
  });
});

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(10_000);
  throw new Error('the store broke');
}
