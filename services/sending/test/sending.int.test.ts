// The service with real servers: Dovecot's submission where it can show the case, a scripted SMTP server where it cannot.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { FileSentCopySchema } from '@rejoinder/contracts/commands';
import {
  InboxConnectedSchema,
  InboxDisconnectedSchema,
  InboxPausedSchema,
  InboxReconnectedSchema,
  InboxRemovedSchema,
  InboxSideMendedSchema,
} from '@rejoinder/contracts/events/connections';
import { MailSentSchema, SendAcceptedSchema, SendFailedSchema } from '@rejoinder/contracts/events/sending';
import { AuthenticationFailedSchema } from '@rejoinder/contracts/events/sync';
import { settle } from '@rejoinder/testing/settle';
import {
  topic,
  clock,
  here,
  openHouse,
  closeHouse,
  forgetBehaviours,
  client,
  codeOf,
  person,
  get,
  becomes,
  wait,
  inbox,
  send,
  advance,
} from './sending-house.js';

beforeAll(openHouse);
afterAll(closeHouse);
beforeEach(forgetBehaviours);
afterEach(() => expect(here.scripted.logins).toBeLessThan(100));

describe('a mail goes out', () => {
  it('reaches the other’s inbox, as it was accepted, and tells of it', async () => {
    const { inboxId, address } = await inbox();
    await here.dovecot.addUser('carla@rejoinder.test');
    const file = here.peers.addFile({ fileName: 'Angebot für Bo.pdf', bytes: Buffer.alloc(700_000, 'pdf') });
    const accepted = await send(inboxId, {
      to: [person('carla@rejoinder.test', 'Carla')],
      bcc: [person('hidden@outside.test')],
      subject: 'Grüße',
      html: '<p>Hello</p>',
      attachmentIds: [file.attachmentId],
      inReplyTo: '<q1@outside.test>',
      references: ['<q0@outside.test>'],
    });
    const mark = `v1.${accepted.sendId}.${accepted.mailId}.`;
    expect(accepted.state).toBe('accepted');
    expect(accepted.messageId.split('@')).toEqual([expect.stringMatching(/^[\w.-]{99}$/), 'rejoinder.test']);
    const sent = await becomes(accepted.sendId, 'sent');
    expect(sent.sentAt).toBeDefined();
    const [mail] = here.dovecot.accepted.filter(({ raw }) => raw.includes(accepted.sendId));
    expect(mail).toMatchObject({ from: address, to: ['carla@rejoinder.test', 'hidden@outside.test'] });
    const text = mail!.raw.toString();
    for (const line of [
      `Message-ID: <${accepted.messageId}>`,
      'In-Reply-To: <q1@outside.test>',
      'References: <q0@outside.test> <q1@outside.test>',
      // One mark in both.
      `X-Rejoinder-Send: ${accepted.messageId.split('@')[0]!}`,
      mark,
    ]) {
      expect(text.replace(/\r\n[ \t]+/g, ' ')).toContain(line);
    }
    expect(text).not.toMatch(/hidden@outside|^bcc/im);
    const inboxMails = await settle('delivery', async () =>
      (await here.dovecot.doveadm('search', '-u', 'carla@rejoinder.test', 'mailbox', 'INBOX', 'all')).trim(),
    );
    expect(inboxMails.split('\n')).toHaveLength(1);
    const mime: Buffer[] = [];
    for await (const { chunk } of client().readSentMime({ tenantId: here.house.tenantId, sendId: accepted.sendId }))
      mime.push(Buffer.from(chunk));
    // The submission server puts its own trace before it; the mail itself is the very same bytes.
    expect(mail!.raw.toString().endsWith(Buffer.concat(mime).toString())).toBe(true);
    const said = await settle('MailSent', async () =>
      (await here.house.published(topic, MailSentSchema)).find((one) => one.sendId === accepted.sendId),
    );
    expect(said).toMatchObject({ inboxId, mailId: accepted.mailId, refused: [] });
    const told = (await here.house.published(topic, SendAcceptedSchema)).find((one) => one.sendId === accepted.sendId)!;
    expect([told.chainHashes.length, told.recipientHashes.length, told.attachments[0]?.sizeBytes]).toEqual([2, 2, 700_000n]);
    expect(
      (await here.house.published('rejoinder.sync.commands.v1', FileSentCopySchema)).some((one) => one.sendId === accepted.sendId),
    ).toBe(true);
  });

  it('keeps its text sealed, for the day on which it was settled, and hands it out by the mail', async () => {
    const { inboxId } = await inbox();
    const { sendId, mailId } = await send(inboxId, { text: 'a very secret sentence', html: '<b>secret</b>' });
    await becomes(sendId, 'sent');
    expect(await client().readSentMail({ tenantId: here.house.tenantId, mailId })).toMatchObject({
      text: 'a very secret sentence',
      html: '<b>secret</b>',
    });
    expect(await here.house.query('select 1 from sending.send_content where send_id = $1', [sendId])).toEqual([]);
    const [row] = await here.house.query<{ sealed: Buffer; day: string }>(
      `select sealed, settled_day::text as day from sending.raw_mail where send_id = $1`,
      [sendId],
    );
    expect([row!.sealed.includes('secret'), row!.day]).toEqual([false, clock.now().toISOString().slice(0, 10)]);
  });

  it('is one send for one idempotency key, and refuses another mail under it', async () => {
    const { inboxId } = await inbox();
    const file = here.peers.addFile({});
    const again = { idempotencyKey: 'deal-1', attachmentIds: [file.attachmentId] };
    const all = await Promise.all([1, 2, 3].map(() => send(inboxId, again)));
    expect(new Set(all.map(({ sendId }) => sendId)).size).toBe(1);
    file.mailId = all[0]!.mailId;
    expect((await send(inboxId, again)).sendId).toBe(all[0]!.sendId);
    expect(await codeOf(send(inboxId, { ...again, text: 'other' }))).toBe('IDEMPOTENCY_KEY_REUSED');
    await becomes(all[0]!.sendId, 'sent');
    expect(here.dovecot.accepted.filter(({ raw }) => raw.includes(all[0]!.sendId))).toHaveLength(1);
    expect(await codeOf(send(inboxId, { attachmentIds: [file.attachmentId] }))).toBe('ATTACHMENT_BOUND');
    expect(await codeOf(send(inboxId, { attachmentIds: [newId()] }))).not.toBe('passed');
  });

  it('goes in the order of acceptance over one session', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    await here.house.publish('rejoinder.connections.v1', InboxPausedSchema, inboxId, { inboxId }, 2n);
    await settle(
      'the pause',
      async () => (await here.house.query(`select 1 from sending.outlet where inbox_id = $1 and state = 'paused'`, [inboxId])).length,
    );
    const sends = [];
    for (const subject of ['one', 'two', 'three']) sends.push(await send(inboxId, { subject }));
    expect(here.scripted.begun).toBe(0);
    const logins = here.scripted.logins;
    await here.house.publish('rejoinder.connections.v1', InboxReconnectedSchema, inboxId, { inboxId, credentialVersion: 1n }, 3n);
    for (const { sendId } of sends) await becomes(sendId, 'sent');
    expect(here.scripted.accepted.map((mail) => /^Subject: (.*)\r$/m.exec(mail)?.[1])).toEqual(['one', 'two', 'three']);
    expect(here.scripted.logins - logins).toBe(1);
  });

  it('may be taken back while it waits', async () => {
    const { inboxId } = await inbox();
    await here.house.publish('rejoinder.connections.v1', InboxPausedSchema, inboxId, { inboxId }, 2n);
    await settle(
      'the pause',
      async () => (await here.house.query(`select 1 from sending.outlet where inbox_id = $1 and state = 'paused'`, [inboxId])).length,
    );
    const { sendId } = await send(inboxId);
    expect((await client().cancel({ tenantId: here.house.tenantId, sendId })).send?.state).toBe('cancelled');
    expect((await client().cancel({ tenantId: here.house.tenantId, sendId })).send?.state).toBe('cancelled');
    await settle('SendFailed', async () =>
      (await here.house.published(topic, SendFailedSchema)).find((one) => one.sendId === sendId && one.reason === 'CANCELLED'),
    );
    const other = await inbox();
    const sent = await send(other.inboxId);
    await becomes(sent.sendId, 'sent');
    expect(await codeOf(client().cancel({ tenantId: here.house.tenantId, sendId: sent.sendId }))).toBe('SEND_BEGUN');
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
    await here.house.peers.storeOf('sending').forget({ tenantId: here.house.tenantId, mailIds: [mailId] });
    await here.house.peers.storeOf('sending').forget({ tenantId: here.house.tenantId, mailIds: [mailId] });
    expect(await codeOf(client().readSentMail({ tenantId: here.house.tenantId, mailId }))).toBe('SEND_NOT_FOUND');
    for (const table of ['send', 'send_content', 'raw_mail'])
      expect(await here.house.query(`select 1 from sending.${table} where send_id = $1`, [sendId])).toEqual([]);
    const { stores } = await here.house.peers.storeOf('sending').listOldest({});
    expect(stores.map(({ name }) => name)).toEqual(expect.arrayContaining(['sending.send', 'sending.raw_mail', 'sending.outbox']));
  });
});

describe('a server that does not take it', () => {
  const inDovecot = (sendId: string) => here.dovecot.accepted.filter(({ raw }) => raw.includes(sendId));

  it.each([
    ['a 451 after the final dot', () => here.dovecot.relay.refuseNext(451, '4.3.0 later')],
    ['a 450 for the only recipient', () => here.dovecot.relay.refuseNextRecipient(450, '4.2.1 later')],
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
    ['a 554 after the final dot', () => here.dovecot.relay.refuseNext(554, '5.7.1 never'), 'MAIL_REFUSED'],
    ['a 552', () => here.dovecot.relay.refuseNext(552, '5.3.4 too big'), 'TOO_LARGE'],
    ['a 550 for the only recipient', () => here.dovecot.relay.refuseNextRecipient(550, '5.1.1 nobody'), 'RECIPIENT_REFUSED'],
  ])('%s fails it for good', async (_, refuse, reason) => {
    const { inboxId } = await inbox();
    refuse();
    const { sendId } = await send(inboxId);
    expect(await becomes(sendId, 'failed')).toMatchObject({ reason });
    await settle('SendFailed', async () =>
      (await here.house.published(topic, SendFailedSchema)).find((one) => one.sendId === sendId && one.reason === reason),
    );
    expect(inDovecot(sendId)).toHaveLength(0);
  });

  it('for one of two recipients is sent to the other, and says whom it refused', async () => {
    const { inboxId } = await inbox();
    here.dovecot.relay.refuseNextRecipient(550, '5.1.1 nobody');
    const { sendId } = await send(inboxId, { to: [person('first@outside.test'), person('second@outside.test')] });
    await becomes(sendId, 'sent');
    expect(inDovecot(sendId).map(({ to }) => to)).toEqual([['second@outside.test']]);
    const sent = await settle('MailSent', async () =>
      (await here.house.published(topic, MailSentSchema)).find((one) => one.sendId === sendId),
    );
    expect(sent.refused).toEqual(['first@outside.test']);
  });

  it('is given up after a day, not before', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    for (let i = 0; i < 3; i++) here.scripted.next('refuse_421');
    const { sendId } = await send(inboxId);
    await wait(sendId);
    await advance(61_000);
    const row = `select 1 from sending.send where send_id = $1 and attempts = 2 and state = 'accepted'`;
    await settle('the end of the second attempt', async () => (await here.house.query(row, [sendId])).length === 1);
    expect((await get(sendId)).state).not.toBe('failed');
    await advance(86_400_000);
    expect(await becomes(sendId, 'failed')).toMatchObject({ reason: 'SEND_EXPIRED' });
    expect([here.scripted.begun, here.scripted.accepted]).toEqual([3, []]);
  });
});

describe('an inbox that cannot send', () => {
  it('is told after the second refusal, a minute apart; its sends wait for the new password', async () => {
    const { inboxId } = await inbox({ at: 'scripted', password: 'old' });
    const { sendId } = await send(inboxId);
    const told = async () =>
      (await here.house.published('rejoinder.sending.internal.v1', AuthenticationFailedSchema)).filter((one) => one.inboxId === inboxId);
    await settle(
      'the first refusal',
      async () =>
        (
          await here.house.query(`select 1 from sending.outlet where inbox_id = $1 and refused_at is not null and lease_until is null`, [
            inboxId,
          ])
        ).length,
    );
    expect(await told()).toEqual([]);
    await advance(61_000);
    const [failed] = await settle('AuthenticationFailed', async () => ((await told()).length > 0 ? told() : undefined));
    expect(failed).toMatchObject({ protocol: 'smtp', credentialVersion: 1n, reason: 'AUTH_REJECTED' });
    const logins = here.scripted.logins;
    await here.house.publish(
      'rejoinder.connections.v1',
      InboxDisconnectedSchema,
      inboxId,
      { inboxId, side: 'sending', reason: 'AUTH_REJECTED' },
      2n,
    );
    await advance(3_600_000);
    expect((await get(sendId)).state).toBe('accepted');
    const mended = (side: string, version: bigint) => ({ inboxId, side, credentialVersion: version });
    await here.house.publish('rejoinder.connections.v1', InboxSideMendedSchema, inboxId, mended('receiving', 2n), 3n);
    await advance(3_600_000);
    expect([(await get(sendId)).state, here.scripted.logins]).toEqual(['accepted', logins]);
    Object.assign(here.peers.inboxes.get(inboxId)!, { password: 'secret', version: 3n });
    await here.house.publish('rejoinder.connections.v1', InboxSideMendedSchema, inboxId, mended('sending', 3n), 4n);
    await becomes(sendId, 'sent');
    expect(here.scripted.logins - logins).toBe(1);
    expect(await told()).toHaveLength(1);
  });

  it('is no alarm where only the network is in the way', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    const known = here.peers.inboxes.get(inboxId)!;
    const { port } = known.smtp;
    known.smtp.port = here.dovecot.submissionsPort;
    const { sendId } = await send(inboxId);
    expect((await wait(sendId)).reason).toMatch(/PORT_BLOCKED|TIMEOUT|REFUSED/);
    known.smtp.port = port;
    await advance(6_000);
    await becomes(sendId, 'sent');
    expect(
      (await here.house.published('rejoinder.sending.internal.v1', AuthenticationFailedSchema)).some((one) => one.inboxId === inboxId),
    ).toBe(false);
  });

  it('fails what still waits once it is removed', async () => {
    const { inboxId } = await inbox();
    await here.house.publish('rejoinder.connections.v1', InboxPausedSchema, inboxId, { inboxId }, 2n);
    await settle(
      'the pause',
      async () => (await here.house.query(`select 1 from sending.outlet where inbox_id = $1 and state = 'paused'`, [inboxId])).length,
    );
    const { sendId } = await send(inboxId);
    await here.house.publish('rejoinder.connections.v1', InboxRemovedSchema, inboxId, { inboxId }, 3n);
    expect(await becomes(sendId, 'failed')).toMatchObject({ reason: 'INBOX_REMOVED' });
    await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId }, 9n);
    expect(await codeOf(send(inboxId))).toBe('INBOX_REMOVED');
  });
});
