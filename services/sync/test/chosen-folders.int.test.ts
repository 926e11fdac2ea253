// A folder that a person chose is renamed or removed at the server: the choice follows it where it can, and else it is said.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { FolderRenamedSchema } from '@rejoinder/contracts/events/sync';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { startScriptedTown } from './scripted-town.js';
import { startTown, testDovecot } from './town.js';

let postgres: Postgres;
let dovecot: Dovecot;
beforeAll(async () => {
  [postgres, dovecot] = await Promise.all([startPostgres(), startDovecot(testDovecot)]);
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), dovecot?.stop()]);
});

const mail = (n: number) => buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: `m${n}@outside.test` });

describe.concurrent('a chosen folder', { timeout: 120_000 }, () => {
  test('that is renamed and has an id is followed, and so is the log folder', async () => {
    await using town = await startScriptedTown(postgres, { idle: true, objectId: true });
    const { mailbox, house, inboxId } = town;
    for (const path of ['Projects', 'CRM', 'Other']) mailbox.addFolder(path);
    await town.start(inboxId, { folders: ['Projects'], logFolder: 'CRM' });
    await town.live();
    const rows = () =>
      house.query<{ id: string; path: string }>(`select folder_id as id, path from sync.folder where role = 'other' order by path`);
    const before = await settle('both folders to be known', async () => ((await rows()).length === 2 ? rows() : undefined));
    mailbox.rename('Projects', 'Clients');
    mailbox.rename('CRM', 'To be logged');
    const renamed = await settle('both to be followed', async () => {
      const told = await house.published('rejoinder.sync.internal.v1', FolderRenamedSchema);
      return told.length === 2 && told;
    });
    expect(renamed.map(({ oldPath, newPath }) => [oldPath, newPath]).sort()).toEqual([
      ['CRM', 'To be logged'],
      ['Projects', 'Clients'],
    ]);
    mailbox.put(await mail(1), { folder: 'Clients' });
    mailbox.put(await mail(2), { folder: 'To be logged' });
    // New, not history; what lies in the log folder is asked for by a person.
    const news = await town.news(2);
    expect(news.map(({ logged }) => logged).sort()).toEqual([false, true]);
    expect(await rows()).toEqual([
      { id: before.find(({ path }) => path === 'Projects')!.id, path: 'Clients' },
      { id: before.find(({ path }) => path === 'CRM')!.id, path: 'To be logged' },
    ]);
    const session = 'select folders, log_folder, missing_folders from sync.session where inbox_id = $1';
    expect(await house.query(session, [inboxId])).toEqual([{ folders: ['Clients'], log_folder: 'To be logged', missing_folders: [] }]);
    // The command that the settings bring then changes nothing.
    await town.start(inboxId, { folders: ['Clients'], logFolder: 'To be logged' });
    mailbox.put(await mail(3), { folder: 'Clients' });
    await town.news(3);
    expect(town.server.logins()).toBe(1);
  });

  test('that is gone, or has another name and no id, is said until it is there', async () => {
    await using town = await startTown({ dovecot, postgres });
    await using ada = await town.client();
    await ada.createFolder('Projects');
    await ada.append('Projects', await mail(1));
    await town.startInbox(town.inboxId, { folders: ['Projects'], logFolder: 'Never made' });
    await town.live();
    const progress = () => town.house.peers.client(SyncService).getProgress({ tenantId: town.house.tenantId, inboxId: town.inboxId });
    expect((await progress()).missingFolders).toEqual(['Never made']);
    await dovecot.doveadm('mailbox', 'rename', '-u', town.address, 'Projects', 'Clients');
    await settle('it to be missed', async () => (await progress()).missingFolders.join() === 'Projects,Never made');
    const entries = async () => {
      const of = { tenantId: town.house.tenantId, inboxId: town.inboxId };
      const { entries: all } = await town.house.peers.client(SyncService).getConnectionLog(of);
      return all.filter(({ what }) => what === 'folder_missing').map(({ reason }) => reason);
    };
    // Once for each that is missed, and not for each look.
    expect(await entries()).toEqual(['FOLDER_MISSING', 'FOLDER_MISSING']);
    await town.startInbox(town.inboxId, { folders: ['Clients'] });
    await settle('nothing to be missed', async () => (await progress()).missingFolders.length === 0);
    await ada.append('Clients', await mail(2));
    await settle('what came into it', async () => (await town.observed()).length === 1);
    expect(await entries()).toHaveLength(2);
  });
});

test('how much there is to read is known from the start, and the share that was read only grows', { timeout: 60_000 }, async () => {
  await using town = await startTown({ dovecot, postgres, env: { REJOINDER_SYNC_HISTORY_BATCH: '5' } });
  await using ada = await town.client();
  await ada.createFolder('Projects');
  const perFolder = 60;
  for (let n = 0; n < perFolder; n++) {
    await ada.append('INBOX', await mail(n));
    await ada.append('Projects', await mail(perFolder + n));
  }
  await town.startInbox();
  const client = town.house.peers.client(SyncService);
  const seen: { seen: number; total: number }[] = [];
  await settle('the end of it', async () => {
    const told = await client.getProgress({ tenantId: town.house.tenantId, inboxId: town.inboxId }).catch(() => undefined);
    if (told && told.folders.length > 0) seen.push({ seen: Number(told.seen), total: Number(told.total) });
    return told?.state === 'live';
  });
  expect(seen.at(-1)).toEqual({ seen: 2 * perFolder, total: 2 * perFolder });
  const reading = seen.filter(({ seen: read }) => read > 0);
  expect(reading.map(({ total }) => total)).toEqual(reading.map(() => 2 * perFolder));
  expect(reading.map(({ seen: read }) => read)).toEqual(reading.map(({ seen: read }) => read).toSorted((a, b) => a - b));
});
