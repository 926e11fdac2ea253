// Mail that a member logs by hand: as BCC it belongs to those it names, and whoever cannot prove to be a member logs nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { CaptureMailSchema, DropMailSchema } from '@rejoinder/contracts/commands';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail, type MailParts } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { seededRandom } from '@rejoinder/testing/seed';
import { settle } from '@rejoinder/testing/settle';
import { deliverBySmtp } from '@rejoinder/testing/smtp';
import { sha256 } from './fakes.js';
import { published, startIntakeTown, type IntakeTown } from './intake-town.js';
import { testDovecot } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
let town: IntakeTown;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
  town = await startIntakeTown({ dovecot, postgres });
}, 120_000);
beforeEach(() => {
  town.dns.broken = false;
  for (const [name, text] of Object.entries(published)) town.dns.txt.set(name, text);
});
afterAll(async () => {
  await town?.[Symbol.asyncDispose]();
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

const file = seededRandom().bytes(3_000_000);
const taken = /^250 2\.6\.0 Taken/;

const toCarla = (subject: string, more: Partial<MailParts> = {}) =>
  buildMail({ from: `Ada <${town.address}>`, to: 'Carla <carla@customer.test>', subject, text: 'Guten Tag\nCarla', ...more });

const left = async () =>
  (
    await town.house.query<{ mails: number; chunks: number }>(
      `select (select count(*)::int from sync.intake) as mails, (select count(*)::int from sync.intake_chunk) as chunks`,
    )
  )[0]!;

test('a header without an end is refused, and nothing of it stays', async () => {
  const mail = Buffer.concat([Buffer.from('a:\r\n'.repeat(200_000)), await toCarla('Endless')]);
  expect(await town.deliver(mail)).toMatch(/^552 .*header/);
  expect(await left()).toEqual({ mails: 0, chunks: 0 });
});

describe('a BCC', { timeout: 120_000 }, () => {
  test('of a verified member is logged with its text and its files', async () => {
    const subject = 'Grüße';
    const attachments = [{ filename: 'Übersicht.pdf', content: file, contentType: 'application/pdf' }];
    expect(await town.deliver(await town.sign(await toCarla(subject, { messageId: 'bcc@crm.test', attachments })))).toMatch(taken);
    const mail = await town.logged(subject);
    expect(mail).toMatchObject({ inboxId: town.inboxId, messageId: 'bcc@crm.test', from: { address: town.address } });
    expect(mail.to.map(({ address }) => address)).toEqual(['carla@customer.test']);
    expect(mail.attachments).toMatchObject([{ fileName: 'Übersicht.pdf', state: AttachmentState.PENDING }]);
    const { tenantId, peers } = town.house;
    const read = await peers.client(SyncService).readMail({ tenantId, mailId: mail.mailId });
    expect(read.text.trim()).toBe('Guten Tag\nCarla');
    const upload = await settle('the upload', () => town.attachments.uploads[0]);
    expect(upload).toMatchObject({ whole: true, sizeBytes: file.length, sha256: sha256(file) });
    expect(await town.quarantine()).toEqual([]);
  });

  test('is the same mail as its copy in the Sent folder', async () => {
    const raw = await toCarla('twice');
    await town.deliver(await town.sign(raw));
    const mail = await town.logged('twice');
    await using client = await town.client();
    await client.append('Sent', raw);
    const copy = await settle('the copy', async () => (await town.observed()).find(({ folderRole }) => folderRole === 'sent'));
    expect(copy.mailId).toBe(mail.mailId);
  });

  test('of 51 MB is logged without its file; a larger one is refused, and nothing of it stays', async () => {
    const raw = await town.sign(await toCarla('large', { attachments: [{ filename: 'big.bin', content: Buffer.alloc(38_000_000, 7) }] }));
    expect(raw.length).toBeGreaterThan(51_000_000);
    expect(await town.deliver(raw)).toMatch(taken);
    const mail = await town.logged('large');
    expect(mail.attachments).toMatchObject([{ fileName: 'big.bin', state: AttachmentState.REJECTED, reason: 'mail_too_large' }]);
    const before = await left();
    expect(await town.deliver(Buffer.concat([raw, Buffer.alloc(5_000_000, 65)]))).toMatch(/^552 /);
    expect(await left()).toEqual(before);
  });

  test('that is forgotten leaves no byte, and no word of it stands open in the database', async () => {
    const before = await left();
    await town.deliver(await town.sign(await toCarla('canary-subject', { text: 'canary-body' })));
    const { mailId } = await town.logged('canary-subject');
    const rows = await town.house.query(
      `select i::text as row from sync.intake i union all select encode(sealed, 'escape') from sync.intake_chunk`,
    );
    expect(JSON.stringify(rows)).not.toMatch(/canary|carla|example\.test/);
    await town.house.peers.storeOf('sync').forget({ tenantId: town.house.tenantId, mailIds: [mailId] });
    expect(await left()).toEqual(before);
  });
});

describe('who sends', { timeout: 120_000 }, () => {
  const spf = 'v=spf1 ip4:127.0.0.1 -all';
  const cases: [string, (mail: Buffer) => Promise<string>, string | undefined][] = [
    ['a spoofed From without a signature', (mail) => town.deliver(mail), 'not_verified'],
    ['a signature that does not hold', async (mail) => town.deliver(`${(await town.sign(mail)).toString()}more`), 'not_verified'],
    [
      'a signature over a part of the body',
      async (mail) => town.deliver(await town.sign(mail, undefined, { maxBodyLength: 2 })),
      'not_verified',
    ],
    ['a signature of another domain', async (mail) => town.deliver(await town.sign(mail, 'outside.test')), 'not_verified'],
    [
      'SPF of another domain',
      (mail) => (town.dns.txt.set('outside.test', spf), town.deliver(mail, { from: 'x@outside.test' })),
      'not_verified',
    ],
    ['SPF of the own domain', (mail) => (town.dns.txt.set('example.test', spf), town.deliver(mail)), undefined],
    [
      'no DMARC record, and SPF alone',
      (mail) => (town.dns.txt.delete('_dmarc.example.test'), town.dns.txt.set('example.test', spf), town.deliver(mail)),
      'not_verified',
    ],
    [
      'no DMARC record, and an own signature',
      async (mail) => (town.dns.txt.delete('_dmarc.example.test'), town.deliver(await town.sign(mail))),
      undefined,
    ],
    ['a bounce', async (mail) => town.deliver(await town.sign(mail), { from: '' }), 'automatic'],
    [
      'a second From before the own one',
      async (mail) => town.deliver(await town.sign(Buffer.concat([Buffer.from('From: mallory@outside.test\r\n'), mail]))),
      'not_verified',
    ],
  ];
  test.each(cases)('%s', async (subject, send, reason) => {
    const observed = (await town.observed()).length;
    expect(await send(await toCarla(subject))).toMatch(taken);
    if (reason === undefined) return void (await town.logged(subject));
    expect(await town.held(subject)).toMatchObject({ reason, inboxId: town.inboxId, from: expect.stringContaining('@') as string });
    expect(await town.observed()).toHaveLength(observed);
  });

  test('a stranger, a machine in the name of a member, and a logging address log nothing', async () => {
    await town.deliver(await town.sign(await toCarla('stranger', { from: 'carla@outside.test' }), 'outside.test'), {
      from: 'carla@outside.test',
    });
    await town.deliver(await town.sign(await toCarla('machine', { headers: { 'Auto-Submitted': 'auto-replied' } })));
    await town.deliver(await town.sign(await toCarla('loop', { from: `me <${town.loggingAddress}>` })));
    expect((await town.held('stranger')).reason).toBe('not_a_member');
    expect((await town.held('machine')).reason).toBe('automatic');
    expect((await town.held('loop')).reason).toBe('not_a_member');
  });

  test('is asked to come again while DNS does not answer, and nothing is kept', async () => {
    const before = await left();
    town.dns.broken = true;
    expect(await town.deliver(await town.sign(await toCarla('unknown')))).toMatch(/^451 /);
    expect(await left()).toEqual(before);
  });
});

describe('what is held back', { timeout: 120_000 }, () => {
  test('is logged once a person lets it through, or deleted', async () => {
    await town.deliver(await toCarla('let through'));
    await town.deliver(await toCarla('deleted'));
    const [through, deleted] = [await town.held('let through'), await town.held('deleted')];
    expect((await town.quarantine())[0]).toEqual(deleted);
    const sync = town.house.peers.client(SyncService);
    const of = ({ quarantineId }: { quarantineId: string }) => ({ tenantId: town.house.tenantId, quarantineId });
    await sync.releaseQuarantined(of(through));
    await town.logged('let through');
    const before = await left();
    await sync.discardQuarantined(of(deleted));
    await sync.discardQuarantined(of(deleted));
    expect(await left()).toEqual({ mails: before.mails - 1, chunks: before.chunks - 2 });
    await expect(sync.releaseQuarantined(of(deleted))).rejects.toMatchObject({ code: 'QUARANTINE_NOT_FOUND' });
    const subjects = (await town.quarantine()).map(({ subject }) => subject);
    expect(subjects.filter((subject) => ['let through', 'deleted'].includes(subject))).toEqual([]);
  });

  test('is listed page by page, without repeats', async () => {
    for (const subject of ['a', 'b', 'c']) await town.deliver(await toCarla(`page ${subject}`));
    await town.held('page c');
    const { tenantId, peers } = town.house;
    const all: string[] = [];
    for (let pageToken = '', pages = 0; pages === 0 || (pageToken !== '' && pages < 50); pages++) {
      const page = await peers.client(SyncService).listQuarantine({ tenantId, pageSize: 2, pageToken });
      all.push(...page.mails.map(({ quarantineId }) => quarantineId));
      pageToken = page.nextPageToken;
    }
    expect(all).toEqual((await town.quarantine()).map(({ quarantineId }) => quarantineId));
    expect(all.length).toBeGreaterThan(2);
  });
});

describe('the door', { timeout: 120_000 }, () => {
  test('knows its own addresses alone, and tells nothing of who has one', async () => {
    const raw = await toCarla('door');
    const [local, domain] = town.loggingAddress.split('@') as [string, string];
    expect(local).toMatch(/^[a-z2-7]{20}$/);
    const guess = local.replace(/^./, (letter) => (letter === 'a' ? 'b' : 'a'));
    for (const to of ['carla@customer.test', `${local}@customer.test`, `${guess}@${domain}`, `postmaster@${domain}`])
      expect(await town.deliver(raw, { to })).toMatch(/^550 /);
    expect(await town.deliver(raw, { to: town.loggingAddress.toUpperCase() })).toMatch(taken);
    const envelope = { from: 'a@outside.test', to: town.loggingAddress };
    expect(await deliverBySmtp(town.port, envelope, raw, { ca: town.ca, requireTLS: true })).toMatch(taken);
  });

  test('keeps what was read until it is forgotten, so that who takes its log back can undo that', async () => {
    const before = await left();
    const subject = 'Not meant to be logged';
    await town.deliver(await town.sign(await toCarla(subject)));
    const { mailId } = await town.logged(subject);
    const { tenantId, publish, published: said, peers } = town.house;
    const command = { inboxId: town.inboxId, mailId };
    await publish('rejoinder.sync.commands.v1', DropMailSchema, town.inboxId, { ...command, revision: 2n }, 2n);
    const read = () => peers.client(SyncService).readMail({ tenantId, mailId });
    await settle('the text to be dropped', async () =>
      read().then(
        () => false,
        () => true,
      ),
    );
    await publish('rejoinder.sync.commands.v1', CaptureMailSchema, town.inboxId, { ...command, revision: 3n, threadId: newId() }, 3n);
    await settle('the mail to be read again', async () =>
      (await said('rejoinder.sync.v1', MailCapturedSchema)).some((one) => one.mailId === mailId && one.revision === 3n),
    );
    expect((await read()).text.trim()).toBe('Guten Tag\nCarla');
    await peers.storeOf('sync').forget({ tenantId, mailIds: [mailId] });
    expect(await left()).toEqual(before);
  });

  test('lets go at once of what may not be logged, as threading says', async () => {
    const before = await left();
    const subject = 'Of a doctor';
    const known = new Set((await town.observed()).map(({ mailId }) => mailId));
    expect(await town.deliver(await town.sign(await toCarla(subject)))).toMatch(taken);
    const mail = await settle('the mail', async () => (await town.observed()).find(({ mailId, logged }) => logged && !known.has(mailId)));
    expect((await left()).mails).toBe(before.mails + 1);
    const command = { inboxId: town.inboxId, mailId: mail.mailId, revision: 1n };
    await town.house.publish('rejoinder.sync.commands.v1', DropMailSchema, town.inboxId, command, 1n);
    await settle('it to be gone', async () => (await left()).mails === before.mails && (await left()).chunks === before.chunks);
  });

  test('takes a mail for one address at a time', async () => {
    const { mails } = await left();
    expect(await town.deliver(await toCarla('one of two'), { to: [town.loggingAddress, town.loggingAddress.toUpperCase()] })).toMatch(
      taken,
    );
    expect((await left()).mails).toBe(mails + 1);
  });

  test('holds back so many mails and bytes of others, puts off the rest without a byte of it, and takes a member’s all the same', async () => {
    const limits = { REJOINDER_INTAKE_QUARANTINE_MAILS_PER_DAY: '2', REJOINDER_INTAKE_QUARANTINE_BYTES_PER_DAY: '50000' };
    const env = { REJOINDER_INTAKE_MAILS_PER_DAY: '2', ...limits };
    await using small = await startIntakeTown({ dovecot, postgres, env });
    const stranger = (letters: number) =>
      buildMail({ from: 'x@outside.test', to: 'c@customer.test', subject: 's', text: 'x'.repeat(letters) });
    const inNameOf = await toCarla('spoofed', { from: small.address });
    const answers: string[] = [];
    const rows = () => small.house.query(`select at from sync.intake_chunk order by intake_id, at`);
    for (const raw of [await stranger(30_000), await stranger(30_000), inNameOf]) answers.push((await small.deliver(raw)).slice(0, 3));
    const before = await rows();
    answers.push((await small.deliver(inNameOf)).slice(0, 3));
    const written = async () =>
      (await small.house.query<{ bytes: number }>(`select (pg_current_wal_insert_lsn() - '0/0')::float8 as bytes`))[0]!.bytes;
    const writtenBefore = await written();
    answers.push((await small.deliver(await stranger(5_000_000))).slice(0, 3));
    expect((await written()) - writtenBefore).toBeLessThan(1_000_000);
    expect(answers).toEqual(['250', '452', '250', '452', '452']);
    expect(await rows()).toEqual(before);
    expect((await small.quarantine()).map(({ subject }) => subject)).toEqual(['spoofed', 's']);
    expect(await small.deliver(await small.sign(await toCarla('her own', { from: small.address })))).toMatch(taken);
    await small.logged('her own');
    await small.house.query(`update sync.intake set received_at = received_at - interval '25 hours' where state = 'quarantined'`);
    expect(await small.deliver(inNameOf)).toMatch(taken);
  });

  test('bounds what one client and one address may do; an address that was renewed takes nothing more; the days of a body end', async () => {
    const env = { REJOINDER_INTAKE_MAILS_PER_MINUTE: '6', REJOINDER_INTAKE_MAILS_PER_DAY: '2' };
    await using small = await startIntakeTown({ dovecot, postgres, env });
    const raw = await small.sign(await toCarla('many', { from: small.address }));
    const answers: string[] = [];
    for (let at = 0; at < 4; at++) answers.push((await small.deliver(raw)).slice(0, 3));
    const { tenantId, peers } = small.house;
    await peers.client(SyncService).renewLoggingAddress({ tenantId, inboxId: small.inboxId });
    for (let at = 0; at < 3; at++) answers.push((await small.deliver(raw)).slice(0, 3));
    expect(answers).toEqual(['250', '250', '452', '452', '550', '550', '450']);
    small.clock.aheadMs = 7 * 86_400_000;
    await small.house.query('update sync.intake set due_at = now()');
    await settle('them to be gone', async () => (await small.house.query('select 1 from sync.intake')).length === 0);
    expect(await small.house.query(`select 1 from sync.intake_chunk`)).toEqual([]);
  });
});
