// A mail that is older than an inbox's history goes back is found when it is asked for by its Message-ID, and only that one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { FindMailSchema } from '@rejoinder/contracts/commands';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { imapDate } from '@rejoinder/testing/scripted-mailbox';
import { settle } from '@rejoinder/testing/settle';
import { Vault } from '@rejoinder/vault/vault';
import { startScriptedTown } from './scripted-town.js';
import { startTown, testDovecot } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

const dayMs = 86_400_000;

test('also where a folder is refused before: the next is looked into, and the log says which was not', async () => {
  await using town = await startScriptedTown(postgres);
  const receivedAt = imapDate(new Date(Date.now() - 60 * dayMs));
  const mail = (id: string) => buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: id });
  town.mailbox.put(await mail('other@outside.test'), { folder: 'Broken', receivedAt });
  town.mailbox.put(await mail('sought@outside.test'), { folder: 'Old', receivedAt });
  await town.start(town.inboxId, { historyDays: 30 });
  await town.live();
  town.server.always('EXAMINE', (connection, tag, text) => (text.includes('Broken') ? connection.say(`${tag} NO not now`) : 'usual'));
  const { tenantId, peers, roles } = town.house;
  const messageIdHash = (await roles[0]!.app.get(Vault).hasher(tenantId)).hash('message-id', 'sought@outside.test');
  const until = timestampFromDate(new Date(Date.now() + 300_000));
  await town.house.publish('rejoinder.sync.commands.v1', FindMailSchema, town.inboxId, { inboxId: town.inboxId, messageIdHash, until });
  expect((await town.news(1)).map((one) => Buffer.from(one.messageIdHash))).toEqual([messageIdHash]);
  const { entries } = await peers.client(SyncService).getConnectionLog({ tenantId, inboxId: town.inboxId });
  expect(entries.filter(({ what }) => what === 'unsearched')).toMatchObject([{ reason: 'UNAVAILABLE', folderRole: 'other' }]);
}, 60_000);

test('from a folder of mails that were never looked at', async () => {
  await using town = await startTown({ dovecot, postgres });
  const { tenantId } = town.house;
  {
    await using client = await town.client();
    for (let at = 0; at < 1_200; at++) {
      const date = new Date(Date.now() - (60 + at / 100) * dayMs);
      const mail = { from: 'bob@outside.test', to: town.address, subject: `old ${at}`, messageId: `old${at}@outside.test`, date };
      await client.append('INBOX', await buildMail(mail), [], date);
    }
  }
  await town.startInbox(undefined, { historyDays: 30 });
  await town.live();
  const hasher = await town.house.roles[0]!.app.get(Vault).hasher(tenantId);
  const hashOf = (id: string) => hasher.hash('message-id', id);
  const find = (id: string) =>
    town.house.publish('rejoinder.sync.commands.v1', FindMailSchema, town.inboxId, {
      inboxId: town.inboxId,
      messageIdHash: hashOf(id),
      until: timestampFromDate(new Date(Date.now() + 300_000)),
    });
  const sql = 'select count(*)::int as kept from sync.mail_header';
  const before = (await town.house.query<{ kept: number }>(sql))[0]!.kept;
  expect(before).toBeLessThan(10);
  await find('old7@outside.test');
  const mail = await settle('it to be observed', async () =>
    (await town.observed()).find(({ messageIdHash }) => Buffer.from(messageIdHash).equals(hashOf('old7@outside.test'))),
  );
  await town.capture(mail.mailId);
  const event = await settle('its text', async () => (await town.house.published('rejoinder.sync.v1', MailCapturedSchema))[0]);
  expect(event.subject).toBe('old 7');
  await find('nowhere@outside.test');
  await settle(
    'all to be looked through',
    async () => (await town.house.query(`select 1 from sync.search where last_reason = 'not_seen'`))[0],
  );
  expect(await town.house.query(sql)).toEqual([{ kept: before + 1 }]);
}, 180_000);
