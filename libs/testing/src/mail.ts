// Builds mails as a mail program would write them.
import MailComposer from 'nodemailer/lib/mail-composer';
import { createHash, randomUUID } from 'node:crypto';
import { headerOf } from './mail-headers.js';

export interface Attachment {
  filename: string;
  contentType?: string;
  content: Buffer;
  /** Shown inside the HTML as `cid:…` instead of beside it. */
  cid?: string;
  contentDisposition?: 'attachment' | 'inline';
}

export interface MailParts {
  from: string;
  to?: string | string[];
  cc?: string | string[];
  bcc?: string | string[];
  replyTo?: string;
  subject?: string;
  text?: string;
  html?: string;
  /** With or without angle brackets. */
  messageId?: string;
  inReplyTo?: string;
  references?: string | string[];
  date?: Date;
  attachments?: Attachment[];
  headers?: Record<string, string | string[]>;
}

/** The whole mail with CRLF line ends. The same parts give the same bytes if they name `messageId` and `date`. */
export async function buildMail(parts: MailParts): Promise<Buffer> {
  const messageId = bracketed(parts.messageId ?? `${randomUUID()}@mail.test`);
  const composer = new MailComposer({
    subject: 'Hello',
    ...(parts.text === undefined && parts.html === undefined ? { text: 'Hello.\n' } : {}),
    ...parts,
    ...(parts.inReplyTo === undefined ? {} : { inReplyTo: bracketed(parts.inReplyTo) }),
    ...(parts.references === undefined ? {} : { references: [parts.references].flat().map(bracketed).join(' ') }),
    messageId,
    date: parts.date ?? new Date(),
    newline: 'windows',
    baseBoundary: createHash('sha256').update(messageId).digest('hex').slice(0, 16),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const node = composer.compile();
  node.keepBcc = true;
  return node.build();
}

export interface ReplyParts extends Omit<MailParts, 'to' | 'inReplyTo' | 'references'> {
  /** Whoever wrote the mail, unless said otherwise. */
  to?: string | string[];
}

/** An answer to `mail`: to whoever wrote it, its subject after Re:, its thread in In-Reply-To and References. */
export async function replyTo(mail: Buffer, reply: ReplyParts): Promise<Buffer> {
  const parent = messageIdOf(mail);
  const earlier = headerOf(mail, 'References') ?? headerOf(mail, 'In-Reply-To') ?? '';
  const subject = headerOf(mail, 'Subject') ?? '';
  return buildMail({
    to: headerOf(mail, 'Reply-To') ?? headerOf(mail, 'From'),
    subject: /^re:/i.test(subject) ? subject : `Re: ${subject}`,
    ...reply,
    inReplyTo: parent,
    references: [...earlier.split(/\s+/).filter(Boolean), parent],
  });
}

/** With its angle brackets. */
export function messageIdOf(mail: Buffer): string {
  const id = headerOf(mail, 'Message-ID');
  if (!id) throw new Error('the mail has no Message-ID');
  return id;
}

const bracketed = (id: string): string => (id.startsWith('<') ? id : `<${id}>`);
