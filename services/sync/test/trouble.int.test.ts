// Servers refuse, break and come back; inboxes are stopped and removed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { FileSentCopySchema, FindMailSchema, StopInboxSchema } from '@rejoinder/contracts/commands';
import { AuthenticationFailedSchema, MailCapturedSchema, SentCopyObservedSchema } from '@rejoinder/contracts/events/sync';
import { formatSendMark } from '@rejoinder/mail/send-mark';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { startTcpProxy } from '@rejoinder/testing/tcp-proxy';
import { Vault } from '@rejoinder/vault/vault';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Owner } from '../src/inbox/owner-store.js';
import { startTown, testDovecot, type Town } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

const reason = async (town: Town) =>
  (await town.house.query<{ state: string; reason: string }>('select state, reason from sync.session'))[0];
const failures = (town: Town) => town.house.published('rejoinder.sync.internal.v1', AuthenticationFailedSchema);

describe('the password', { timeout: 120_000 }, () => {
  test('is blamed only after two refusals a minute apart, and a new one mends it and fills the gap', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    await dovecot.setPassword(town.address, 'changed');
    town.wire.cut();
    await settle('the first refusal', async () => (await town.house.query('select 1 from sync.session where refused_at is not null'))[0]);
    expect(await reason(town)).toEqual({ state: 'reconnecting', reason: 'UNAVAILABLE' });
    expect(await failures(town)).toEqual([]);
    town.clock.aheadMs = 61_000;
    await settle('the second', async () => (await reason(town))?.state === 'stopped');
    expect(await settle('the event', async () => (await failures(town))[0])).toMatchObject({
      protocol: 'imap',
      credentialVersion: 1n,
      reason: 'AUTH_REJECTED',
    });
    expect((await reason(town))?.reason).toBe('AUTH_REJECTED');
    await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
    town.credentials.set(town.inboxId, { ...town.credentials.get(town.inboxId)!, password: 'changed', version: 2n });
    await town.startInbox(undefined, { version: 2n });
    await town.live();
    expect(await settle('the mail of the gap', async () => (await town.observed()).length)).toBe(1);
    expect(await failures(town)).toHaveLength(1);
  });
});

describe('the connection', { timeout: 120_000 }, () => {
  test('that breaks in the middle of a FETCH loses and doubles nothing', async () => {
    await using proxy = await startTcpProxy({ port: dovecot.imapsPort });
    await using town = await startTown({ dovecot, postgres, port: proxy.port, env: { REJOINDER_SYNC_HISTORY_BATCH: '50' } });
    const mails = 300;
    {
      await using ada = await town.client();
      for (let at = 0; at < mails; at++)
        await ada.append('INBOX', await buildMail({ from: 'bob@outside.test', to: town.address, messageId: `m${at}@outside.test` }));
    }
    proxy.limitBytes(60_000);
    await town.startInbox();
    await settle('a break', async () => (await town.house.query('select 1 from sync.session where failures > 0'))[0]);
    expect(await reason(town)).toMatchObject({ reason: 'CONNECTION_LOST' });
    proxy.heal();
    await town.live();
    const told = await settle('all', async () => {
      const all = await town.observed('rejoinder.sync.history.v1');
      return all.length >= mails && all;
    });
    expect(told).toHaveLength(mails);
    expect(new Set(told.map(({ mailId }) => mailId)).size).toBe(mails);
    expect(await failures(town)).toEqual([]);
  });
});

describe('the server', { timeout: 120_000 }, () => {
  test('that was down for a while is tried again until it is back, and nothing of the gap is lost', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    await dovecot.down();
    town.wire.cut();
    await settle('some tries', async () => (await town.house.query('select 1 from sync.session where failures > 2'))[0]);
    expect(await reason(town)).toMatchObject({ state: expect.stringMatching(/reconnecting|connecting/) as string });
    await dovecot.up();
    await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
    await town.live();
    expect(await settle('the mail of the gap', async () => (await town.observed()).length)).toBe(1);
    expect(await failures(town)).toEqual([]);
  });
});

describe('an inbox', { timeout: 120_000 }, () => {
  test('that is removed leaves nothing of itself', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    await dovecot.deliver(
      town.address,
      await buildMail({ from: 'bob@outside.test', to: town.address, attachments: [{ filename: 'a.txt', content: Buffer.from('a') }] }),
    );
    const [mail] = await settle('the mail', async () => {
      const all = await town.observed();
      return all.length > 0 && all;
    });
    await town.capture(mail!.mailId);
    await settle('its text', async () => (await town.house.published('rejoinder.sync.v1', MailCapturedSchema)).length);
    await town.house.publish('rejoinder.sync.commands.v1', StopInboxSchema, town.inboxId, { inboxId: town.inboxId, removed: true }, 99n);
    await settle('the row to be gone', async () => (await town.state()) === 'none');
    for (const table of ['folder', 'mail_header', 'location', 'raw_body', 'part', 'capture']) {
      expect((await town.house.query<{ n: string }>(`select count(*) as n from sync.${table}`))[0]!.n, table).toBe('0');
    }
    expect(town.wire.connections()).toBe(0);
  });

  test('that is paused closes its session, and goes on from its cursor', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    await town.house.publish('rejoinder.sync.commands.v1', StopInboxSchema, town.inboxId, { inboxId: town.inboxId }, 50n);
    await settle('no connection', () => town.wire.connections() === 0);
    expect(await town.state()).toBe('stopped');
    await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
    for (let sequence = 2; sequence < 52; sequence++) await town.startInbox();
    await town.live();
    expect(await settle('the mail of the pause', async () => (await town.observed()).length)).toBe(1);
  });
});

/** A mail that was sent, as sending hands it out; answers how to ask for its copy. */
async function sentMail(town: Town) {
  const [sendId, mailId] = [newId(), newId()];
  const vault = new Vault('sending', town.house.house.keyringPool, town.house.house.keyEncryption, town.clock);
  const hasher = await vault.hasher(town.house.tenantId);
  const header = formatSendMark({ sendId, mailId }, () => hasher.hash('send', `${sendId}/${mailId}`).toString('base64url'));
  town.mimes.set(sendId, await buildMail({ from: town.address, to: 'bob@outside.test', headers: { 'X-Rejoinder-Send': header } }));
  const file = () =>
    town.house.publish('rejoinder.sync.commands.v1', FileSentCopySchema, town.inboxId, { inboxId: town.inboxId, sendId, mailId });
  return { sendId, mailId, file };
}

const copyIs = async (town: Town, where: string) => (await town.house.query(`select 1 from sync.sent_copy where ${where}`))[0];

describe('the copy in Sent', { timeout: 120_000 }, () => {
  test('is filed once, also where the process stopped after the APPEND', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const { sendId, mailId, file } = await sentMail(town);
    await file();
    await settle(
      'it to be filed',
      async () => (await town.house.query(`select 1 from sync.sent_copy where state = 'filed' and due_at is null`))[0],
    );
    expect(
      await settle('its observation', async () => (await town.house.published('rejoinder.sync.internal.v1', SentCopyObservedSchema))[0]),
    ).toMatchObject({ sendId, mailId, inSentFolder: true });
    await town.house.query(`delete from sync.location; `);
    await town.house.query(`update sync.sent_copy set state = 'append_started', due_at = now()`);
    await file();
    await settle('it to be found', async () => (await town.house.query(`select 1 from sync.sent_copy where state = 'found'`))[0]);
    await using ada = await town.client();
    expect(await ada.mails('Sent')).toHaveLength(1);
  });

  test('that waits for a session is filed as soon as there is one', async () => {
    await using town = await startTown({ dovecot, postgres });
    const { file } = await sentMail(town);
    await file();
    await settle('it to wait', () => copyIs(town, `last_reason = 'no_session' and lease_until is null`));
    await town.startInbox();
    await settle('it to be filed', () => copyIs(town, `state = 'filed'`), { timeoutMs: 15_000 });
  });

  test('that a pod had in hand when it died is taken over with its partition', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const { file } = await sentMail(town);
    await file();
    await settle('it to be filed', () => copyIs(town, `state = 'filed' and due_at is null`));
    await town.house.query(
      `update sync.sent_copy set state = 'append_started', due_at = ends, lease_until = ends, lease_token = $1 from (select now() + interval '1 hour' as ends) l`,
      [newId()],
    );
    const owner = town.house.roles[0]!.app.get(Owner);
    const all = owner.partitions();
    owner.keepOnly([]);
    await owner.take(all, town.clock.now());
    await settle('it to be found', () => copyIs(town, `state = 'found'`), { timeoutMs: 15_000 });
  });
});

describe('a Message-ID that is searched for', { timeout: 120_000 }, () => {
  test('is told again if it was observed, else the search ends at its time', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address, messageId: 'wanted@outside.test' }));
    const [mail] = await settle('the mail', async () => {
      const all = await town.observed();
      return all.length > 0 && all;
    });
    const find = (messageIdHash: Uint8Array) =>
      town.house.publish('rejoinder.sync.commands.v1', FindMailSchema, town.inboxId, {
        inboxId: town.inboxId,
        messageIdHash,
        until: timestampFromDate(new Date(town.clock.now().getTime() + 300_000)),
      });
    await find(mail!.messageIdHash);
    const all = await settle('it again', async () => {
      const found = await town.observed();
      return found.length === 2 && found;
    });
    expect(all[1]).toEqual(all[0]);
    await find(Buffer.alloc(16, 7));
    await settle('a first look', async () => (await town.house.query(`select 1 from sync.search where last_reason = 'not_seen'`))[0]);
    town.clock.aheadMs = 400_000;
    await settle('the end', async () => (await town.house.query('select 1 from sync.search')).length === 0);
  });
});

describe('an event that cannot be written', { timeout: 120_000 }, () => {
  test('takes with it all that it speaks of: cursor, headers and places, then text and parts', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const count = async (table: string) => Number((await town.house.query<{ n: string }>(`select count(*) n from sync.${table}`))[0]!.n);
    const cursor = async () => (await town.house.query<{ n: string }>(`select uid_next n from sync.folder where path = 'INBOX'`))[0]!.n;
    const before = await cursor();
    await refuse(town, 'MailsObserved');
    const attachments = [{ filename: 'a.bin', content: Buffer.alloc(3_000, 7) }];
    await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address, attachments }));
    await settle('a failed session', async () => (await town.house.query('select 1 from sync.session where failures > 0'))[0]);
    expect([await cursor(), await count('mail_header'), await count('location')]).toEqual([before, 0, 0]);
    await allow(town);
    await town.house.query(`update sync.session set due_at = now(), next_try_at = null`);
    const { mailId } = await settle('the mail', async () => (await town.observed())[0]);
    expect([await count('mail_header'), await count('location')]).toEqual([1, 1]);

    await refuse(town, 'MailCaptured');
    await town.capture(mailId);
    await settle('a failed capture', async () => (await town.house.query('select 1 from sync.capture where attempts > 0'))[0]);
    expect([await count('raw_body'), await count('part')]).toEqual([0, 0]);
    expect(await town.house.query('select state from sync.capture')).toEqual([{ state: 'wanted' }]);
    await allow(town);
    await town.house.query(`update sync.capture set due_at = now(), lease_until = null, lease_token = null`);
    await settle('the capture', async () => (await count('raw_body')) === 1 && (await count('part')) === 1);
    // What is written is on the wire a moment later.
    await settle('its event', async () => (await town.house.published('rejoinder.sync.v1', MailCapturedSchema)).length === 1);
    expect(await town.observed()).toHaveLength(1);
  });
});

/** From now on PostgreSQL takes no such event into the outbox. */
async function refuse({ house }: Town, type: string): Promise<void> {
  await house.query(
    `create or replace function sync.refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$`,
  );
  await house.query(
    `create trigger refuse before insert on sync.outbox for each row when (new.type = '${type}') execute function sync.refuse()`,
  );
}

async function allow({ house }: Town): Promise<void> {
  await house.query('drop trigger refuse on sync.outbox');
}
