// Which folders of a real mailbox are looked at, and how far back: chosen, left, chosen again, widened and narrowed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { startTown, testDovecot, type Town } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

const dayMs = 86_400_000;
const fresh = 'rejoinder.sync.internal.v1';
const history = 'rejoinder.sync.history.v1';

const mailOf = (subject: string, town: Town) => buildMail({ from: 'bob@outside.test', to: town.address, subject, text: subject });
const looksAt = (town: Town, path: string) =>
  town.wire.commands().filter((line) => line.includes(path) && /STATUS|SELECT|EXAMINE/.test(line) && !/RETURN/.test(line)).length;
/** So many mails were told of on this lane, and the session has nothing to do. */
const told = (town: Town, topic: typeof fresh | typeof history, count: number) =>
  settle(`${count} mails`, async () => (await town.observed(topic)).length === count);
const foldersOf = async (town: Town) =>
  (await town.house.peers.client(SyncService).listFolders({ tenantId: town.house.tenantId, inboxId: town.inboxId })).folders;
const isLookedAt = (town: Town, path: string, wanted: boolean) =>
  settle('the folders to be listed', async () => (await foldersOf(town)).find((one) => one.path === path)?.lookedAt === wanted);

describe('folders', { timeout: 120_000 }, () => {
  test('are told without another login, and those left are not looked at; what came meanwhile is history', async () => {
    await using town = await startTown({ dovecot, postgres });
    const client = await town.client();
    await client.createFolder('Work');
    await client.createFolder('Private');
    await client.append('Work', await mailOf('Old', town));
    await town.startInbox(town.inboxId, { folders: ['Work'] });
    await told(town, history, 1);
    await town.live();
    const folders = await foldersOf(town);
    const choice = folders.map(({ path, lookedAt, always }) => [path, lookedAt, always]);
    const expected = [
      ['INBOX', true, true],
      ['Junk', false, false],
      ['Private', false, false],
      ['Sent', true, true],
      ['Work', true, false],
    ];
    expect(choice).toEqual(expect.arrayContaining(expected));
    expect(folders.find(({ path }) => path === 'Work')!.mails).toBe(1n);
    expect(looksAt(town, 'Private')).toBe(0);

    await town.startInbox(town.inboxId, { folders: ['Private'] });
    await isLookedAt(town, 'Private', true);
    await town.live();
    const looked = looksAt(town, 'Work');
    await client.append('Work', await mailOf('Meanwhile', town));
    await client.append('Private', await mailOf('Seen', town));
    await dovecot.deliver(town.address, await mailOf('Also seen', town));
    await told(town, fresh, 2);
    expect(looksAt(town, 'Work')).toBe(looked);
    expect((await foldersOf(town)).filter(({ lookedAt }) => lookedAt).map(({ path }) => path)).toEqual(['INBOX', 'Private', 'Sent']);

    await town.startInbox(town.inboxId, { folders: ['Private', 'Work'] });
    await told(town, history, 2);
    await client.append('Work', await mailOf('New again', town));
    await told(town, fresh, 3);
    // Nothing is told twice, and nothing of it was read.
    expect([await town.observed(fresh), await town.observed(history)].map(({ length }) => length)).toEqual([3, 2]);
    expect(town.wire.bodies()).toEqual([]);
    await client.stop();
  });

  test('of an inbox are nobody else’s to see', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const asked = town.house.peers.client(SyncService).listFolders({ tenantId: newId(), inboxId: town.inboxId });
    await expect(asked).rejects.toMatchObject({ code: 'INBOX_NOT_FOUND' });
  });
});

describe('history', { timeout: 120_000 }, () => {
  test('reaches farther back once that is wanted, and takes only what it had not; less of it takes nothing away', async () => {
    await using town = await startTown({ dovecot, postgres });
    const client = await town.client();
    for (const days of [100, 50, 20, 5])
      await client.append('INBOX', await mailOf(`${days} days old`, town), [], new Date(Date.now() - days * dayMs));
    await town.startInbox(town.inboxId, { historyDays: 10 });
    await told(town, history, 1);
    await town.live();
    const fetched = () => town.wire.commands().filter((line) => /UID FETCH/.test(line)).length;
    await town.startInbox(town.inboxId, { historyDays: 60 });
    await told(town, history, 3);
    await town.live();
    const before = fetched();
    const plans = () => town.wire.commands().filter((line) => line.startsWith('LIST ')).length;
    const planned = plans();
    await town.startInbox(town.inboxId, { historyDays: 7 });
    await settle('the session to be new', async () => plans() > planned);
    await town.live();
    await dovecot.deliver(town.address, await mailOf('New', town));
    await told(town, fresh, 1);
    expect(fetched()).toBe(before + 1);
    await town.startInbox(town.inboxId, { historyDays: 0 });
    await told(town, history, 4);
    await client.stop();
    expect(await town.house.query('select 1 from sync.mail_header')).toHaveLength(5);
    // Each was looked at once.
    expect(await town.house.query(`select seen::int from sync.folder where path = 'INBOX'`)).toEqual([{ seen: 5 }]);
  });
});

test('a new mail names the domains of all who are on it, by hashes', { timeout: 60_000 }, async () => {
  await using town = await startTown({ dovecot, postgres });
  await town.startInbox();
  await town.live();
  const mail = (from: string, cc?: string) => buildMail({ from, to: town.address, cc, subject: 'Hello', text: 'Hello' });
  await dovecot.deliver(town.address, await mail('Bob <bob@Sub.Outside.test>', 'eve@outside.test'));
  await dovecot.deliver(town.address, await mail('ann@outside.test'));
  await told(town, fresh, 2);
  const [first, second] = (await town.observed()).map(({ domainHashes }) => domainHashes.map((hash) => Buffer.from(hash).toString('hex')));
  expect([first!.length, second!.length]).toEqual([3, 2]);
  expect(second!.every((hash) => first!.includes(hash))).toBe(true);
});
