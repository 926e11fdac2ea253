// The demo's contact: Ada answers every mail a moment later, quoting it and attaching a file.
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import { simpleParser } from 'mailparser';
import type { Submitted } from './mail-server.js';

export const ada = { name: 'Ada Example', address: 'ada@example.com' };

const offer = Buffer.from(
  ['item;pieces;price', 'Difference engine, brass;1;17470.00', 'Punched cards, box of 500;4;36.00', 'Oil for bearings, 1 l;2;9.50'].join(
    '\r\n',
  ) + '\r\n',
);

/** Ada's answer to a mail, or nothing if it was not for her. */
export async function answerOf(mail: Submitted): Promise<Buffer | undefined> {
  if (!mail.to.some((address) => address.toLowerCase() === ada.address)) return undefined;
  const asked = await simpleParser(mail.raw, { skipImageLinks: true, skipHtmlToText: true });
  const earlier = [asked.references ?? []].flat();
  const subject = asked.subject ?? '';
  const composer = new MailComposer({
    from: ada,
    to: asked.from?.value[0] ? { name: asked.from.value[0].name, address: mail.from } : mail.from,
    subject: /^re:/i.test(subject) ? subject : `Re: ${subject}`,
    inReplyTo: asked.messageId,
    references: [...earlier, ...(asked.messageId ? [asked.messageId] : [])],
    text: `Hello,\n\nthank you for your mail. Our list is attached; the engine is in stock.\n\nBest,\nAda\n\n${quote(asked.text ?? '')}`,
    attachments: [{ filename: 'offer.csv', contentType: 'text/csv', content: offer }],
  });
  return composer.compile().build();
}

const quotedLines = 40;

function quote(text: string): string {
  const lines = text.trimEnd().split(/\r?\n/).slice(0, quotedLines);
  return ['You wrote:', ...lines.map((line) => `> ${line}`)].join('\n');
}
