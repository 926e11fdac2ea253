// Composes the mail of a send as a stream of bytes: the same send always gives the same bytes, for SMTP and for the copy in Sent.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { domainToASCII } from 'node:url';
import MailComposer from 'nodemailer/lib/mail-composer';
import { SEND_HEADER } from '@rejoinder/mail/send-mark';
import type { AttachedFile, Person, SendContent } from './content.js';

/** The bytes of an attachment; called once the composer comes to it, so that no file is open before it is needed. */
export type OpenFile = (file: AttachedFile) => AsyncIterable<Uint8Array>;

/** Bcc is in the envelope only: it is neither sent nor filed. */
export function composeMail(content: SendContent, open: OpenFile): Readable {
  const composer = new MailComposer({
    from: person(content.from),
    to: content.to.map(person),
    cc: content.cc.map(person),
    subject: content.subject,
    date: content.date,
    messageId: `<${content.messageId}>`,
    ...(content.inReplyTo === '' ? {} : { inReplyTo: `<${content.inReplyTo}>` }),
    ...(content.references.length === 0 ? {} : { references: content.references.map((id) => `<${id}>`).join(' ') }),
    headers: { [SEND_HEADER]: content.mark },
    // A mail of HTML alone has no text part; one of neither is an empty text.
    ...(content.text === '' && content.html !== '' ? {} : { text: content.text }),
    ...(content.html === '' ? {} : { html: content.html }),
    attachments: content.attachments.map((file) => attached(file, open)),
    newline: 'windows',
    // nodemailer's own boundaries are random.
    baseBoundary: createHash('sha256').update(content.sendId).digest('hex').slice(0, 32),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().createReadStream() as Readable;
}

/** Domains go over the wire in ASCII (RFC 5890); the part before the @ belongs to its host. */
export function wireAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1)) || address.slice(at + 1)}`;
}

function person({ address, name }: Person) {
  return { address: wireAddress(address), name };
}

function attached(file: AttachedFile, open: OpenFile) {
  const content = Readable.from(bytesOf(file, open), { objectMode: false });
  const base = { content, filename: file.fileName || 'attachment', contentDisposition: 'attachment' };
  // A part that says it is a mail or has parts of its own may not be base64 (RFC 2046 §5): such a file goes as plain bytes.
  const isNested = /^(message|multipart)\//i.test(file.contentType);
  return {
    ...base,
    contentType: isNested || !file.contentType ? 'application/octet-stream' : file.contentType,
    contentTransferEncoding: 'base64',
  };
}

async function* bytesOf(file: AttachedFile, open: OpenFile): AsyncGenerator<Uint8Array> {
  yield* open(file);
}
