// What may be sent, and what is refused by which name.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { SendRequestSchema } from '@rejoinder/contracts/api/sending';
import { readSendRequest } from './send-request.js';

const good = { inboxId: newId(), to: [{ address: 'Bo@Outside.test', name: 'Bo' }], subject: 'Hello', text: 'Hi' };
const read = (more: MessageInitShape<typeof SendRequestSchema>) => readSendRequest(create(SendRequestSchema, { ...good, ...more }));
const codeOf = (more: MessageInitShape<typeof SendRequestSchema>) => {
  try {
    read(more);
    return 'passed';
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
};
const people = (count: number) => Array.from({ length: count }, (_, at) => ({ address: `p${at}@outside.test` }));

describe('what may be sent', () => {
  it('keeps addresses as written, with the domain in lower case, and ends the references with what is answered', () => {
    const draft = read({ inReplyTo: '<b@x.test>', references: ['<b@x.test>', 'a@x.test', '<a@x.test>'] });
    expect(draft.to).toEqual([{ address: 'Bo@outside.test', name: 'Bo' }]);
    expect([draft.inReplyTo, draft.references]).toEqual(['b@x.test', ['a@x.test', 'b@x.test']]);
    expect(draft.idempotencyKey).toBeUndefined();
  });

  it.each([
    'a@b.test\r\nBcc: evil@x.test',
    'a@b.test, c@d.test',
    '<a@b.test>',
    'a b@c.test',
    'a@',
    '@b.test',
    'a@b..test',
    'a@-b.test',
    'a@[127.0.0.1]',
    'a@b.test>',
    '',
  ])('%j is no address', (address) => expect(codeOf({ to: [{ address }] })).toBe('ADDRESS_INVALID'));

  it.each(['a@b.test', "o'hara+tag@b.co.uk", '"quoted dot."@b.test', 'müller@bücher.example', 'a@localhost'])('%j is one', (address) =>
    expect(codeOf({ to: [{ address }] })).toBe('passed'),
  );

  it.each<[string, MessageInitShape<typeof SendRequestSchema>, string]>([
    ['nobody', { to: [] }, 'RECIPIENTS_INVALID'],
    ['101 people', { to: people(51), cc: people(50) }, 'RECIPIENTS_INVALID'],
    ['100 people', { to: people(50), bcc: people(50) }, 'passed'],
    ['a line break in the subject', { subject: 'a\r\nX-Evil: 1' }, 'SUBJECT_INVALID'],
    ['999 characters of subject', { subject: 'x'.repeat(999) }, 'SUBJECT_INVALID'],
    ['a line break in a name', { to: [{ address: 'a@b.test', name: 'A\nBcc: x' }] }, 'NAME_INVALID'],
    ['text over 1 MB', { text: 'x'.repeat(1_000_001) }, 'TOO_LARGE'],
    ['HTML over 1 MB in bytes', { html: 'ü'.repeat(500_001) }, 'TOO_LARGE'],
    ['21 attachments', { attachmentIds: Array.from({ length: 21 }, newId) }, 'ATTACHMENTS_INVALID'],
    ['an attachment that is no id', { attachmentIds: ['../x'] }, 'ATTACHMENTS_INVALID'],
    ['a key over 255 characters', { idempotencyKey: 'k'.repeat(256) }, 'KEY_INVALID'],
    ['a line break in In-Reply-To', { inReplyTo: '<a@b.test>\r\nBcc: x@y.test' }, 'MESSAGE_ID_INVALID'],
    ['a reference that is none', { references: ['   '] }, 'MESSAGE_ID_INVALID'],
    ['51 references', { references: Array.from({ length: 51 }, (_, at) => `r${at}@x.test`) }, 'REFERENCES_INVALID'],
    ['an inbox that is no id', { inboxId: 'inbox' }, 'INBOX_NOT_FOUND'],
  ])('%s', (_, more, code) => expect(codeOf(more)).toBe(code));
});
