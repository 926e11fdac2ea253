// What others learn of a mail by its header fields.
import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { MailKind } from '@rejoinder/contracts/mail';
import { observe, observeAny, type Surroundings } from './observe.js';

const hash: Surroundings['hash'] = (kind, text) => Buffer.from(createHmac('sha256', 'key').update(`${kind}\0${text}`).digest());
const now = new Date('2026-11-24T12:00:00Z');
const around: Surroundings = { hash, isSigned: () => false, isOwn: () => false, role: 'inbox', isLogFolder: false, now };
const seen = (header: string, more: { flags?: Set<string>; receivedAt?: Date } = {}) => ({
  uid: 7,
  flags: new Set<string>(),
  receivedAt: new Date('2026-11-24T11:00:00Z'),
  sizeBytes: 1_234,
  ...more,
  header: Buffer.from(header),
});

test('chain, people, subject and kind, all by hash', () => {
  const { mail, messageIdHash } = observe(
    seen(
      'Message-ID: <c@x>\r\nReferences: <a@x> <b@x>\r\nIn-Reply-To: <b@x>\r\nFrom: Bob <BOB@x.test>\r\nTo: ada@y.test, eve@z.test\r\nCc: Eve@z.test\r\nSubject: Fwd: Offer\r\n\r\n',
    ),
    around,
  );
  expect(messageIdHash).toEqual(hash('message-id', 'c@x'));
  expect(mail.chainHashes).toEqual([hash('message-id', 'a@x'), hash('message-id', 'b@x')]);
  expect(mail.fromHash).toEqual(hash('address', 'bob@x.test'));
  expect(mail.recipientHashes).toEqual([hash('address', 'ada@y.test'), hash('address', 'eve@z.test')]);
  expect(mail).toMatchObject({
    forward: true,
    kind: MailKind.PERSON,
    baseSubjectHash: hash('subject', 'offer'),
    sizeBytes: 1_234n,
    logged: false,
  });
});

test('an address with a tag is told without it too, and an own one as the own one', () => {
  const own = hash('address', 'me@y.test');
  const isOwn = (one: Buffer) => one.equals(own);
  const { mail, fromHash } = observe(seen('From: Ann+CRM@x.test\r\nTo: me+shop@y.test, Me@y.test\r\nCc: bob+a@x.test\r\n\r\n'), {
    ...around,
    isOwn,
  });
  expect(fromHash).toEqual(hash('address', 'ann+crm@x.test'));
  expect(mail.recipientHashes).toEqual([own, hash('address', 'bob+a@x.test')]);
  const mailboxes = ['ann@x.test', 'me@y.test', 'bob@x.test'].map((key) => hash('address', key));
  expect(mail.domainHashes).toEqual([...['x.test', 'y.test'].map((domain) => hash('domain', domain)), ...mailboxes]);
});

test('the same mail has the same id wherever it lies, and without a Message-ID too', () => {
  const header = 'From: bob@x.test\r\nTo: ada@y.test\r\nSubject: Hello\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\n';
  const one = observe(seen(header), around);
  const other = observe(seen(header.replaceAll('\r\n', '\n'), { flags: new Set(['\\Seen']) }), { ...around, role: 'archive' });
  expect(other.mailId).toBe(one.mailId);
  expect(one.messageIdHash).toBeUndefined();
});

test('nothing at all in the header, or nonsense, is a mail all the same', () => {
  expect(observe(seen(''), around).mailId).toMatch(/^[0-9a-f-]{36}$/);
  expect(observe(seen('\u0000\u0001 garbage\r\n: x\r\nFrom: <<<>>\r\nSubject: =?x-none?Q?=ZZ?=\r\n'), around).fromHash).toBeUndefined();
});

test('an INTERNALDATE that cannot be is the time of ingest', () => {
  expect(observe(seen('', { receivedAt: new Date('2099-01-01') }), around).receivedAt).toEqual(now);
  expect(observe(seen('', { receivedAt: undefined }), around).receivedAt).toEqual(now);
});

test('the keyword asks for logging in any case of letters', () => {
  expect(observe(seen('', { flags: new Set(['$rejoinderlog']) }), around).logged).toBe(true);
});

test('a header that breaks what reads it is a mail too, told apart by its bytes', () => {
  const brittle: Surroundings = {
    ...around,
    hash: (kind, text) => {
      if (text.includes('poison')) throw new RangeError(text);
      return hash(kind, text);
    },
  };
  const told: unknown[] = [];
  const [one, same, other] = ['poison 1', 'poison 1', 'poison 2'].map((subject) =>
    observeAny(seen(`Subject: ${subject}\r\nFrom: eve@z.test\r\n\r\n`), brittle, (error) => told.push(error)),
  );
  expect(told).toHaveLength(3);
  expect(one!.mailId).toBe(same!.mailId);
  expect(one!.mailId).not.toBe(other!.mailId);
  expect(one).toMatchObject({ uid: 7, sizeBytes: 1_234, header: Buffer.from('Subject: poison 1\r\nFrom: eve@z.test\r\n\r\n') });
  expect(observeAny(seen('Subject: well\r\n\r\n'), brittle, (error) => told.push(error))).toEqual(
    observe(seen('Subject: well\r\n\r\n'), around),
  );
  expect(told).toHaveLength(3);
});
