// The wire names every section of a mail that crossed it, however the client asked and however the bytes were cut.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startDovecot, type Dovecot } from './dovecot.js';
import { openMailClient } from './imap-client.js';
import { readFetch } from './imap-fetch.js';
import { ImapLines, type ImapLine } from './imap-lines.js';
import { startImapWire, type ImapWire } from './imap-wire.js';
import { buildMail } from './mail.js';

let dovecot: Dovecot;
let wire: ImapWire;
beforeAll(async () => {
  dovecot = await startDovecot();
  wire = await startImapWire({ port: dovecot.imapsPort, ca: dovecot.ca });
  await dovecot.addUser('ada@example.test');
  const attachments = [{ filename: 'plan.pdf', content: Buffer.from('the whole plan') }];
  await dovecot.deliver(
    'ada@example.test',
    await buildMail({ from: 'bob@outside.test', subject: 'First', text: 'quite private', attachments }),
  );
  await dovecot.deliver('ada@example.test', await buildMail({ from: 'bob@outside.test', subject: 'Second {12}', text: 'words' }));
});
afterAll(async () => {
  await wire?.stop();
  await dovecot?.stop();
});
beforeEach(() => wire.clear());

const open = () => openMailClient({ port: wire.port, ca: wire.ca, user: 'ada@example.test' });

test('listing mails fetches no section', async () => {
  await using ada = await open();
  expect((await ada.mails()).map((mail) => mail.subject)).toEqual(['First', 'Second {12}']);
  expect(wire.sections()).toEqual([]);
  expect(wire.commands().some((command) => /^UID FETCH|^FETCH/.test(command))).toBe(true);
  expect(wire.carried('quite private')).toBe(false);
});

test('headers are told apart from bodies, and each names its mail and folder', async () => {
  await using ada = await open();
  await ada.open('INBOX');
  await ada.imap.fetchAll('1:*', { uid: true, headers: ['subject', 'references'] }, { uid: true });
  expect(wire.bodies()).toEqual([]);
  expect(wire.sections().map(({ uid, folder, kind }) => ({ uid, folder, kind }))).toEqual([
    { uid: 1, folder: 'INBOX', kind: 'header' },
    { uid: 2, folder: 'INBOX', kind: 'header' },
  ]);
  await ada.imap.fetchOne('1', { bodyParts: ['1', '2.mime'] }, { uid: true });
  expect(
    wire
      .sections()
      .slice(2)
      .map(({ name, kind, uid }) => `${name} ${kind} ${uid}`)
      .sort(),
  ).toEqual(['BODY[1] body 1', 'BODY[2.MIME] mime 1']);
  expect(wire.carried('quite private')).toBe(true);
});

test('a whole mail is a body, in the folder it lies in', async () => {
  await using ada = await open();
  await ada.createFolder('Überblick & mehr');
  const uid = await ada.append('Überblick & mehr', await buildMail({ from: 'ada@example.test', text: 'x'.repeat(200_000) }));
  await ada.source(uid!, 'Überblick & mehr');
  const [whole] = wire.bodies();
  expect(whole).toMatchObject({ folder: 'Überblick & mehr', name: 'BODY[]', uid });
  expect(whole!.sizeBytes).toBeGreaterThan(200_000);
  await ada.open('INBOX');
  await ada.imap.fetchOne('2', { bodyParts: ['text'] }, { uid: true });
  expect(wire.bodies().at(-1)).toMatchObject({ folder: 'INBOX', uid: 2, name: 'BODY[TEXT]' });
});

test('a preview counts as a body', async () => {
  await using ada = await open();
  await ada.open('INBOX');
  const { exec } = ada.imap as unknown as { exec(command: string, items: { type: string; value: string }[]): Promise<{ next(): void }> };
  const items = [
    { type: 'SEQUENCE', value: '1' },
    { type: 'ATOM', value: 'PREVIEW' },
  ];
  (await exec.call(ada.imap, 'UID FETCH', items)).next();
  expect(wire.bodies()).toMatchObject([{ name: 'PREVIEW', uid: 1, folder: 'INBOX' }]);
});

const read = (side: 'client' | 'server', bytes: string, cut: number): ImapLine[] => {
  const lines: ImapLine[] = [];
  const reader = new ImapLines(side, (line) => lines.push(line));
  for (let at = 0; at < bytes.length; at += cut) reader.push(Buffer.from(bytes.slice(at, at + cut), 'latin1'));
  return lines;
};

test.each([1, 2, 3, 7, 1_000])('literals cut into pieces of %i bytes are read whole', (cut) => {
  const bytes =
    '* OK ready {99}\r\n* 3 FETCH (FLAGS (\\Seen "a)b") BODY[HEADER.FIELDS ("X ]" TO)] {4}\r\na)\r\n BODY[TEXT]<0> "q\\"(" ' +
    'BINARY[1.2] ~{5}\r\n\r\n{3} BODYSTRUCTURE (("a" {3}\r\n)b( NIL)) RFC822.TEXT {0}\r\n BINARY.SIZE[1] 12 BODY[3] NIL UID 77)\r\nA1 OK done {5}\r\n';
  const lines = read('server', bytes, cut);
  expect(lines.map((line) => line.literals.length)).toEqual([0, 4, 0]);
  const fetched = readFetch(lines[1]!)!;
  expect(fetched).toMatchObject({ sequence: 3, uid: 77 });
  expect(fetched.sections.map(({ name, kind, bytes: body }) => [name, kind, body.toString()])).toEqual([
    ['BODY[HEADER.FIELDS ("X ]" TO)]', 'header', 'a)\r\n'],
    ['BODY[TEXT]<0>', 'body', 'q"('],
    ['BINARY[1.2]', 'body', '\r\n{3}'],
    ['RFC822.TEXT', 'body', ''],
  ]);
});

test.each([1, 5, 1_000])('a client’s literals cut into pieces of %i bytes', (cut) => {
  const lines = read('client', 'A1 LOGIN {3+}\r\nada {8}\r\nse\r\ncret\r\nA2 APPEND "x {3}" {2}\r\nhi\r\nDONE\r\n', cut);
  expect(lines.map((line) => line.text)).toEqual(['A1 LOGIN {3+} {8}', 'A2 APPEND "x {3}" {2}', 'DONE']);
});
