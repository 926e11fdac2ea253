// A send whose connection breaks or whose worker dies: what is told of its fate is so, and it is sent once.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FileSentCopySchema } from '@rejoinder/contracts/commands';
import { InboxPausedSchema, InboxReconnectedSchema } from '@rejoinder/contracts/events/connections';
import { MailSentSchema, SendUnconfirmedSchema } from '@rejoinder/contracts/events/sending';
import { SentCopyObservedSchema } from '@rejoinder/contracts/events/sync';
import { settle } from '@rejoinder/testing/settle';
import { DeliveryStore } from '../src/delivery/delivery-store.js';
import { SendStore } from '../src/send-store.js';
import type { Ending } from '../src/settlement-store.js';
import {
  topic,
  clock,
  here,
  openHouse,
  closeHouse,
  forgetBehaviours,
  client,
  codeOf,
  get,
  becomes,
  sequencesOf,
  wait,
  inbox,
  send,
  advance,
} from './sending-house.js';

beforeAll(openHouse);
afterAll(closeHouse);
beforeEach(forgetBehaviours);
afterEach(() => expect(here.scripted.logins).toBeLessThan(100));

async function paused(inboxId: string): Promise<void> {
  await here.house.publish('rejoinder.connections.v1', InboxPausedSchema, inboxId, { inboxId }, 2n);
  const sql = `select 1 from sending.outlet where inbox_id = $1 and state = 'paused'`;
  await settle('the pause', async () => (await here.house.query(sql, [inboxId])).length);
}

describe('a connection that breaks', () => {
  it('before DATA is tried again', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    here.scripted.next('drop_before_data');
    const { sendId } = await send(inboxId);
    expect(await wait(sendId)).toMatchObject({ state: 'accepted', reason: 'CONNECTION_LOST' });
    await advance(61_000);
    await becomes(sendId, 'sent');
    expect(here.scripted.accepted).toHaveLength(1);
  });

  it.each(['drop_in_data', 'drop_after_data', 'silence'] as const)(
    'by %s leaves it unconfirmed, and it is never sent again by itself',
    async (behaviour) => {
      const { inboxId } = await inbox({ at: 'scripted' });
      here.scripted.next(behaviour);
      const { sendId } = await send(inboxId, { text: 'x'.repeat(200_000) });
      expect(await becomes(sendId, 'unconfirmed')).toMatchObject({ reason: 'SEND_UNKNOWN' });
      await settle('SendUnconfirmed', async () =>
        (await here.house.published(topic, SendUnconfirmedSchema)).find((one) => one.sendId === sendId),
      );
      await advance(90_000_000);
      const other = await send(inboxId);
      await becomes(other.sendId, 'sent');
      expect((await get(sendId)).state).toBe('unconfirmed');
      expect(here.scripted.begun).toBe(2);
    },
  );

  it('at Dovecot after it took the mail: its copy in Sent settles it, with a rising revision and no second copy', async () => {
    const { inboxId } = await inbox();
    here.dovecot.relay.dropAfterData();
    const { sendId, mailId } = await send(inboxId);
    await becomes(sendId, 'unconfirmed');
    const copy = { inboxId, sendId, mailId, inSentFolder: true };
    for (let i = 0; i < 2; i++) await here.house.publish('rejoinder.sync.internal.v1', SentCopyObservedSchema, inboxId, copy);
    await becomes(sendId, 'sent');
    await settle('MailSent', async () => (await here.house.published(topic, MailSentSchema)).find((one) => one.sendId === sendId));
    const sequences = (await sequencesOf(sendId)).map(({ sequence }) => Number(sequence));
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(sequences).toHaveLength(3);
    expect((await here.house.published('rejoinder.sync.commands.v1', FileSentCopySchema)).some((one) => one.sendId === sendId)).toBe(false);
    expect(here.dovecot.accepted.filter(({ raw }) => raw.includes(sendId))).toHaveLength(1);
  });

  it('is settled by a person: sent, or to be sent again with the same Message-ID', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    const unknown = async () => {
      here.scripted.next('drop_after_data');
      const { sendId } = await send(inboxId);
      return becomes(sendId, 'unconfirmed');
    };
    const first = await unknown();
    expect((await client().resolve({ tenantId: here.house.tenantId, sendId: first.sendId, outcome: 'sent' })).send?.state).toBe('sent');
    expect((await client().resolve({ tenantId: here.house.tenantId, sendId: first.sendId, outcome: 'sent' })).send?.state).toBe('sent');
    expect(await codeOf(client().resolve({ tenantId: here.house.tenantId, sendId: first.sendId, outcome: 'send_again' }))).toBe(
      'SEND_SETTLED',
    );
    const second = await unknown();
    await client().resolve({ tenantId: here.house.tenantId, sendId: second.sendId, outcome: 'send_again' });
    await becomes(second.sendId, 'sent');
    expect(here.scripted.accepted.filter((mail) => mail.includes(second.messageId))).toHaveLength(2);
  });

  it('a file that breaks off while it is sent leaves nothing behind, and the mail is tried again', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    const file = here.peers.addFile({ bytes: Buffer.alloc(500_000, 'x'), breakAfter: 300_000 });
    const { sendId } = await send(inboxId, { attachmentIds: [file.attachmentId] });
    expect(await wait(sendId)).toMatchObject({ state: 'accepted', reason: 'ATTACHMENT_WAITS' });
    await advance(5_000);
    await becomes(sendId, 'sent');
    expect(here.scripted.accepted).toHaveLength(1);
  });
});

describe('a worker that dies or is held up', () => {
  const loseLease = async (inboxId: string) => {
    await here.house.query(`update sending.outlet set lease_until = now() - interval '1 second', due_at = $2 where inbox_id = $1`, [
      inboxId,
      new Date(clock.now().getTime() - 1_000),
    ]);
    here.house.house.wake.wake('sending', ['outlet']);
  };

  it('after DATA began: whoever comes next calls it unconfirmed; a late confirmation makes it sent, once', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    here.scripted.next('hold');
    const { sendId } = await send(inboxId);
    await settle('DATA', async () => here.scripted.accepted.length === 1);
    await loseLease(inboxId);
    await becomes(sendId, 'unconfirmed');
    here.scripted.release();
    await becomes(sendId, 'sent');
    expect(here.scripted.begun).toBe(1);
  });

  it('before DATA: whoever comes next sends it, and the one held up says not a byte of it any more', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    const held = here.scripted.held;
    here.scripted.next('hold_before_data');
    const { sendId } = await send(inboxId);
    await settle('the recipient', async () => here.scripted.held > held);
    await loseLease(inboxId);
    await becomes(sendId, 'sent');
    here.scripted.release();
    await settle('the second DATA', async () => here.scripted.begun === 2);
    const next = await send(inboxId);
    await becomes(next.sendId, 'sent');
    expect(here.scripted.accepted.filter((mail) => mail.includes(sendId))).toHaveLength(1);
  });

  it('learns too late what is over: nothing that is sent becomes anything else', async () => {
    const { inboxId } = await inbox();
    const { sendId } = await send(inboxId);
    await becomes(sendId, 'sent');
    const store = here.house.roles[0]!.app.get(DeliveryStore, { strict: false });
    const row = await here.house.roles[0]!.app.get(SendStore, { strict: false }).get(here.house.tenantId, sendId);
    for (const ending of [{ state: 'unconfirmed' }, { state: 'failed', reason: 'SEND_EXPIRED' }, { state: 'sent', refused: [] }] as const) {
      expect(await store.end(row, { ...ending } as Ending, undefined)).toBe(false);
    }
    expect((await get(sendId)).state).toBe('sent');
  });

  it('before DATA: whoever comes next sends it after a kill', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    await paused(inboxId);
    const { sendId } = await send(inboxId);
    // As a process leaves it that was killed between taking the send and its first byte.
    await here.house.query(`update sending.send set state = 'sending', attempts = 1, revision = 2 where send_id = $1`, [sendId]);
    await here.house.publish('rejoinder.connections.v1', InboxReconnectedSchema, inboxId, { inboxId, credentialVersion: 1n }, 3n);
    await becomes(sendId, 'sent');
    expect(here.scripted.accepted).toHaveLength(1);
  });

  it('between 250 and its row: it is unconfirmed, not sent again, and the copy in Sent settles it', async () => {
    const { inboxId } = await inbox({ at: 'scripted' });
    await paused(inboxId);
    const { sendId, mailId } = await send(inboxId);
    await here.house.query(
      `update sending.send set state = 'sending', attempts = 1, revision = 2, data_started_at = now() where send_id = $1`,
      [sendId],
    );
    await here.house.publish('rejoinder.connections.v1', InboxReconnectedSchema, inboxId, { inboxId, credentialVersion: 1n }, 3n);
    await becomes(sendId, 'unconfirmed');
    await here.house.publish('rejoinder.sync.internal.v1', SentCopyObservedSchema, inboxId, {
      inboxId,
      sendId,
      mailId,
      inSentFolder: false,
    });
    await becomes(sendId, 'sent');
    expect(here.scripted.begun).toBe(0);
  });
});
