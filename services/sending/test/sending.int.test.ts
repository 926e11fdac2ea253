// The service with real servers: Dovecot's submission where it can show the case, a scripted SMTP server where it cannot.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { SendingService } from '@rejoinder/contracts/api/sending';
import { FileSentCopySchema } from '@rejoinder/contracts/commands';
import {
  InboxConnectedSchema,
  InboxDisconnectedSchema,
  InboxPausedSchema,
  InboxReconnectedSchema,
  InboxRemovedSchema,
} from '@rejoinder/contracts/events/connections';
import { MailSentSchema, SendAcceptedSchema, SendFailedSchema, SendUnconfirmedSchema } from '@rejoinder/contracts/events/sending';
import { AuthenticationFailedSchema, SentCopyObservedSchema } from '@rejoinder/contracts/events/sync';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { PartitionKeeper } from '@rejoinder/runtime/partitions';
import { settle } from '@rejoinder/testing/settle';
import { DeliveryStore } from '../src/delivery/delivery-store.js';
import { role } from '../src/role.js';
import { SendStore } from '../src/send-store.js';
import type { Ending } from '../src/settlement-store.js';
import { startPeers, type Peers } from './peers.js';
import { startScriptedSmtp, type ScriptedSmtp } from './scripted-smtp.js';

const topic = 'rejoinder.sending.v1';
const clock = { offsetMs: 0, now: () => new Date(Date.now() + clock.offsetMs) };

let dovecot: Dovecot;
let scripted: ScriptedSmtp;
let test: TestHouse;
let peers: Peers;
const client = () => test.peers.client(SendingService);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'passed',
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );

/** An inbox of its own for each case: at Dovecot, or at the scripted server. */
async function inbox({ at = 'dovecot', tenantId = test.tenantId, password = 'secret' } = {}) {
  const inboxId = newId();
  const address = `u${inboxId.slice(-12)}@rejoinder.test`;
  if (at === 'dovecot') await dovecot.addUser(address);
  const port = at === 'dovecot' ? dovecot.submissionPort : scripted.port;
  const smtp = { host: 'localhost', port, security: 'starttls' };
  peers.inboxes.set(inboxId, { tenantId, inboxId, address, displayName: 'Änna Example', password, version: 1n, smtp });
  await test.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address }, 1n, tenantId);
  return { inboxId, address };
}

const person = (address: string, name = '') => ({ address, name });
async function send(inboxId: string, more: Record<string, unknown> = {}) {
  const request = {
    tenantId: test.tenantId,
    inboxId,
    to: [person('bo@outside.test', 'Bo')],
    subject: 'Hello',
    text: 'Hello Bo.\n',
    ...more,
  };
  return (await client().send(request)).send!;
}
const get = async (sendId: string, tenantId = test.tenantId) => (await client().getSend({ tenantId, sendId })).send!;
const becomes = (sendId: string, state: string) =>
  settle(`the send to be ${state}`, async () => ((await get(sendId)).state === state ? get(sendId) : undefined));
/** The worker polls every few seconds; a changed row and a wake make it look at once. */
async function advance(ms: number) {
  clock.offsetMs += ms;
  // Days are made ahead once an hour of the machine's time.
  const { pool, keptDays, logger } = test.house;
  for (const schema of ['sending', 'bus']) await new PartitionKeeper(schema, pool, clock, keptDays, logger).keep();
  test.house.wake.wake('sending', ['outlet']);
}
const sequencesOf = (sendId: string) =>
  test.query<{ sequence: string }>(
    `select headers->>'ce_sequence' as sequence from bus.log where topic = $1 and position(convert_to($2, 'UTF8') in value) > 0 order by "offset"`,
    [topic, sendId],
  );
const wait = async (sendId: string) =>
  settle('a failed attempt', async () => ((await get(sendId)).reason !== '' ? get(sendId) : undefined));

beforeAll(async () => {
  dovecot = await startDovecot();
  scripted = await startScriptedSmtp(dovecot.ca);
  const caFile = join(dovecot.folder, 'ca.pem');
  await writeFile(caFile, dovecot.ca.pem);
  test = await startTestHouse({
    roles: [role],
    clock,
    env: {
      REJOINDER_MAIL_CA_FILE: caFile,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: [dovecot.submissionPort, scripted.port].join(','),
      REJOINDER_SENDING_ANSWER_SECONDS: '2',
    },
  });
  peers = await startPeers((service) => test.house.peerAddress(service));
});
afterAll(async () => {
  await test?.stop();
  peers?.stop();
  await scripted?.stop();
  await dovecot?.stop();
});
beforeEach(() => {
  scripted.forgetBehaviours();
  scripted.accepted.length = 0;
  scripted.begun = 0;
});
afterEach(() => expect(scripted.logins).toBeLessThan(100));

describe('a mail goes out', () => {
  it('reaches the other’s inbox, as it was accepted, and tells of it', async () => {
    const { inboxId, address } = await inbox();
    await dovecot.addUser('carla@rejoinder.test');
    const file = peers.addFile({ fileName: 'Angebot für Bo.pdf', bytes: Buffer.alloc(700_000, 'pdf') });
    const accepted = await send(inboxId, {
      to: [person('carla@rejoinder.test', 'Carla')],
      bcc: [person('hidden@outside.test')],
      subject: 'Grüße',
      html: '<p>Hello</p>',
      attachmentIds: [file.attachmentId],
      inReplyTo: '<q1@outside.test>',
      references: ['<q0@outside.test>'],
    });
    expect(accepted).toMatchObject({ state: 'accepted', messageId: `${accepted.sendId}@rejoinder.test` });
    const sent = await becomes(accepted.sendId, 'sent');
    expect(sent.sentAt).toBeDefined();
    const [mail] = dovecot.accepted.filter(({ raw }) => raw.includes(accepted.sendId));
    expect(mail).toMatchObject({ from: address, to: ['carla@rejoinder.test', 'hidden@outside.test'] });
    const text = mail!.raw.toString();
    for (const line of [
      `Message-ID: <${accepted.sendId}@rejoinder.test>`,
      'In-Reply-To: <q1@outside.test>',
      'References: <q0@outside.test> <q1@outside.test>',
      `X-Rejoinder-Send: v1.${accepted.sendId}.${accepted.mailId}.`,
    ]) {
      expect(text.replace(/\r\n[ \t]+/g, ' ')).toContain(line);
    }
    expect(text).not.toMatch(/hidden@outside|^bcc/im);
    const inboxMails = await settle('delivery', async () =>
      (await dovecot.doveadm('search', '-u', 'carla@rejoinder.test', 'mailbox', 'INBOX', 'all')).trim(),
    );
    expect(inboxMails.split('\n')).toHaveLength(1);
    const mime: Buffer[] = [];
    for await (const { chunk } of client().readSentMime({ tenantId: test.tenantId, sendId: accepted.sendId }))
      mime.push(Buffer.from(chunk));
    // The submission server puts its own trace before it; the mail itself is the very same bytes.
    expect(mail!.raw.toString().endsWith(Buffer.concat(mime).toString())).toBe(true);
    const said = await settle('MailSent', async () =>
      (await test.published(topic, MailSentSchema)).find((one) => one.sendId === accepted.sendId),
    );
    expect(said).toMatchObject({ inboxId, mailId: accepted.mailId, refused: [] });
    const told = (await test.published(topic, SendAcceptedSchema)).find((one) => one.sendId === accepted.sendId)!;
    expect([told.chainHashes.length, told.recipientHashes.length, told.attachments[0]?.sizeBytes]).toEqual([2, 2, 700_000n]);
    expect((await test.published('rejoinder.sync.commands.v1', FileSentCopySchema)).some((one) => one.sendId === accepted.sendId)).toBe(
      true,
    );
  });

  it('keeps its text sealed, for the day on which it was settled, and hands it out by the mail', async () => {
    const { inboxId } = await inbox();
    const { sendId, mailId } = await send(inboxId, { text: 'a very secret sentence', html: '<b>secret</b>' });
    await becomes(sendId, 'sent');
    expect(await client().readSentMail({ tenantId: test.tenantId, mailId })).toMatchObject({
      text: 'a very secret sentence',
      html: '<b>secret</b>',
    });
    expect(await test.query('select 1 from sending.send_content where send_id = $1', [sendId])).toEqual([]);
    const [row] = await test.query<{ sealed: Buffer; day: string }>(
      `select sealed, settled_day::text as day from sending.raw_mail where send_id = $1`,
      [sendId],
    );
    expect([row!.sealed.includes('secret'), row!.day]).toEqual([false, clock.now().toISOString().slice(0, 10)]);
  });

  it('is one send for one idempotency key, and refuses another mail under it', async () => {
    const { inboxId } = await inbox();
    const file = peers.addFile({});
    const again = { idempotencyKey: 'deal-1', attachmentIds: [file.attachmentId] };
    const all = await Promise.all([1, 2, 3].map(() => send(inboxId, again)));
    expect(new Set(all.map(({ sendId }) => sendId)).size).toBe(1);
    file.mailId = all[0]!.mailId;
    expect((await send(inboxId, again)).sendId).toBe(all[0]!.sendId);
    expect(await codeOf(send(inboxId, { ...again, text: 'other' }))).toBe('IDEMPOTENCY_KEY_REUSED');
    await becomes(all[0]!.sendId, 'sent');
    expect(dovecot.accepted.filter(({ raw }) => raw.includes(all[0]!.sendId))).toHaveLength(1);
    expect(await codeOf(send(inboxId, { attachmentIds: [file.attachmentId] }))).toBe('ATTACHMENT_BOUND');
    expect(await codeOf(send(inboxId, { attachmentIds: [newId()] }))).not.toBe('passed');
  });

  it('goes in the order of acceptance over one session', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    await test.publish('rejoinder.connections.v1', InboxPausedSchema, inboxId, { inboxId }, 2n);
    await settle(
      'the pause',
      async () => (await test.query(`select 1 from sending.outlet where inbox_id = $1 and state = 'paused'`, [inboxId])).length,
    );
    const sends = [];
    for (const subject of ['one', 'two', 'three']) sends.push(await send(inboxId, { subject }));
    expect(scripted.begun).toBe(0);
    const logins = scripted.logins;
    await test.publish('rejoinder.connections.v1', InboxReconnectedSchema, inboxId, { inboxId, credentialVersion: 1n }, 3n);
    for (const { sendId } of sends) await becomes(sendId, 'sent');
    expect(scripted.accepted.map((mail) => /^Subject: (.*)\r$/m.exec(mail)?.[1])).toEqual(['one', 'two', 'three']);
    expect(scripted.logins - logins).toBe(1);
  });

  it('may be taken back while it waits', async () => {
    const { inboxId } = await inbox();
    await test.publish('rejoinder.connections.v1', InboxPausedSchema, inboxId, { inboxId }, 2n);
    await settle(
      'the pause',
      async () => (await test.query(`select 1 from sending.outlet where inbox_id = $1 and state = 'paused'`, [inboxId])).length,
    );
    const { sendId } = await send(inboxId);
    expect((await client().cancel({ tenantId: test.tenantId, sendId })).send?.state).toBe('cancelled');
    expect((await client().cancel({ tenantId: test.tenantId, sendId })).send?.state).toBe('cancelled');
    await settle('SendFailed', async () =>
      (await test.published(topic, SendFailedSchema)).find((one) => one.sendId === sendId && one.reason === 'CANCELLED'),
    );
    const other = await inbox();
    const sent = await send(other.inboxId);
    await becomes(sent.sendId, 'sent');
    expect(await codeOf(client().cancel({ tenantId: test.tenantId, sendId: sent.sendId }))).toBe('SEND_BEGUN');
  });

  it('is not seen, cancelled or sent by another tenant', async () => {
    const { inboxId } = await inbox();
    const { sendId, mailId } = await send(inboxId);
    const tenantId = newId();
    expect(await codeOf(client().getSend({ tenantId, sendId }))).toBe('SEND_NOT_FOUND');
    expect(await codeOf(client().cancel({ tenantId, sendId }))).toBe('SEND_NOT_FOUND');
    expect(await codeOf(client().readSentMail({ tenantId, mailId }))).toBe('SEND_NOT_FOUND');
    expect(await codeOf(send(inboxId, { tenantId }))).toBe('GRPC_NOT_FOUND');
  });

  it('is forgotten with all it said', async () => {
    const { inboxId } = await inbox();
    const { sendId, mailId } = await send(inboxId);
    await becomes(sendId, 'sent');
    await test.peers.storeOf('sending').forget({ tenantId: test.tenantId, mailIds: [mailId] });
    await test.peers.storeOf('sending').forget({ tenantId: test.tenantId, mailIds: [mailId] });
    expect(await codeOf(client().readSentMail({ tenantId: test.tenantId, mailId }))).toBe('SEND_NOT_FOUND');
    for (const table of ['send', 'send_content', 'raw_mail'])
      expect(await test.query(`select 1 from sending.${table} where send_id = $1`, [sendId])).toEqual([]);
    const { stores } = await test.peers.storeOf('sending').listOldest({});
    expect(stores.map(({ name }) => name)).toEqual(expect.arrayContaining(['sending.send', 'sending.raw_mail', 'sending.outbox']));
  });
});

describe('a server that does not take it', () => {
  const inDovecot = (sendId: string) => dovecot.accepted.filter(({ raw }) => raw.includes(sendId));

  it.each([
    ['a 451 after the final dot', () => dovecot.relay.refuseNext(451, '4.3.0 later')],
    ['a 450 for the only recipient', () => dovecot.relay.refuseNextRecipient(450, '4.2.1 later')],
  ])('%s is tried again with the same Message-ID', async (_, refuse) => {
    const { inboxId } = await inbox();
    refuse();
    const { sendId, messageId } = await send(inboxId);
    expect((await wait(sendId)).state).toBe('accepted');
    expect(inDovecot(sendId)).toHaveLength(0);
    await advance(61_000);
    expect((await becomes(sendId, 'sent')).messageId).toBe(messageId);
    expect(inDovecot(sendId)).toHaveLength(1);
  });

  it.each([
    ['a 554 after the final dot', () => dovecot.relay.refuseNext(554, '5.7.1 never'), 'MAIL_REFUSED'],
    ['a 552', () => dovecot.relay.refuseNext(552, '5.3.4 too big'), 'TOO_LARGE'],
    ['a 550 for the only recipient', () => dovecot.relay.refuseNextRecipient(550, '5.1.1 nobody'), 'RECIPIENT_REFUSED'],
  ])('%s fails it for good', async (_, refuse, reason) => {
    const { inboxId } = await inbox();
    refuse();
    const { sendId } = await send(inboxId);
    expect(await becomes(sendId, 'failed')).toMatchObject({ reason });
    await settle('SendFailed', async () =>
      (await test.published(topic, SendFailedSchema)).find((one) => one.sendId === sendId && one.reason === reason),
    );
    expect(inDovecot(sendId)).toHaveLength(0);
  });

  it('for one of two recipients is sent to the other, and says whom it refused', async () => {
    const { inboxId } = await inbox();
    dovecot.relay.refuseNextRecipient(550, '5.1.1 nobody');
    const { sendId } = await send(inboxId, { to: [person('first@outside.test'), person('second@outside.test')] });
    await becomes(sendId, 'sent');
    expect(inDovecot(sendId).map(({ to }) => to)).toEqual([['second@outside.test']]);
    const sent = await settle('MailSent', async () => (await test.published(topic, MailSentSchema)).find((one) => one.sendId === sendId));
    expect(sent.refused).toEqual(['first@outside.test']);
  });

  it('is given up after a day, not before', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    for (let i = 0; i < 3; i++) scripted.next('refuse_421');
    const { sendId } = await send(inboxId);
    await wait(sendId);
    await advance(61_000);
    const row = `select 1 from sending.send where send_id = $1 and attempts = 2 and state = 'accepted'`;
    await settle('the end of the second attempt', async () => (await test.query(row, [sendId])).length === 1);
    expect((await get(sendId)).state).not.toBe('failed');
    await advance(86_400_000);
    expect(await becomes(sendId, 'failed')).toMatchObject({ reason: 'SEND_EXPIRED' });
    expect([scripted.begun, scripted.accepted]).toEqual([3, []]);
  });
});

describe('a connection that breaks', () => {
  it('before DATA is tried again', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    scripted.next('drop_before_data');
    const { sendId } = await send(inboxId);
    expect(await wait(sendId)).toMatchObject({ state: 'accepted', reason: 'CONNECTION_LOST' });
    await advance(61_000);
    await becomes(sendId, 'sent');
    expect(scripted.accepted).toHaveLength(1);
  });

  it.each(['drop_in_data', 'drop_after_data', 'silence'] as const)(
    'by %s leaves it unconfirmed, and it is never sent again by itself',
    async (behaviour) => {
      const { inboxId } = await inbox({ at: 'scripted' });
      scripted.next(behaviour);
      const { sendId } = await send(inboxId, { text: 'x'.repeat(200_000) });
      expect(await becomes(sendId, 'unconfirmed')).toMatchObject({ reason: 'SEND_UNKNOWN' });
      await settle('SendUnconfirmed', async () =>
        (await test.published(topic, SendUnconfirmedSchema)).find((one) => one.sendId === sendId),
      );
      await advance(90_000_000);
      const other = await send(inboxId);
      await becomes(other.sendId, 'sent');
      expect((await get(sendId)).state).toBe('unconfirmed');
      expect(scripted.begun).toBe(2);
    },
  );

  it('at Dovecot after it took the mail: its copy in Sent settles it, with a rising revision and no second copy', async () => {
    const { inboxId } = await inbox();
    dovecot.relay.dropAfterData();
    const { sendId, mailId } = await send(inboxId);
    await becomes(sendId, 'unconfirmed');
    const copy = { inboxId, sendId, mailId, inSentFolder: true };
    for (let i = 0; i < 2; i++) await test.publish('rejoinder.sync.internal.v1', SentCopyObservedSchema, inboxId, copy);
    await becomes(sendId, 'sent');
    await settle('MailSent', async () => (await test.published(topic, MailSentSchema)).find((one) => one.sendId === sendId));
    const sequences = (await sequencesOf(sendId)).map(({ sequence }) => Number(sequence));
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(sequences).toHaveLength(3);
    expect((await test.published('rejoinder.sync.commands.v1', FileSentCopySchema)).some((one) => one.sendId === sendId)).toBe(false);
    expect(dovecot.accepted.filter(({ raw }) => raw.includes(sendId))).toHaveLength(1);
  });

  it('is settled by a person: sent, or to be sent again with the same Message-ID', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    const unknown = async () => {
      scripted.next('drop_after_data');
      const { sendId } = await send(inboxId);
      return becomes(sendId, 'unconfirmed');
    };
    const first = await unknown();
    expect((await client().resolve({ tenantId: test.tenantId, sendId: first.sendId, outcome: 'sent' })).send?.state).toBe('sent');
    expect((await client().resolve({ tenantId: test.tenantId, sendId: first.sendId, outcome: 'sent' })).send?.state).toBe('sent');
    expect(await codeOf(client().resolve({ tenantId: test.tenantId, sendId: first.sendId, outcome: 'send_again' }))).toBe('SEND_SETTLED');
    const second = await unknown();
    await client().resolve({ tenantId: test.tenantId, sendId: second.sendId, outcome: 'send_again' });
    await becomes(second.sendId, 'sent');
    expect(scripted.accepted.filter((mail) => mail.includes(second.messageId))).toHaveLength(2);
  });

  it('a file that breaks off while it is sent leaves nothing behind, and the mail is tried again', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    const file = peers.addFile({ bytes: Buffer.alloc(500_000, 'x'), breakAfter: 300_000 });
    const { sendId } = await send(inboxId, { attachmentIds: [file.attachmentId] });
    expect(await wait(sendId)).toMatchObject({ state: 'accepted', reason: 'ATTACHMENT_WAITS' });
    await advance(5_000);
    await becomes(sendId, 'sent');
    expect(scripted.accepted).toHaveLength(1);
  });
});

describe('a worker that dies or is held up', () => {
  const loseLease = async (inboxId: string) => {
    await test.query(`update sending.outlet set lease_until = now() - interval '1 second', due_at = $2 where inbox_id = $1`, [
      inboxId,
      new Date(clock.now().getTime() - 1_000),
    ]);
    test.house.wake.wake('sending', ['outlet']);
  };

  it('after DATA began: whoever comes next calls it unconfirmed; a late confirmation makes it sent, once', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    scripted.next('hold');
    const { sendId } = await send(inboxId);
    await settle('DATA', async () => scripted.accepted.length === 1);
    await loseLease(inboxId);
    await becomes(sendId, 'unconfirmed');
    scripted.release();
    await becomes(sendId, 'sent');
    expect(scripted.begun).toBe(1);
  });

  it('before DATA: whoever comes next sends it, and the one held up says not a byte of it any more', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    const held = scripted.held;
    scripted.next('hold_before_data');
    const { sendId } = await send(inboxId);
    await settle('the recipient', async () => scripted.held > held);
    await loseLease(inboxId);
    await becomes(sendId, 'sent');
    scripted.release();
    await settle('the second DATA', async () => scripted.begun === 2);
    const next = await send(inboxId);
    await becomes(next.sendId, 'sent');
    expect(scripted.accepted.filter((mail) => mail.includes(sendId))).toHaveLength(1);
  });

  it('learns too late what is over: nothing that is sent becomes anything else', async () => {
    const { inboxId } = await inbox();
    const { sendId } = await send(inboxId);
    await becomes(sendId, 'sent');
    const store = test.roles[0]!.app.get(DeliveryStore, { strict: false });
    const row = await test.roles[0]!.app.get(SendStore, { strict: false }).get(test.tenantId, sendId);
    for (const ending of [{ state: 'unconfirmed' }, { state: 'failed', reason: 'SEND_EXPIRED' }, { state: 'sent', refused: [] }] as const) {
      expect(await store.end(row, { ...ending } as Ending, undefined)).toBe(false);
    }
    expect((await get(sendId)).state).toBe('sent');
  });

  it('before DATA: whoever comes next sends it after a kill', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    await test.publish('rejoinder.connections.v1', InboxPausedSchema, inboxId, { inboxId }, 2n);
    await settle(
      'the pause',
      async () => (await test.query(`select 1 from sending.outlet where inbox_id = $1 and state = 'paused'`, [inboxId])).length,
    );
    const { sendId } = await send(inboxId);
    // As a process leaves it that was killed between taking the send and its first byte.
    await test.query(`update sending.send set state = 'sending', attempts = 1, revision = 2 where send_id = $1`, [sendId]);
    await test.publish('rejoinder.connections.v1', InboxReconnectedSchema, inboxId, { inboxId, credentialVersion: 1n }, 3n);
    await becomes(sendId, 'sent');
    expect(scripted.accepted).toHaveLength(1);
  });

  it('between 250 and its row: it is unconfirmed, not sent again, and the copy in Sent settles it', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    await test.publish('rejoinder.connections.v1', InboxPausedSchema, inboxId, { inboxId }, 2n);
    await settle(
      'the pause',
      async () => (await test.query(`select 1 from sending.outlet where inbox_id = $1 and state = 'paused'`, [inboxId])).length,
    );
    const { sendId, mailId } = await send(inboxId);
    await test.query(`update sending.send set state = 'sending', attempts = 1, revision = 2, data_started_at = now() where send_id = $1`, [
      sendId,
    ]);
    await test.publish('rejoinder.connections.v1', InboxReconnectedSchema, inboxId, { inboxId, credentialVersion: 1n }, 3n);
    await becomes(sendId, 'unconfirmed');
    await test.publish('rejoinder.sync.internal.v1', SentCopyObservedSchema, inboxId, { inboxId, sendId, mailId, inSentFolder: false });
    await becomes(sendId, 'sent');
    expect(scripted.begun).toBe(0);
  });
});

describe('an inbox that cannot send', () => {
  it('is told after the second refusal, a minute apart; its sends wait for the new password', async () => {
    const { inboxId } = await inbox({ at: 'scripted', password: 'old' });
    const { sendId } = await send(inboxId);
    const told = async () =>
      (await test.published('rejoinder.sending.internal.v1', AuthenticationFailedSchema)).filter((one) => one.inboxId === inboxId);
    await settle(
      'the first refusal',
      async () =>
        (await test.query(`select 1 from sending.outlet where inbox_id = $1 and refused_at is not null and lease_until is null`, [inboxId]))
          .length,
    );
    expect(await told()).toEqual([]);
    await advance(61_000);
    const [failed] = await settle('AuthenticationFailed', async () => ((await told()).length > 0 ? told() : undefined));
    expect(failed).toMatchObject({ protocol: 'smtp', credentialVersion: 1n, reason: 'AUTH_REJECTED' });
    const logins = scripted.logins;
    await test.publish(
      'rejoinder.connections.v1',
      InboxDisconnectedSchema,
      inboxId,
      { inboxId, side: 'sending', reason: 'AUTH_REJECTED' },
      2n,
    );
    await advance(3_600_000);
    expect((await get(sendId)).state).toBe('accepted');
    Object.assign(peers.inboxes.get(inboxId)!, { password: 'secret', version: 2n });
    await test.publish('rejoinder.connections.v1', InboxReconnectedSchema, inboxId, { inboxId, credentialVersion: 2n }, 3n);
    await becomes(sendId, 'sent');
    expect(scripted.logins - logins).toBe(1);
    expect(await told()).toHaveLength(1);
  });

  it('is no alarm where only the network is in the way', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    const known = peers.inboxes.get(inboxId)!;
    const { port } = known.smtp;
    known.smtp.port = dovecot.submissionsPort;
    const { sendId } = await send(inboxId);
    expect((await wait(sendId)).reason).toMatch(/PORT_BLOCKED|TIMEOUT|REFUSED/);
    known.smtp.port = port;
    await advance(6_000);
    await becomes(sendId, 'sent');
    expect((await test.published('rejoinder.sending.internal.v1', AuthenticationFailedSchema)).some((one) => one.inboxId === inboxId)).toBe(
      false,
    );
  });

  it('fails what still waits once it is removed', async () => {
    const { inboxId } = await inbox();
    await test.publish('rejoinder.connections.v1', InboxPausedSchema, inboxId, { inboxId }, 2n);
    await settle(
      'the pause',
      async () => (await test.query(`select 1 from sending.outlet where inbox_id = $1 and state = 'paused'`, [inboxId])).length,
    );
    const { sendId } = await send(inboxId);
    await test.publish('rejoinder.connections.v1', InboxRemovedSchema, inboxId, { inboxId }, 3n);
    expect(await becomes(sendId, 'failed')).toMatchObject({ reason: 'INBOX_REMOVED' });
    await test.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId }, 9n);
    expect(await codeOf(send(inboxId))).toBe('INBOX_REMOVED');
  });
});
