// Dovecot takes mail in, hands it out and relays it, and changes as real mailboxes do.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTransport } from 'nodemailer';
import { startDovecot, type Dovecot } from './dovecot.js';
import { openMailClient } from './imap-client.js';
import { buildMail } from './mail.js';
import { settle } from './settle.js';

let dovecot: Dovecot;
beforeAll(async () => {
  dovecot = await startDovecot();
});
afterAll(() => dovecot.stop());

const open = (user: string, password = 'secret') => openMailClient({ port: dovecot.imapsPort, ca: dovecot.ca, user, password });
const refusedLogin = (user: string, password: string) =>
  open(user, password).then(
    () => 'let in',
    (error: { serverResponseCode?: string }) => error.serverResponseCode,
  );
const submit = (user: string, to: string, subject: string, port = dovecot.submissionsPort) =>
  createTransport({
    host: 'localhost',
    port,
    secure: port === dovecot.submissionsPort,
    requireTLS: true,
    auth: { user, pass: 'secret' },
    tls: { ca: dovecot.ca.pem },
  }).sendMail({ from: user, to, subject, text: 'Hello' });

test('a delivered mail is in the INBOX, among the usual folders', async () => {
  await dovecot.addUser('ada@example.test');
  await dovecot.deliver('ada@example.test', await buildMail({ from: 'bob@outside.test', to: 'ada@example.test', subject: 'First' }));
  await using ada = await open('ada@example.test');
  expect((await ada.mails()).map((mail) => mail.subject)).toEqual(['First']);
  const uses = Object.fromEntries((await ada.folders()).map((folder) => [folder.path, folder.specialUse]));
  expect(uses).toMatchObject({ Sent: '\\Sent', Drafts: '\\Drafts', Trash: '\\Trash', Junk: '\\Junk', Archive: '\\Archive' });
});

test('a mail client moves, flags and deletes mails, and appends one', async () => {
  await dovecot.addUser('mover@example.test');
  await using mover = await open('mover@example.test');
  const uid = await mover.append('INBOX', await buildMail({ from: 'mover@example.test', subject: 'To move' }), ['\\Seen']);
  await mover.flag(uid!, ['\\Flagged']);
  await mover.move(uid!, 'INBOX', 'Archive');
  expect(await mover.mails('INBOX')).toEqual([]);
  const [moved] = await mover.mails('Archive');
  expect([...moved!.flags].sort()).toEqual(expect.arrayContaining(['\\Flagged', '\\Seen']));
  expect((await mover.source(moved!.uid, 'Archive')).toString()).toContain('Subject: To move');
  await mover.delete(moved!.uid, 'Archive');
  expect(await mover.mails('Archive')).toEqual([]);
});

test.each(['submissionsPort', 'submissionPort'] as const)('a mail sent over %s by one user reaches the other', async (port) => {
  await dovecot.addUser('sender@example.test');
  await dovecot.addUser(`${port}@example.test`);
  await submit('sender@example.test', `${port}@example.test, nobody@outside.test`, 'Across', dovecot[port]);
  await using other = await open(`${port}@example.test`);
  const mail = await settle('the sent mail', async () => (await other.mails())[0]);
  expect(mail).toMatchObject({ subject: 'Across', from: 'sender@example.test' });
  expect(dovecot.accepted.at(-1)!.to).toEqual([`${port}@example.test`, 'nobody@outside.test']);
});

test('a refused mail is not accepted', async () => {
  await dovecot.addUser('refused@example.test');
  const before = dovecot.accepted.length;
  dovecot.relay.refuseNext(554, '5.7.1 not today');
  await expect(submit('refused@example.test', 'x@outside.test', 'No')).rejects.toMatchObject({
    responseCode: 554,
    response: expect.stringContaining('not today'),
  });
  dovecot.relay.refuseNextRecipient(450, '4.2.1 later');
  await expect(submit('refused@example.test', 'x@outside.test', 'No')).rejects.toMatchObject({ responseCode: 450 });
  expect(dovecot.accepted.length).toBe(before);
});

test('a dropped connection leaves the sender without an answer though the mail was delivered', async () => {
  await dovecot.addUser('dropped@example.test');
  dovecot.relay.dropAfterData();
  const failure = await submit('dropped@example.test', 'dropped@example.test', 'Unknown').catch((error: unknown) => error);
  expect((failure as { code: string }).code).toMatch(/ECONNECTION|ESOCKET/);
  expect((failure as { responseCode?: number }).responseCode).toBeUndefined();
  await using dropped = await open('dropped@example.test');
  expect((await dropped.mails()).map((mail) => mail.subject)).toEqual(['Unknown']);
});

test('a changed password is asked for at once', async () => {
  await dovecot.addUser('changer@example.test', 'old one');
  await (await open('changer@example.test', 'old one')).stop();
  await dovecot.setPassword('changer@example.test', 'new one');
  expect(await refusedLogin('changer@example.test', 'old one')).toBe('AUTHENTICATIONFAILED');
  await dovecot.setPassword('changer@example.test', 'öther');
  expect(await refusedLogin('changer@example.test', 'new one')).toBe('AUTHENTICATIONFAILED');
  await (await open('changer@example.test', 'öther')).stop();
});

test('lost indexes give a new UIDVALIDITY, and no mail is lost', async () => {
  await dovecot.addUser('loser@example.test');
  for (const subject of ['One', 'Two', 'Three']) {
    await dovecot.deliver('loser@example.test', await buildMail({ from: 'bob@outside.test', subject }));
  }
  await using before = await open('loser@example.test');
  await before.move(2, 'INBOX', 'Archive');
  const earlier = await before.open('INBOX');
  await dovecot.deleteIndexes('loser@example.test');
  await using after = await open('loser@example.test');
  expect((await after.open('INBOX')).uidValidity).not.toBe(earlier.uidValidity);
  const uids = (mails: { subject: string; uid: number }[]) => mails.map(({ uid, subject }) => `${uid} ${subject}`);
  expect(uids(await after.mails())).toEqual(['2 One', '3 Three']);
  expect((await after.mails('Archive')).map((mail) => mail.subject)).toEqual(['Two']);
});

test('it goes down and comes back with the same mails on the same ports', async () => {
  await dovecot.addUser('stayer@example.test');
  await dovecot.deliver('stayer@example.test', await buildMail({ from: 'bob@outside.test', subject: 'Still here' }));
  await dovecot.down();
  await expect(open('stayer@example.test')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await dovecot.up();
  await using stayer = await open('stayer@example.test');
  expect((await stayer.mails()).map((mail) => mail.subject)).toEqual(['Still here']);
});
