// What is wrong with a request, in words of who sent it.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { connectBody } from '../rest/inbox-given.js';
import { mailBody } from '../rest/send.js';
import { ids, pageOf } from '../rest/shapes.js';
import { Valid } from './valid.js';

const server = { host: 'mail.example.com', port: 993, security: 'tls' };
const login = { address: 'ada@example.com', password: 'x', imap: server, smtp: server };
const mail = { inbox_id: '019ab1c4-5f20-7a31-9d02-6a1b8f4e2c10', to: [], subject: '', text: '' };

const problemsOf = (schema: z.ZodType, value: unknown, name?: string): string => {
  try {
    new Valid(schema, name).transform(value);
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing';
};

test.each<[z.ZodType, unknown, string]>([
  [mailBody, mail, 'nothing'],
  [mailBody, undefined, 'The body is missing'],
  [mailBody, 'text', 'The body must be an object'],
  [mailBody, { ...mail, inbox_id: 'X', text: undefined }, 'inbox_id: must be a UUID in lower case; text: is missing'],
  [mailBody, { ...mail, to: [{ address: 'nobody' }] }, 'to.0.address: must be an address, such as ada@example.com'],
  [
    mailBody,
    { ...mail, to: 'ada@example.com', cc: [{ name: 7 }] },
    'to: must be a list; cc.0.address: is missing; cc.0.name: must be a text',
  ],
  [mailBody, { ...mail, references: [''] }, 'references.0: must not be empty'],
  [mailBody, { ...mail, subject: 'x'.repeat(1_001) }, 'subject: must have at most 1000 characters'],
  [mailBody, { ...mail, attachment_ids: Array(21).fill(mail.inbox_id) }, 'attachment_ids: must have at most 20 entries'],
  [mailBody, { ...mail, body: 1, html5: 2 }, 'body: is not known here, leave it out; html5: is not known here, leave it out'],
  [connectBody, { ...login, imap: { ...server, port: 0 } }, 'imap.port: must be at least 1'],
  [connectBody, { ...login, imap: { ...server, port: 1.5 } }, 'imap.port: must be a whole number'],
  [connectBody, { ...login, smtp: { ...server, security: 'none' } }, 'smtp.security: must be "tls" or "starttls"'],
  [connectBody, { ...login, settings: { attachments: 'yes' } }, 'settings.attachments: must be true or false'],
  [connectBody, { ...login, settings: { x: 1 } }, 'settings.x: is not known here, leave it out'],
  [pageOf(200), { limit: '1000' }, 'limit: must be at most 200'],
  [pageOf(200), { limit: 'many' }, 'limit: must be a number'],
])('%#', (schema, value, problems) => {
  expect(problemsOf(schema, value)).toBe(problems);
});

test('a parameter has the name it has in the path', () => {
  expect(problemsOf(ids.inbox, 'X', 'inbox_id')).toBe('inbox_id: must be a UUID in lower case');
});

test('of very many problems the first are named, of a very long name its start', () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`${at}${'x'.repeat(1_000)}`, 1]));
  const problems = problemsOf(mailBody, { ...mail, ...many }).split('; ');
  expect([problems.length, problems.at(-1)]).toEqual([21, 'and more']);
  expect(problems[0]!.length).toBeLessThan(150);
});
