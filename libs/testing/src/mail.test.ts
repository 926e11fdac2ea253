// Built mails say what they were told to, and the same parts give the same bytes.
import { simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import { headerOf, headersOf } from './mail-headers.js';
import { buildMail, messageIdOf, replyTo, type MailParts } from './mail.js';

const parts: MailParts = {
  from: 'Ada <ada@example.test>',
  to: ['bob@example.test', 'Cé <c@example.test>'],
  cc: 'd@example.test',
  subject: 'Grüße aus Zürich, und noch viel mehr Text, damit die Zeile sicher umbrochen wird',
  text: 'Plain',
  html: '<p>Rich</p>',
  messageId: 'one@example.test',
  date: new Date('2026-01-02T03:04:05Z'),
  attachments: [{ filename: 'Plän.pdf', contentType: 'application/pdf', content: Buffer.from('%PDF') }],
  headers: { 'X-Own': 'yes', 'Auto-Submitted': 'auto-replied' },
};

test('the same parts give the same bytes', async () => {
  expect(await buildMail(parts)).toEqual(await buildMail(parts));
});

test('all parts are in the mail', async () => {
  const mail = await buildMail(parts);
  const parsed = await simpleParser(mail);
  expect(parsed).toMatchObject({
    subject: parts.subject,
    text: 'Plain',
    html: '<p>Rich</p>',
    messageId: '<one@example.test>',
    date: parts.date,
  });
  expect(parsed.attachments[0]).toMatchObject({ filename: 'Plän.pdf', contentType: 'application/pdf', content: Buffer.from('%PDF') });
  expect(headerOf(mail, 'x-own')).toBe('yes');
  expect(headerOf(mail, 'Subject')).toBe(parts.subject);
  expect(/[^\r]\n/.test(mail.toString('latin1'))).toBe(false);
});

test('a reply answers the writer and continues the thread', async () => {
  const first = await buildMail(parts);
  const second = await replyTo(first, { from: 'bob@example.test', text: 'Yes' });
  const third = await replyTo(second, { from: 'ada@example.test', text: 'Good', cc: 'e@example.test' });
  expect(headerOf(second, 'To')).toBe('Ada <ada@example.test>');
  expect(headerOf(second, 'Subject')).toBe(`Re: ${parts.subject}`);
  expect(headerOf(third, 'Subject')).toBe(`Re: ${parts.subject}`);
  expect(headerOf(third, 'In-Reply-To')).toBe(messageIdOf(second));
  expect(headerOf(third, 'References')).toBe(`<one@example.test> ${messageIdOf(second)}`);
  expect(headersOf(third, 'Message-ID')).toHaveLength(1);
});
