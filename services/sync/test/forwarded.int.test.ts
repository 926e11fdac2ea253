// A mail that a member forwards to the logging address belongs to whoever wrote it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SyncService } from '@rejoinder/contracts/api/sync';
import type { ObservedMail } from '@rejoinder/contracts/events/sync';
import { LoggingChangedSchema } from '@rejoinder/contracts/events/connections';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail, type MailParts } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { seededRandom } from '@rejoinder/testing/seed';
import { settle } from '@rejoinder/testing/settle';
import { sha256 } from './fakes.js';
import { startIntakeTown, type IntakeTown } from './intake-town.js';
import { testDovecot } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
let town: IntakeTown;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
  town = await startIntakeTown({ dovecot, postgres });
}, 120_000);
afterAll(async () => {
  await town?.[Symbol.asyncDispose]();
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

const file = seededRandom().bytes(1_500_000);

/** As a mail program forwards: a new mail to the logging address. */
const forward = async (parts: Partial<MailParts>) => {
  const raw = await buildMail({ from: town.address, to: town.loggingAddress, subject: 'Fwd: forwarded', ...parts });
  return town.sign(Buffer.from(raw.toString('latin1').replace(/^Date: .*$/m, 'Date: Fri, 20 Nov 2026 12:00:00 +0100'), 'latin1'));
};

/** A mail that the member's own mailbox gets; answers it as it is observed. */
async function arrives(raw: Buffer): Promise<ObservedMail> {
  const before = (await town.observed()).length;
  await dovecot.deliver(town.address, raw);
  return settle('it to be observed', async () => (await town.observed()).slice(before).find(({ folderRole }) => folderRole === 'inbox'));
}

const block = (subject: string, from = 'Carla Customer <carla@customer.test>', to = town.address) =>
  `fyi\n\n---------- Forwarded message ---------\nFrom: ${from}\nDate: Fri, Nov 20, 2026 at 10:12 AM\nSubject: ${subject}\nTo: <${to}>\n\n\nDear Ada,\n\nyes.\n`;

const fromCarla = (subject: string, more: Partial<MailParts> = {}) =>
  buildMail({
    from: 'Carla <carla@customer.test>',
    to: town.address,
    subject,
    text: 'Dear Ada, yes.',
    date: new Date('2026-11-20T10:12:00Z'),
    ...more,
  });

const textOf = async (mailId: string) =>
  (await town.house.peers.client(SyncService).readMail({ tenantId: town.house.tenantId, mailId })).text;

describe('as an attachment', { timeout: 120_000 }, () => {
  test.each([
    ['as it is', undefined],
    ['in base64, as some programs send it', 'base64'],
  ])('%s, it is that very mail, with its files', async (name, encoding) => {
    const subject = `attached ${name}`;
    const inner = await fromCarla(subject, {
      messageId: `${encoding}@customer.test`,
      attachments: [{ filename: 'deal.pdf', content: file }],
    });
    const boundary = 'outer';
    const body = encoding ? inner.toString('base64').replace(/.{76}/g, '$&\r\n') : inner.toString('latin1');
    const outer = [
      `From: ${town.address}`,
      `To: ${town.loggingAddress}`,
      'Subject: Fwd: see',
      `Content-Type: multipart/mixed; boundary=${boundary}`,
      '',
      `--${boundary}`,
      '',
      'see',
      `--${boundary}`,
      'Content-Type: message/rfc822',
      ...(encoding ? [`Content-Transfer-Encoding: ${encoding}`] : []),
      '',
      body,
      `--${boundary}--`,
      '',
    ].join('\r\n');
    const uploads = town.attachments.uploads.length;
    expect(await town.deliver(await town.sign(Buffer.from(outer, 'latin1')))).toMatch(/^250 /);
    const mail = await town.logged(subject);
    expect(mail).toMatchObject({ from: { address: 'carla@customer.test' }, messageId: `${encoding}@customer.test` });
    expect(Number(mail.sentAt!.seconds)).toBe(Date.parse('2026-11-20T10:12:00Z') / 1_000);
    expect(await textOf(mail.mailId)).toContain('Dear Ada, yes.');
    expect(mail.attachments).toMatchObject([{ fileName: 'deal.pdf', state: AttachmentState.PENDING }]);
    const upload = await settle('the upload', () => town.attachments.uploads[uploads]);
    expect(upload).toMatchObject({ whole: true, sha256: sha256(file) });
    // The mail itself, seen in the mailbox, is the same one.
    expect(await arrives(inner)).toMatchObject({ mailId: mail.mailId, logged: false });
  });

  test('of a mail among members, there is nobody whose it is', async () => {
    const inner = await fromCarla('internal', { from: town.address, to: town.loggingAddress });
    const mail = await forward({
      subject: 'Fwd: internal',
      attachments: [{ filename: 'a.eml', contentType: 'message/rfc822', content: inner }],
    });
    await town.deliver(mail);
    expect((await town.held('Fwd: internal')).reason).toBe('no_contact');
  });

  test('of a mail among members, and a copy of one, are logged where the settings say so', async () => {
    const colleague = town.address.replace('@', '+shop@');
    const written = (subject: string) => fromCarla(subject, { from: town.address, to: colleague });
    await town.deliver(await town.sign(await written('among us')));
    expect((await town.held('among us')).reason).toBe('no_contact');
    const { tenantId } = town.house;
    const message = { makeContacts: 'everyone', logInternal: true };
    const say = (logInternal: boolean, revision: bigint) =>
      town.house.publish('rejoinder.connections.internal.v1', LoggingChangedSchema, tenantId, { ...message, logInternal }, revision);
    await say(true, 2n);
    // An older word.
    await say(false, 1n);
    const sql = `select 1 from bus.position p join bus.log_end e using (topic, partition) where p."group" like '%sync%' and p.next_offset < e.next_offset`;
    await settle('the settings to be taken', async () => (await town.house.query(sql)).length === 0);
    await town.deliver(await town.sign(await written('among us again')));
    expect(await town.logged('among us again')).toMatchObject({ from: { address: town.address } });
    const inner = await written('among us, attached');
    const mail = await forward({
      subject: 'Fwd: among us',
      attachments: [{ filename: 'a.eml', contentType: 'message/rfc822', content: inner }],
    });
    await town.deliver(mail);
    expect(await town.logged('among us, attached')).toMatchObject({ to: [{ address: colleague }] });
    await say(false, 3n);
    await settle('the settings to be taken', async () => (await town.house.query(sql)).length === 0);
  });
});

describe('within its text', { timeout: 120_000 }, () => {
  test('it is logged as of its sender, with its date, its text and the files beside it', async () => {
    const uploads = town.attachments.uploads.length;
    const attachments = [{ filename: 'Übersicht.pdf', content: file, contentType: 'application/pdf' }];
    await town.deliver(await forward({ text: block('the offer'), attachments }));
    const mail = await town.logged('the offer');
    expect(mail.from).toMatchObject({ name: 'Carla Customer', address: 'carla@customer.test' });
    expect(mail.to.map(({ address }) => address)).toEqual([town.address]);
    expect(mail.cc).toEqual([]);
    expect(new Date(Number(mail.sentAt!.seconds) * 1_000).toISOString()).toBe('2026-11-20T09:12:00.000Z');
    expect((await textOf(mail.mailId)).trim()).toBe('Dear Ada,\n\nyes.');
    expect(mail.attachments).toMatchObject([{ fileName: 'Übersicht.pdf', contentType: 'application/pdf' }]);
    const upload = await settle('the upload', () => town.attachments.uploads[uploads]);
    expect(upload).toMatchObject({ whole: true, sha256: sha256(file) });
  });

  test('of HTML alone, it is found as well', async () => {
    const html = `<p>fyi</p><div><b>Von:</b> Carla &lt;Carla@customer.test&gt;<br><b>Gesendet:</b> Freitag, 20. November 2026 10:12<br><b>An:</b> ${town.address}<br><b>Betreff:</b> Angebot in HTML</div><p>Guten Tag</p>`;
    await town.deliver(await forward({ html }));
    const mail = await town.logged('Angebot in HTML');
    expect(mail.from!.address.toLowerCase()).toBe('carla@customer.test');
    expect((await textOf(mail.mailId)).trim()).toBe('Guten Tag');
  });

  test('forwarded twice, it is one mail', async () => {
    for (let at = 0; at < 2; at++) await town.deliver(await forward({ text: block('again') }));
    const { mailId } = await town.logged('again');
    const rows = () => town.house.query<{ mail_id: string }>(`select mail_id from sync.intake where mail_id = $1`, [mailId]);
    await settle('both to be looked at', async () => (await rows()).length === 2);
  });

  test("where the member's own inbox has shown it, that very mail is logged, from there", async () => {
    const raw = await fromCarla('in the inbox', { messageId: 'shown@customer.test', text: 'the whole text' });
    const seen = await arrives(raw);
    await town.deliver(await forward({ text: block('in the inbox'), inReplyTo: 'shown@customer.test', references: 'shown@customer.test' }));
    const mail = await town.logged('in the inbox');
    expect(mail).toMatchObject({ messageId: 'shown@customer.test' });
    expect([mail.mailId, seen.logged]).toEqual([seen.mailId, false]);
    expect((await textOf(mail.mailId)).trim()).toBe('the whole text');
    expect(await town.house.query('select 1 from sync.intake where mail_id = $1', [mail.mailId])).toEqual([]);
  });

  test('a block that names somebody else than who wrote the mail that is cited logs nothing of that mail', async () => {
    await arrives(await fromCarla('private', { messageId: 'private@customer.test' }));
    const before = await town.observed();
    await town.deliver(await forward({ text: block('not hers', 'Mallory <mallory@outside.test>'), inReplyTo: 'private@customer.test' }));
    const mail = await town.logged('not hers');
    expect(mail.from!.address).toBe('mallory@outside.test');
    expect((await town.observed()).slice(before.length).filter(({ logged }) => logged)).toHaveLength(1);
  });

  test('without an address of its sender, or with none but our own, it is held back for that', async () => {
    await town.deliver(await forward({ subject: 'Fwd: nameless', text: block('nameless', 'Carla Customer') }));
    await town.deliver(await forward({ subject: 'a note to myself', text: 'remember' }));
    await town.deliver(await forward({ subject: 'Fwd: own', text: block('own', town.address, town.address) }));
    expect((await town.held('Fwd: nameless')).reason).toBe('no_sender_found');
    expect((await town.held('a note to myself')).reason).toBe('no_sender_found');
    const own = await town.held('Fwd: own');
    expect(own.reason).toBe('no_contact');
    const of = { tenantId: town.house.tenantId, quarantineId: own.quarantineId };
    await expect(town.house.peers.client(SyncService).releaseQuarantined(of)).rejects.toMatchObject({ code: 'QUARANTINE_NOBODY' });
  });

  test('by somebody who cannot prove to be a member, a forged block logs nothing until a person lets it through', async () => {
    const forged = await buildMail({ from: town.address, to: town.loggingAddress, subject: 'Fwd: forged', text: block('forged') });
    await town.deliver(forged);
    const { quarantineId, reason } = await town.held('Fwd: forged');
    expect(reason).toBe('not_verified');
    await town.house.peers.client(SyncService).releaseQuarantined({ tenantId: town.house.tenantId, quarantineId });
    expect((await town.logged('forged')).from!.address).toBe('carla@customer.test');
  });

  test('a BCC that quotes a forwarded mail belongs to those it was written to, and the logging address to nobody', async () => {
    await town.deliver(
      await forward({ to: ['Theo <theo@partner.test>', town.loggingAddress], subject: 'Fwd: for Theo', text: block('for Theo') }),
    );
    const mail = await town.logged('Fwd: for Theo');
    expect(mail.to.map(({ address }) => address)).toEqual(['theo@partner.test']);
  });
});
