// A folder is kept in step by what has changed: marks and expunged mails, while it is open, while another is, and over a stop; and an audit finds what was missed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { StopInboxSchema } from '@rejoinder/contracts/commands';
import { GapFoundSchema } from '@rejoinder/contracts/events/sync';
import { startRole } from '@rejoinder/runtime/role';
import { hearCounters } from '@rejoinder/testing/counters';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { countUids, parseUidSet } from '../src/imap/uid-ranges.js';
import { logKeyword } from '../src/imap/log-keyword.js';
import { role } from '../src/role.js';
import { startTown, testDovecot, type Town } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
const counted = hearCounters();
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

/** Mails put into the mailbox, each of its own. */
async function put(town: Town, count: number, folder = 'INBOX'): Promise<void> {
  await using ada = await town.client();
  for (let at = 0; at < count; at++) await ada.append(folder, await buildMail({ from: 'bob@outside.test', to: town.address }));
}

/** Where INBOX's mails are not any more. */
const goneUids = async (town: Town) =>
  (
    await town.house.query<{ uid: string }>(
      `select uid from sync.location join sync.folder using (folder_id) where path = 'INBOX' and gone_at is not null order by uid`,
    )
  ).map(({ uid }) => Number(uid));

const audited = (town: Town) =>
  settle('the audits', async () => (await town.house.query('select 1 from sync.folder where audited_at is null')).length === 0);

/** The session of before ends, `meanwhile` happens, and another begins. */
async function overAStop(town: Town, meanwhile: () => Promise<void>, work: () => Promise<void>): Promise<void> {
  await town.house.roles[0]!.stop();
  await meanwhile();
  town.wire.clear();
  const running = await startRole(role, town.house.house, town.house.env);
  try {
    await town.live();
    await work();
  } finally {
    await running.stop();
  }
}

describe('a folder that was in step', { timeout: 120_000 }, () => {
  test('costs one command to open and one for each kind of what is new, however large it is', async () => {
    await using town = await startTown({ dovecot, postgres, env: { REJOINDER_SYNC_FOLDER_POLL_SECONDS: '600' } });
    await put(town, 30);
    await town.startInbox();
    await town.live();
    await audited(town);
    const meanwhile = async () => {
      await using ada = await town.client();
      await ada.delete([3, 4, 9]);
      await ada.flag([11, 12], [logKeyword]);
      await ada.flag([13, 14, 15], ['\\Seen']);
      await put(town, 10);
    };
    await overAStop(town, meanwhile, async () => {
      const told = await settle('new and marked mails', async () => {
        const mails = await town.observed();
        return mails.length >= 12 && mails;
      });
      expect(told.map(({ logged }) => logged).filter(Boolean)).toHaveLength(2);
      expect(told).toHaveLength(12);
      expect(await goneUids(town)).toEqual([3, 4, 9]);
      const start = town.wire.commands().findIndex((line) => line.startsWith('EXAMINE INBOX'));
      const spent = town.wire
        .commands()
        .slice(start)
        .map((line) => line.split(' ').slice(0, 2).join(' '));
      expect(spent.slice(0, 3)).toEqual(['EXAMINE INBOX', 'UID FETCH', 'UID FETCH']);
      // The others stand as they were: nothing is asked of them but that.
      expect(spent.slice(3, spent.indexOf('IDLE')).filter((command) => !/^STATUS|^EXAMINE INBOX/.test(command))).toEqual([]);
    });
  });

  test('tells what is expunged while it is open, without being asked', async () => {
    await using town = await startTown({ dovecot, postgres, env: { REJOINDER_SYNC_FOLDER_POLL_SECONDS: '600' } });
    await put(town, 5);
    await town.startInbox();
    await town.live();
    await audited(town);
    await using ada = await town.client();
    await ada.delete([2, 5]);
    await settle('both to be gone', async () => (await goneUids(town)).join() === '2,5');
  });

  test('tells once of a mail that is marked, in whichever folder it lies', async () => {
    await using town = await startTown({ dovecot, postgres });
    await using ada = await town.client();
    await ada.createFolder('Projects');
    await put(town, 3);
    await put(town, 3, 'Projects');
    await town.startInbox();
    await town.live();
    await audited(town);
    await ada.flag([2], [logKeyword], 'Projects');
    await ada.flag([1], [logKeyword], 'INBOX');
    const logged = async () => (await town.observed()).filter((mail) => mail.logged).length;
    await settle('both to be told', async () => (await logged()) === 2);
    await overAStop(
      town,
      async () => undefined,
      async () => {
        await put(town, 1);
        await settle('the next mail', async () => (await town.observed()).length === 3);
        expect(await logged()).toBe(2);
      },
    );
  });
});

describe('an audit', { timeout: 120_000 }, () => {
  const gaps = (town: Town) => town.house.published('rejoinder.sync.internal.v1', GapFoundSchema);
  /** As if these had never been taken. */
  const lose = (town: Town, uids: number[]) =>
    town.house.query(
      `with lost as (delete from sync.location where uid = any ($1::bigint[]) returning mail_id)
       delete from sync.mail_header where mail_id in (select mail_id from lost)`,
      [uids],
    );
  const auditAgain = (town: Town) => town.house.query('update sync.folder set audited_at = null');

  test('says nothing where nothing is missing', async () => {
    await using town = await startTown({ dovecot, postgres });
    await put(town, 20);
    await town.startInbox();
    await town.live();
    await audited(town);
    expect(await gaps(town)).toEqual([]);
    expect(await town.house.query(`select 1 from sync.connection_log where what = 'gap'`)).toEqual([]);
  });

  test('takes what was missed, as an event and in the log of the connection, and marks what is gone', async () => {
    await using town = await startTown({ dovecot, postgres });
    await put(town, 20);
    await town.startInbox();
    await town.live();
    await audited(town);
    const countedBefore = counted.get('rejoinder.sync.gaps') ?? 0;
    const meanwhile = async () => {
      await lose(town, [4, 5, 17]);
      await auditAgain(town);
    };
    await overAStop(town, meanwhile, async () => {
      await settle('the missed mails', async () => (await town.observed()).length === 3);
      expect(await gaps(town)).toMatchObject([{ inboxId: town.inboxId, folderRole: 'inbox', mails: 3n }]);
      expect(counted.get('rejoinder.sync.gaps')).toBe(countedBefore + 3);
      const { entries } = await town.house.peers
        .client(SyncService)
        .getConnectionLog({ tenantId: town.house.tenantId, inboxId: town.inboxId });
      expect(entries.map(({ what, folderRole, mails }) => [what, folderRole, mails])).toEqual([
        ['gap', 'inbox', 3n],
        ['logged_in', '', 0n],
        ['logged_in', '', 0n],
      ]);
    });
  });

  test('marks what is gone where nothing is missing', async () => {
    await using town = await startTown({ dovecot, postgres });
    await put(town, 10);
    {
      await using ada = await town.client();
      await ada.delete([4, 5]);
    }
    await town.startInbox();
    await town.live();
    await audited(town);
    // As if the server had never told of their end.
    await town.house.query(
      `insert into sync.location (tenant_id, mail_id, inbox_id, folder_id, uid_validity, uid, ingested_at)
        select tenant_id, mail_id, inbox_id, folder_id, uid_validity, uid + 1, ingested_at from sync.location where uid = 3`,
    );
    const { tenantId } = town.house;
    await town.house.peers.client(SyncService).resync({ tenantId, inboxId: town.inboxId });
    await settle('it to be gone', async () => (await goneUids(town)).join() === '4');
    expect(await gaps(town)).toEqual([]);
  });

  test('is made at once where a person wants it, in the session that stands, and by the next one where none does', async () => {
    await using town = await startTown({ dovecot, postgres });
    const sync = town.house.peers.client(SyncService);
    const { tenantId } = town.house;
    const resync = () => sync.resync({ tenantId, inboxId: town.inboxId });
    await put(town, 10);
    await town.startInbox();
    await town.live();
    await audited(town);
    await lose(town, [4, 5]);
    await Promise.all([resync(), resync()]);
    await settle('the missed mails', async () => (await town.observed()).length === 2);
    await audited(town);
    const progress = await sync.getProgress({ tenantId, inboxId: town.inboxId });
    expect(progress.folders.filter(({ auditedAt }) => auditedAt === undefined)).toEqual([]);
    const logins = () => town.house.query(`select 1 from sync.connection_log where what = 'logged_in'`);
    expect(await logins()).toHaveLength(1);

    await town.house.publish('rejoinder.sync.commands.v1', StopInboxSchema, town.inboxId, { inboxId: town.inboxId }, 50n);
    await settle('no connection', () => town.wire.connections() === 0);
    await lose(town, [6]);
    await resync();
    expect([await town.state(), town.wire.connections()]).toEqual(['stopped', 0]);
    for (let sequence = 2; sequence < 52; sequence++) await town.startInbox();
    await settle('the third', async () => (await town.observed()).length === 3);
    expect(await gaps(town)).toMatchObject([{ mails: 2n }, { mails: 1n }]);
    await expect(sync.resync({ tenantId, inboxId: newId() })).rejects.toMatchObject({ code: 'INBOX_NOT_FOUND' });
    await expect(sync.resync({ tenantId: newId(), inboxId: town.inboxId })).rejects.toMatchObject({ code: 'INBOX_NOT_FOUND' });
  });

  test('looks no deeper than what locations of dropped days may have covered', async () => {
    await using town = await startTown({ dovecot, postgres });
    await put(town, 20);
    await town.startInbox();
    await town.live();
    await audited(town);
    await town.house.roles[0]!.stop();
    // What the drop of the first day does: its locations and its marks go together. The audit after it left another.
    await lose(
      town,
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
    await town.house.query('delete from sync.folder_mark where uid_next = 1');
    const meanwhile = async () => {
      await put(town, 2);
      await auditAgain(town);
    };
    await overAStop(town, meanwhile, async () => {
      await audited(town);
      expect(await town.observed()).toHaveLength(2);
      expect(await gaps(town)).toEqual([]);
    });
  });

  test('of a folder whose history has a limit wants no more than that', async () => {
    await using town = await startTown({ dovecot, postgres });
    await put(town, 5);
    {
      // The last of them, too: `n:*` names the last mail of a folder, whatever n is.
      await using ada = await town.client();
      const longAgo = new Date(Date.now() - 90 * 86_400_000);
      for (let at = 0; at < 5; at++)
        await ada.append('INBOX', await buildMail({ from: 'bob@outside.test', to: town.address }), [], longAgo);
    }
    await town.startInbox(undefined, { historyDays: 30 });
    await town.live();
    await audited(town);
    expect(await gaps(town)).toEqual([]);
    expect(await town.observed('rejoinder.sync.history.v1')).toHaveLength(5);
    expect(await town.observed()).toEqual([]);
  });
});

describe('a folder that the server numbers anew', { timeout: 120_000 }, () => {
  test('is listed again in bounded batches, as one entry of the log and one count of a metric, and no mail of it is told again', async () => {
    await using town = await startTown({ dovecot, postgres, env: { REJOINDER_SYNC_HISTORY_BATCH: '10' } });
    await put(town, 25);
    await town.startInbox();
    await town.live();
    await audited(town);
    expect(await town.observed('rejoinder.sync.history.v1')).toHaveLength(25);
    const before = counted.get('rejoinder.sync.uid_validity_changes') ?? 0;
    const folders = await town.house.query<{ path: string; validity: string }>('select path, uid_validity as validity from sync.folder');
    const { validity } = folders.find(({ path }) => path === 'INBOX')!;
    const meanwhile = async () =>
      void (await settle('the loss of the indexes', () => dovecot.deleteIndexes(town.address).then(() => true)));
    await overAStop(town, meanwhile, async () => {
      const places = 'select 1 from sync.location where uid_validity <> $1::bigint and gone_at is null';
      await settle('all of it under its new numbers', async () => (await town.house.query(places, [validity])).length === 25);
      await put(town, 1);
      await settle('the next mail', async () => (await town.observed()).length === 1);
      await audited(town);
      expect(await town.observed('rejoinder.sync.history.v1')).toHaveLength(25);
      expect(await town.house.query(`select distinct mail_id from sync.mail_header`)).toHaveLength(26);
      // Of a store that was restored, each folder has new numbers.
      const entries = await town.house.query<{ folder_role: string }>(
        `select folder_role from sync.connection_log where what = 'uid_validity'`,
      );
      expect(entries.filter((entry) => entry.folder_role === 'inbox')).toHaveLength(1);
      expect(entries).toHaveLength(folders.length);
      expect(counted.get('rejoinder.sync.uid_validity_changes')).toBe(before + folders.length);
      expect(await town.house.query(`select 1 from sync.connection_log where what = 'gap'`)).toEqual([]);
      const sets = town.wire.commands().flatMap((line) => /^UID FETCH (\S+) \(.*HEADER/.exec(line)?.[1] ?? []);
      const sizes = sets.map((set) => countUids(parseUidSet(set)!)).filter((size) => size <= 25);
      expect(Math.max(...sizes)).toBe(10);
    });
  });
});
