// Tracked mails are read: text only, attachments by the size rule, wherever the mail lies by then.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AttachmentState, MailKind } from '@rejoinder/contracts/mail';
import { Vault } from '@rejoinder/vault/vault';
import { Fault } from '@rejoinder/base/fault';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { DropMailSchema } from '@rejoinder/contracts/commands';
import { CaptureFailedSchema, MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { seededRandom } from '@rejoinder/testing/seed';
import { settle } from '@rejoinder/testing/settle';
import { sha256 } from './fakes.js';
import { startTown, testDovecot, type Town } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

const random = seededRandom();
const file = random.bytes(150_000);

async function observedId(town: Town, mail: Buffer, count = 1): Promise<string> {
  const before = (await town.observed()).length;
  await dovecot.deliver(town.address, mail);
  const mails = await settle('the mail', async () => {
    const all = await town.observed();
    return all.length >= before + count && all;
  });
  return mails.at(-1)!.mailId;
}

const captured = (town: Town, mailId: string) =>
  settle('MailCaptured', async () =>
    (await town.house.published('rejoinder.sync.v1', MailCapturedSchema)).find((one) => one.mailId === mailId),
  );
const failed = (town: Town, mailId: string) =>
  settle('CaptureFailed', async () =>
    (await town.house.published('rejoinder.sync.v1', CaptureFailedSchema)).find((one) => one.mailId === mailId),
  );

describe('a tracked mail', { timeout: 120_000 }, () => {
  test('that is a delivery report tells what became of which mail', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const part = (type: string, ...lines: string[]) => ['--b', `Content-Type: ${type}`, '', ...lines, ''];
    const lines = [
      ...['From: MAILER-DAEMON@mx.outside.test', `To: ${town.address}`, 'Subject: Undelivered', 'Message-ID: <report@mx.outside.test>'],
      ...['Auto-Submitted: auto-replied', 'Content-Type: multipart/report; report-type=delivery-status; boundary=b', ''],
      ...part('text/plain', 'It could not be delivered.'),
      ...part(
        'message/delivery-status',
        'Reporting-MTA: dns; mx.outside.test',
        '',
        'Final-Recipient: rfc822; Bob@outside.test',
        'Status: 5.1.1',
      ),
      ...part('message/rfc822', 'Message-ID: <offer@example.test>', 'Subject: Offer', '', 'a secret'),
      '--b--',
    ];
    const mailId = await observedId(town, Buffer.from(lines.join('\r\n')));
    await town.capture(mailId);
    const event = await captured(town, mailId);
    expect(event).toMatchObject({ kind: MailKind.DELIVERY_REPORT, kindBecause: 'content-type', aboutMessageId: 'offer@example.test' });
    expect(event.deliveries).toMatchObject([{ address: 'bob@outside.test', class: 'permanent', status: '5.1.1', evidence: 'status' }]);
  });

  test('has its text read and its attachment streamed, with equal bytes', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const mailId = await observedId(
      town,
      await buildMail({
        from: 'Bób Müller <bob@outside.test>',
        to: ['Ada <ada@example.test>', 'eve@outside.test'],
        cc: 'carol@outside.test',
        subject: 'Angebot für März — 報告',
        text: 'Grüße aus Köln\nzweite Zeile',
        html: '<p>Grüße aus <b>Köln</b></p>',
        date: new Date('2026-11-20T10:00:00Z'),
        messageId: 'one@outside.test',
        attachments: [{ filename: 'Übersicht 2026.pdf', contentType: 'application/pdf', content: file }],
      }),
    );
    town.wire.clear();
    await town.capture(mailId, { threadId: '018f0000-0000-7000-8000-000000000001' });
    const event = await captured(town, mailId);
    expect(event).toMatchObject({
      subject: 'Angebot für März — 報告',
      messageId: 'one@outside.test',
      threadId: '018f0000-0000-7000-8000-000000000001',
      revision: 1n,
    });
    expect(event.from).toMatchObject({ name: 'Bób Müller', address: 'bob@outside.test' });
    expect(event.to.map(({ address }) => address)).toEqual(['ada@example.test', 'eve@outside.test']);
    expect(Number(event.sentAt!.seconds)).toBe(Date.parse('2026-11-20T10:00:00Z') / 1_000);
    expect(event.attachments).toHaveLength(1);
    expect(event.attachments[0]).toMatchObject({
      fileName: 'Übersicht 2026.pdf',
      contentType: 'application/pdf',
      state: AttachmentState.PENDING,
    });
    const text = await town.house.peers.client(SyncService).readMail({ tenantId: town.house.tenantId, mailId });
    expect(text.text.trim()).toBe('Grüße aus Köln\nzweite Zeile');
    expect(text.html.trim()).toBe('<p>Grüße aus <b>Köln</b></p>');
    const upload = await settle('the upload', () => town.attachments.uploads[0]);
    expect(upload).toMatchObject({ whole: true, sizeBytes: file.length, sha256: sha256(file) });
    expect(upload.start.declared).toMatchObject({ attachmentId: event.attachments[0]!.attachmentId, fileName: 'Übersicht 2026.pdf' });
    await settle(
      'the part to be stored',
      async () => (await town.house.query(`select 1 from sync.part where state = 'stored' and due_at is null`))[0],
    );
    // Text alone for the capture; the attachment by its own worker.
    expect(town.wire.bodies().every(({ name }) => !name.startsWith('BODY[]'))).toBe(true);
  });

  test('that was moved before it was read is found where it is now', async () => {
    await using town = await startTown({ dovecot, postgres });
    await using ada = await town.client();
    await ada.createFolder('Projects');
    await town.startInbox();
    await town.live();
    const mailId = await observedId(town, await buildMail({ from: 'bob@outside.test', to: town.address, text: 'moved' }));
    await ada.move((await ada.mails())[0]!.uid, 'INBOX', 'Projects');
    await town.capture(mailId);
    await captured(town, mailId);
    const [{ count }] = (await town.house.query<{ count: string }>(`select count(*) from sync.mail_header where mail_id = $1`, [
      mailId,
    ])) as [{ count: string }];
    expect(Number(count)).toBe(1);
  });

  test('that is gone is waited for, 7 days and no longer', async () => {
    await using town = await startTown({ dovecot, postgres });
    await using ada = await town.client();
    await town.startInbox();
    await town.live();
    const mailId = await observedId(town, await buildMail({ from: 'bob@outside.test', to: town.address }));
    await ada.delete((await ada.mails())[0]!.uid);
    await town.capture(mailId);
    await settle('it to wait', async () => (await town.house.query(`select 1 from sync.capture where last_reason = 'moved'`))[0]);
    expect(await town.house.published('rejoinder.sync.v1', CaptureFailedSchema)).toEqual([]);
    // Days are made ahead for a few days only, so the command is made older instead of the clock later.
    await town.house.query(`update sync.capture set asked_at = asked_at - interval '7 days 1 minute', due_at = now() where mail_id = $1`, [
      mailId,
    ]);
    expect((await failed(town, mailId)).reason).toBe('gone');
  });

  test('is kept only if it quotes, where the verdict hangs on that', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const plain = await observedId(town, await buildMail({ from: 'bob@outside.test', to: town.address, text: 'something else entirely' }));
    await town.capture(plain, { onlyIfQuoting: true });
    expect((await failed(town, plain)).reason).toBe('not_quoting');
    const quoting = await observedId(
      town,
      await buildMail({ from: 'bob@outside.test', to: town.address, text: 'see below\n\n> old words\n> more' }),
    );
    await town.capture(quoting, { onlyIfQuoting: true });
    expect((await captured(town, quoting)).carriesQuote).toBe(true);
    const [{ count }] = (await town.house.query<{ count: string }>('select count(*) from sync.raw_body')) as [{ count: string }];
    expect(Number(count)).toBe(1);
  });

  test('of 51 MB has its text read, and not a byte of its attachments', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const big = Buffer.alloc(38_000_000, 'large attachment. ');
    const mail = await buildMail({
      from: 'bob@outside.test',
      to: town.address,
      text: 'see the film',
      attachments: [{ filename: 'film.mp4', contentType: 'video/mp4', content: big }],
    });
    expect(mail.length).toBeGreaterThan(50_000_000);
    const mailId = await observedId(town, mail);
    town.wire.clear();
    await town.capture(mailId);
    const event = await captured(town, mailId);
    expect(event.attachments[0]).toMatchObject({ state: AttachmentState.REJECTED, reason: 'mail_too_large', fileName: 'film.mp4' });
    expect((await town.house.peers.client(SyncService).readMail({ tenantId: town.house.tenantId, mailId })).text).toContain('see the film');
    expect(town.wire.bodies().map(({ name }) => name.replace(/<.*/, ''))).toEqual(['BODY[1]']);
    expect(town.wire.bodies().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThan(1_000);
    expect(town.attachments.uploads).toEqual([]);
  });

  test('keeps its attachments waiting while the attachment service is away, and its text is there all the same', async () => {
    await using town = await startTown({ dovecot, postgres });
    town.attachments.failing = new Fault('broken', 'STORE_AWAY', 'away');
    await town.startInbox();
    await town.live();
    const large = random.bytes(3_000_000);
    const mailId = await observedId(
      town,
      await buildMail({ from: 'bob@outside.test', to: town.address, attachments: [{ filename: 'a.bin', content: large }] }),
    );
    await town.capture(mailId);
    await captured(town, mailId);
    await settle('a refused try', async () => (await town.house.query(`select 1 from sync.part where last_reason = 'store_away'`))[0]);
    town.attachments.failing = undefined;
    town.clock.aheadMs = 600_000;
    const upload = await settle('the upload', () => town.attachments.uploads.find(({ whole }) => whole));
    expect(upload.sha256).toBe(sha256(large));
  });

  test('says of an attachment that was not to be had for 7 days that it is gone, as soon as somebody hears it', async () => {
    await using town = await startTown({ dovecot, postgres });
    await using ada = await town.client();
    town.attachments.failing = new Fault('broken', 'STORE_AWAY', 'away');
    await town.startInbox();
    await town.live();
    const attachments = [{ filename: 'a.bin', content: random.bytes(3_000) }];
    const mailId = await observedId(town, await buildMail({ from: 'bob@outside.test', to: town.address, attachments }));
    await town.capture(mailId);
    await captured(town, mailId);
    const refused = async () =>
      (await town.house.query(`select 1 from sync.part where last_reason = 'store_away' and lease_until is null`))[0];
    await settle('a refused try', refused);
    await ada.delete((await ada.mails())[0]!.uid);
    // Days are made ahead for a few days only, so the part is made older instead of the clock later.
    const [{ key, day }] = (await town.house.query<{ key: string; day: string }>(
      `select attachment_id as key, (sealed_day - 8)::text as day from sync.part where mail_id = $1`,
      [mailId],
    )) as [{ key: string; day: string }];
    const { tenantId, house } = town.house;
    const vault = new Vault('sync', house.keyringPool, house.keyEncryption, town.clock);
    const name = await vault.seal({ tenantId, purpose: 'headers', day, row: `part:${key}` }, Buffer.from('a.bin'));
    const older = 'update sync.part set sealed_day = $2, sealed_name = $3, last_reason = null, due_at = now() where attachment_id = $1';
    await town.house.query(older, [key, day, name]);
    await settle('another refused try', refused);
    town.attachments.failing = undefined;
    town.clock.aheadMs = 1_000_000;
    const told = await settle('it to be told', () => town.attachments.uploads.find(({ start }) => start.declared!.attachmentId === key));
    expect(told).toMatchObject({ sizeBytes: 0, start: { mailId, declared: { state: AttachmentState.REJECTED, reason: 'gone' } } });
    await settle('it to be settled', async () => (await town.house.query(`select 1 from sync.part where state = 'gone'`))[0]);
  });

  test('is forgotten for good: no text, and no later capture', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const mailId = await observedId(town, await buildMail({ from: 'bob@outside.test', to: town.address }));
    await town.capture(mailId);
    await captured(town, mailId);
    const { tenantId, peers } = town.house;
    await peers.storeOf('sync').forget({ tenantId, mailIds: [mailId] });
    await expect(peers.client(SyncService).readMail({ tenantId, mailId })).rejects.toMatchObject({ kind: 'not_found' });
    await town.capture(mailId, { revision: 2n });
    expect((await failed(town, mailId)).reason).toBe('forgotten');
    expect((await peers.storeOf('sync').listOldest({})).stores.map(({ name }) => name)).toContain('sync.raw_body');
  });

  test('is dropped when it is no longer tracked, and an older command does not bring it back', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const mailId = await observedId(town, await buildMail({ from: 'bob@outside.test', to: town.address }));
    await town.capture(mailId, { revision: 1n });
    await captured(town, mailId);
    await town.house.publish(
      'rejoinder.sync.commands.v1',
      DropMailSchema,
      town.inboxId,
      { inboxId: town.inboxId, mailId, revision: 2n },
      2n,
    );
    await settle('the drop', async () => (await town.house.query(`select 1 from sync.capture where state = 'dropped'`))[0]);
    await town.capture(mailId, { revision: 1n });
    const other = await observedId(town, await buildMail({ from: 'bob@outside.test', to: town.address }));
    await town.capture(other);
    await captured(town, other);
    expect(await town.house.query('select mail_id from sync.raw_body')).toEqual([{ mail_id: other }]);
  });
});
