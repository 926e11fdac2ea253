// What is to be forgotten is forgotten: looked for on the disk itself, over 70 days, in the whole house in one process.
import { readdir } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import type { MailClient } from '@rejoinder/testing/imap-client';
import { buildMail, messageIdOf, replyTo } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import type { Engagement } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { connectSales, onTimeline, sendToContact } from './main-job.js';
import { expectNoDeadLetters, observed, restOf, startOneHouse, type OneHouse } from './one-house.js';
import * as disk from './disk.js';
import type { Probes } from './probes.js';

const { dayMs, isWhole, planted, prefixed } = disk;
const within = (seconds: number) => ({ timeoutMs: seconds * 1_000 });

/** Of mail that is logged. Addresses of contacts stand in timeline.contact for as long as they are contacts; others must go. */
const tracked = {
  sentSubject: planted('sent'),
  sentText: planted('senttext'),
  subject: planted('subject'),
  text: planted('text'),
  copied: planted('copied'),
  fileName: planted('file'),
  content: planted('content'),
};
/** Of mail that is none of the CRM's business. */
const untracked = {
  address: planted('address'),
  name: planted('name'),
  subject: planted('subject'),
  text: planted('text'),
  fileName: planted('file'),
  content: planted('content'),
};

let postgres: Postgres;
let one: OneHouse;
let inboxId: string;
let sales: MailClient;
let contactId: string;
/** Sealed bytes of the first day, as they lie in the tables. */
let sealed: { R1: Probes; R2: Probes };
const kept: { raw?: Buffer; sent?: Buffer; first?: Engagement; firstSent?: Engagement } = {};
const doomed: { raw?: Buffer; reply?: Buffer; mailIds: string[] } = { mailIds: [] };

beforeAll(async () => {
  postgres = await startPostgres({ settings: disk.forgetfulPostgres });
  one = await startOneHouse({ postgres });
  inboxId = await connectSales(one);
  sales = await one.town.openSales();
});

afterAll(async () => {
  await sales?.stop();
  await one?.stop();
  await postgres?.stop();
});

const onDisk = (probes: Probes) => disk.onDisk(postgres, one.store, probes);

async function daysLater(days: number): Promise<void> {
  await one.house.reopen({ REJOINDER_CLOCK_SKEW_MS: String(days * dayMs) });
  one.rest = restOf(one.house);
  await settle('the inbox to be live again', async () => (await one.rest.inbox(inboxId)).progress?.state === 'live', within(60));
}

async function count(table: string, where = 'true'): Promise<number> {
  return (await one.house.query<{ count: number }>(`select count(*)::int as count from ${table} where ${where}`))[0]!.count;
}

const sealedOf = (table: string) => disk.sealedOf((sql) => one.house.query(sql), table);

/** Text and attachments of the first day are served as they were. */
async function timelineIsWhole(): Promise<void> {
  const timeline = await one.rest.timeline(contactId);
  for (const [before, text] of [
    [kept.first!, tracked.text],
    [kept.firstSent!, tracked.sentText],
  ] as const) {
    const now = timeline.find(({ engagement_id }) => engagement_id === before.engagement_id)!;
    expect(now).toEqual(before);
    expect(now.text).toContain(text);
    for (const { attachment_id } of now.attachments) expect((await one.rest.download(attachment_id)).toString()).toContain(tracked.content);
  }
}

/** A mail in the thread of the first day is still one. */
async function threadGoesOn(text: string): Promise<void> {
  const mail = await replyTo(kept.raw!, { from: people.contact, to: people.sales, subject: text, text });
  await one.town.dovecot.deliver(people.sales, mail);
  const logged = await onTimeline(one, contactId, text, ({ text_state }) => text_state === 'ready');
  expect(logged.thread_id).toBe(kept.first!.thread_id);
}

const failingStores = () => disk.failingStores(one.rest);

it('leaves nothing in the clear on disk of what it does not log, nor of any text', async () => {
  const file = { filename: `${tracked.fileName}.txt`, contentType: 'text/plain', content: Buffer.from(tracked.content) };
  const uploaded = await one.rest.upload(file.filename, file.contentType, file.content);
  const sending = await one.rest.send({
    ...{ inbox_id: inboxId, to: [{ address: people.contact }], subject: tracked.sentSubject, text: tracked.sentText },
    attachment_ids: [uploaded],
  });
  const accepted = await settle('the send', () => one.town.dovecot.accepted.find(({ raw }) => raw.includes(sending.message_id)));
  kept.sent = accepted.raw;
  kept.raw = await replyTo(accepted.raw, {
    ...{
      from: people.contact,
      cc: `${tracked.copied}@other.test`,
      subject: tracked.subject,
      text: `${tracked.text}\n`,
      attachments: [file],
    },
  });
  await one.town.dovecot.deliver(people.sales, kept.raw);
  const other = await buildMail({
    ...{
      from: `${untracked.name} <${untracked.address}@private.test>`,
      to: people.sales,
      subject: untracked.subject,
      text: untracked.text,
    },
    attachments: [{ filename: `${untracked.fileName}.txt`, contentType: 'text/plain', content: Buffer.from(untracked.content) }],
  });
  await one.town.dovecot.deliver(people.sales, other);
  await observed(one, inboxId, 'INBOX', 2);
  contactId = await settle('the contact', async () => (await one.rest.contacts())[0]?.contact_id);
  kept.first = await onTimeline(one, contactId, tracked.subject, (mail) => isWhole(mail, 1));
  kept.firstSent = await onTimeline(one, contactId, tracked.sentSubject, (mail) => isWhole(mail, 1) && mail.state === 'sent');

  sealed = {
    R1: { ...(await sealedOf('sync.raw_body')), ...(await sealedOf('sending.raw_mail')) },
    R2: await sealedOf('sync.mail_header'),
  };
  expect(Object.keys(sealed.R1)).toHaveLength(2);
  const { subject, sentSubject, copied, fileName, ...unsaid } = tracked;
  const found = await onDisk({ ...unsaid, ...prefixed('untracked', untracked) });
  expect(found).toEqual({});
  // The search finds what is there: subjects, addresses and file names of logged mail travel in events for some days, and sealed text lies in its day.
  const there = { ...sealed.R1, ...sealed.R2, subject, sentSubject, copied, fileName };
  expect(Object.keys(await onDisk(there)).sort()).toEqual(Object.keys(there).sort());
}, 90_000);

it('forgets a deleted engagement everywhere', async () => {
  const content = Buffer.from(planted('doomed'));
  const file = { filename: 'doomed.txt', contentType: 'text/plain', content };
  const uploaded = await one.rest.upload('doomed.txt', 'text/plain', content);
  const { raw } = await sendToContact(one, inboxId, 'The deleted one', [uploaded]);
  const reply = await replyTo(raw, { from: people.contact, text: 'Forget me.\n', attachments: [file] });
  await one.town.dovecot.deliver(people.sales, reply);
  const answer = await onTimeline(one, contactId, 'Re: The deleted one', (mail) => isWhole(mail, 1));
  const sent = await onTimeline(one, contactId, 'The deleted one', (mail) => isWhole(mail, 1) && mail.state === 'sent');
  Object.assign(doomed, { raw, reply, mailIds: [answer.mail_id, sent.mail_id] });
  const keys = await one.house.query<{ object_key: string }>(
    `select object_key from attachment.attachment where mail_id = any ($1::uuid[])`,
    [doomed.mailIds],
  );
  expect(keys).toHaveLength(2);
  const objects = [answer, sent].map(({ attachments }) => attachments[0]!);

  for (const { engagement_id } of [answer, sent]) await one.rest.deleteEngagement(engagement_id);
  const theirs = `mail_id in ('${doomed.mailIds.join(`','`)}')`;
  const tables = ['sync.raw_body', 'sync.part', 'sending.raw_mail', 'sending.send', 'attachment.attachment', 'timeline.engagement'];
  for (const table of tables) await settle(`${table} to be empty of it`, async () => (await count(table, theirs)) === 0);
  await settle('everybody to have answered', async () => (await count('timeline.forgetting', `${theirs} and done_at is null`)) === 0);
  for (const table of ['sync.tombstone', 'sending.tombstone', 'attachment.tombstone', 'timeline.tombstone'])
    expect([table, await count(table, theirs)]).toEqual([table, 2]);
  expect(await count('timeline.mail', `${theirs} and (sealed_text is not null or sealed_facts is not null)`)).toBe(0);
  expect(await count('sync.mail_header', `${theirs} and length(sealed) > 0`)).toBe(0);
  for (const attachment of objects) await expect(one.rest.download(attachment.attachment_id)).rejects.toThrow(/404/);
  const stored = await count('attachment.attachment', `object_key is not null`);
  await settle('its objects to be gone', async () => (await filesIn(one.store)) === stored);
  expect(await failingStores()).toEqual([]);
}, 90_000);

async function filesIn(folder: string): Promise<number> {
  return (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;
}

it('does not take it back when the mailbox is renewed, nor when it is tracked again', async () => {
  const { count: before } = (await one.house.query<{ count: number }>('select count(*)::int as count from timeline.engagement'))[0]!;
  one.town.wire.clear();
  const validity = async () =>
    (await one.house.query<{ uid_validity: string }>(`select uid_validity::text from sync.folder where path = 'INBOX'`))[0]!.uid_validity;
  const old = await validity();
  await sales.stop();
  await one.town.dovecot.deleteIndexes(people.sales);
  sales = await one.town.openSales();
  await settle('the new UIDVALIDITY to be seen', async () => (await validity()) !== old, within(90));
  await observed(one, inboxId, 'INBOX', 3);

  for (const raw of [doomed.raw!, doomed.reply!]) {
    const { tracked_id } = await one.rest.track(messageIdOf(raw));
    expect(await settle('what became of it', () => one.rest.tracked(tracked_id))).toMatchObject({ state: 'refused', reason: 'forgotten' });
  }
  await settle('all events to be on the wire', async () => (await count('threading.outbox', 'placed_at is null')) === 0);
  await settle('captures to be settled', async () => (await count('sync.capture', `state = 'wanted'`)) === 0);
  const uids = (await sales.mails()).filter(({ messageId }) => messageId === messageIdOf(doomed.reply!)).map(({ uid }) => uid);
  expect(uids).toHaveLength(1);
  expect(one.town.wire.bodies().filter((section) => section.folder === 'INBOX' && uids.includes(section.uid ?? -1))).toEqual([]);
  expect(await count('timeline.engagement')).toBe(before);
  expect((await one.rest.timeline(contactId)).map(({ subject }) => subject).filter((subject) => subject.includes('deleted'))).toEqual([]);
}, 150_000);

it('has no raw text on disk after 8 days, and a timeline that is whole', async () => {
  await daysLater(8);
  const { text, sentText, content, fileName, subject, sentSubject, copied } = tracked;
  const gone = { ...sealed.R1, text, sentText, content, fileName, subject, sentSubject, copied, ...prefixed('untracked', untracked) };
  expect(await onDisk(gone)).toEqual({});
  expect(Object.keys(await onDisk(sealed.R2)).length).toBeGreaterThan(0);
  await timelineIsWhole();
  expect(await failingStores()).toEqual([]);
  await threadGoesOn(planted('week'));
}, 120_000);

it('has no headers on disk after 61 days, and a timeline that is whole', async () => {
  await daysLater(61);
  expect(await onDisk({ ...sealed.R1, ...sealed.R2, ...prefixed('untracked', untracked) })).toEqual({});
  await timelineIsWhole();
  expect(await failingStores()).toEqual([]);
  await threadGoesOn(planted('twomonths'));
  expect(await count('threading.node', `verdict <> 'tracked' and seen_at < now()`)).toBe(0);
}, 120_000);

it('says so where an old day is still there', async () => {
  const day = new Date(Date.now() - 2 * dayMs).toISOString().slice(0, 10);
  const name = `sync.mail_header_${day.replaceAll('-', '')}`;
  await one.house.query(`create table ${name} partition of sync.mail_header for values from ('${day}') to ('${day}'::date + 1)`);
  await one.house.query(
    `insert into sync.mail_header (tenant_id, mail_id, inbox_id, ingested_at, ingested_day, size_bytes, received_at, sealed)
      values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '${day}', '${day}', 1, now(), '')`,
  );
  expect(await failingStores()).toEqual([expect.stringMatching(/^sync\.mail_header: .*REJOINDER_METADATA_DAYS allows 60/)]);
  await one.house.query(`drop table ${name}`);
  expect(await failingStores()).toEqual([]);
}, 60_000);

it('says so where a reader holds up a drop, and drops once the reader is gone', async () => {
  const [{ day }] = (await one.house.query<{ day: string }>('select max(captured_day)::text as day from sync.raw_body')) as [
    { day: string },
  ];
  const client = new pg.Client({ connectionString: one.house.env['REJOINDER_DATABASE_URL']! });
  await client.connect();
  await client.query('begin');
  await client.query(`select * from sync.raw_body_${day.replaceAll('-', '')}`);
  await daysLater(70);
  expect(await failingStores()).toEqual([expect.stringMatching(/^sync\.raw_body: .*REJOINDER_BODY_DAYS allows 7/)]);
  await client.end();
  await daysLater(70);
  expect(await failingStores()).toEqual([]);
  await timelineIsWhole();
}, 120_000);

it('removes an inbox with all its mail, and leaves the timeline', async () => {
  await threadGoesOn(planted('last'));
  expect(await count('sync.raw_body')).toBeGreaterThan(0);
  await one.rest.removeInbox(inboxId);
  const tables = [
    'sync.session',
    'sync.folder',
    'sync.mail_header',
    'sync.location',
    'sync.raw_body',
    'sync.part',
    'connections.credential',
  ];
  for (const table of tables) await settle(`${table} to be empty`, async () => (await count(table)) === 0);
  await expect(one.rest.inbox(inboxId)).rejects.toThrow(/404/);
  await timelineIsWhole();
  expect(await failingStores()).toEqual([]);
}, 90_000);

it('has no dead letter at the end', () => expectNoDeadLetters(one.house));
