// A mailbox moves to another server, and its inbox with it: nothing is lost, nothing is told twice, whatever the numbers there are.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { startScriptedTown } from './scripted-town.js';
import { startTown, testDovecot } from './town.js';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const date = new Date('2026-11-24T09:41:07Z');
/** The same mail each time. */
const mail = (n: number) => buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: `m${n}@outside.test`, date });
const ids = (mails: { mailId: string }[]) => new Set(mails.map(({ mailId }) => mailId)).size;

describe('an inbox whose server has moved', { timeout: 60_000 }, () => {
  test('to one that numbers its mails by chance alike misses none of them', async () => {
    await using town = await startScriptedTown(postgres, { idle: true });
    for (let n = 0; n < 5; n++) town.mailbox.put(await mail(n));
    await town.start();
    await town.live();
    await settle('what was there', async () => (await town.history()).length === 5);
    const places = () =>
      town.house.query<{ folder: string; uid: number; mail: string; count: number }>(
        `select f.folder_id as folder, l.uid::int, l.mail_id as mail from sync.location l join sync.folder f using (folder_id, uid_validity)
         where f.path = 'INBOX' and l.gone_at is null order by l.uid`,
      );
    const before = await places();
    // At the new server the same folder has the same UIDVALIDITY: other mails first, then those that were moved, in another order.
    const moved = town.server.mailbox('moved@scripted.test');
    expect(moved.folder('INBOX').uidValidity).toBe(town.mailbox.folder('INBOX').uidValidity);
    for (const n of [7, 4, 3, 2]) moved.put(await mail(n));
    Object.assign(town.credentials.get(town.inboxId)!, { address: 'moved@scripted.test', host: '127.0.0.1', version: 2n });
    await town.start(town.inboxId, { version: 2n });
    await settle('what only the new server has', async () => (await town.history()).length === 6);
    await settle('all places', async () => (await places()).length === 4);
    await town.live();
    const after = await places();
    expect(new Set(after.map(({ folder }) => folder))).toEqual(new Set(before.map(({ folder }) => folder)));
    const known = before.map(({ mail: id }) => id);
    expect(after.map(({ mail: id }) => known.indexOf(id))).toEqual([-1, 4, 3, 2]);
    moved.put(await mail(8));
    await town.news(1);
    expect(ids(await town.history())).toBe(6);
  });

  test('and only has another name there is not listed again', async () => {
    await using dovecot: Dovecot = await startDovecot(testDovecot);
    await using town = await startTown({ dovecot, postgres });
    await using ada = await town.client();
    for (let n = 0; n < 3; n++) await ada.append('INBOX', await mail(n));
    await town.startInbox();
    await town.live();
    await settle('what was there', async () => (await town.observed('rejoinder.sync.history.v1')).length === 3);
    const folders = () => town.house.query('select folder_id, path, uid_validity, uid_next, seen from sync.folder order by path');
    const before = await folders();
    Object.assign(town.credentials.get(town.inboxId)!, { host: '127.0.0.1', version: 2n });
    await town.startInbox(town.inboxId, { version: 2n });
    await settle(
      'the second login',
      async () => (await town.house.query(`select 1 from sync.connection_log where what = 'logged_in'`)).length === 2,
    );
    await town.live();
    expect(await folders()).toEqual(before);
    await ada.append('INBOX', await mail(3));
    await settle('what came since', async () => (await town.observed()).length === 1);
    expect(await town.house.query(`select 1 from sync.connection_log where what = 'uid_validity'`)).toEqual([]);
  });

  test('to one with numbers of its own is listed again there, and only what is new is told', async () => {
    await using there: Dovecot = await startDovecot(testDovecot);
    await using dovecot: Dovecot = await startDovecot({ ...testDovecot, ca: there.ca });
    await using town = await startTown({
      dovecot,
      postgres,
      env: { REJOINDER_MAIL_ALLOWED_PORTS: `${dovecot.imapsPort},${there.imapsPort}` },
      port: dovecot.imapsPort,
    });
    await using ada = await town.client();
    for (let n = 0; n < 3; n++) await ada.append('INBOX', await mail(n));
    await town.startInbox();
    await town.live();
    await settle('what was there', async () => (await town.observed('rejoinder.sync.history.v1')).length === 3);
    // Dovecot's UIDVALIDITY is the second in which a folder was made.
    const made = Math.floor(Date.now() / 1_000);
    await settle('another second', () => Math.floor(Date.now() / 1_000) > made + 1);
    await there.addUser(town.address);
    for (const n of [9, 0, 1, 2]) await there.deliver(town.address, await mail(n));
    Object.assign(town.credentials.get(town.inboxId)!, { host: '127.0.0.1', port: there.imapsPort, version: 2n });
    await town.startInbox(town.inboxId, { version: 2n });
    const all = await settle('what only the new server has', async () => {
      const told = await town.observed('rejoinder.sync.history.v1');
      return told.length >= 4 && told;
    });
    await town.live();
    expect([all.length, ids(all), (await town.observed()).length]).toEqual([4, 4, 0]);
    await there.deliver(town.address, await mail(10));
    await settle('what came since', async () => (await town.observed()).length === 1);
  });
});
