// Folders are renamed, moved and deleted, and single mails refused, while a session is at work: it goes on, and tells nothing twice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import type { ScriptedImap } from '@rejoinder/testing/scripted-imap';
import { countUids, parseUidSet } from '../src/imap/uid-ranges.js';
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
const many = 120;

describe.concurrent('a folder that is renamed', { timeout: 120_000 }, () => {
  test('in the midst of its first look is listed under its new name, and no mail of it is new', async () => {
    await using town = await startTown({ dovecot, postgres, env: { REJOINDER_SYNC_HISTORY_BATCH: '10' } });
    await using ada = await town.client();
    await ada.createFolder('Projects');
    for (let n = 0; n < many; n++) await ada.append('Projects', await mail(n));
    await town.startInbox();
    await settle('the first batches', async () => (await town.observed('rejoinder.sync.history.v1')).length >= 20);
    await dovecot.doveadm('mailbox', 'rename', '-u', town.address, 'Projects', 'Clients/Old');
    await ada.append('Clients/Old', await mail(many));
    const places = `select count(distinct l.uid)::int as n from sync.location l join sync.folder f using (folder_id) where f.path = 'Clients/Old'`;
    await settle('all of it under its new name', async () => (await town.house.query<{ n: number }>(places))[0]!.n === many + 1, {
      timeoutMs: 60_000,
    });
    const all = await settle('all to be told', async () => {
      const told = [...(await town.observed('rejoinder.sync.history.v1')), ...(await town.observed())];
      return told.length > many && told;
    });
    expect(new Set(all.map(({ mailId }) => mailId)).size).toBe(many + 1);
    expect(all).toHaveLength(many + 1);
    await settle(
      'the old name to be gone',
      async () => (await town.house.query(`select 1 from sync.folder where path = 'Projects'`)).length === 0,
    );
    // Dovecot may end a session whose open folder has another name now.
    const ends = await town.house.query<{ reason: string }>(`select reason from sync.connection_log where what = 'ended'`);
    expect([[], ['CONNECTION_LOST']]).toContainEqual(ends.map(({ reason }) => reason));
  });

  test('a folder that may not be opened is no reason to know nothing of the others', async () => {
    await using town = await startScriptedTown(postgres, { idle: true, objectId: true });
    const { mailbox, server } = town;
    for (const path of ['Projects', 'Shared']) mailbox.addFolder(path);
    for (const verb of ['EXAMINE', 'STATUS'])
      server.always(verb, (connection, tag, line) => (line.includes('Shared') ? connection.say(`${tag} NO not for you`) : 'usual'));
    await town.start();
    await town.live();
    mailbox.folders.delete('Projects');
    mailbox.put(await mail(1));
    await town.news(1);
    const folders = () => town.house.query<{ path: string }>(`select path from sync.folder where path = 'Projects'`);
    await settle('the folder to be forgotten', async () => (await folders()).length === 0);
    expect(await town.session()).toMatchObject({ state: 'live', failures: 0 });
  });

  test('in the midst of its first look and has an id goes on from there', async () => {
    await using town = await startScriptedTown(postgres, { idle: true, objectId: true }, { REJOINDER_SYNC_HISTORY_BATCH: '10' });
    const { mailbox, server } = town;
    mailbox.addFolder('Projects');
    for (let n = 0; n < many; n++) mailbox.put(await mail(n), { folder: 'Projects' });
    let fetches = 0;
    server.always('FETCH', (connection) => {
      if (++fetches !== 5) return 'usual';
      mailbox.rename('Projects', 'Clients');
      return connection.end();
    });
    await town.start();
    await settle('all of it', async () => (await town.history()).length >= many, { timeoutMs: 60_000 });
    expect(await town.history()).toHaveLength(many);
    await town.live();
    const sets = server.commands.flatMap(({ text }) => /^UID FETCH (\S+) \(.*HEADER/.exec(text)?.[1] ?? []);
    // Each mail once, but the batch over which the connection broke and that which was being saved.
    expect(sets.reduce((sum, set) => sum + countUids(parseUidSet(set)!), 0)).toBeLessThanOrEqual(many + 20);
    expect(await town.news(0)).toEqual([]);
  });

  test('and has an id goes on where it was', async () => {
    await using town = await startScriptedTown(postgres, { idle: true, objectId: true });
    const { mailbox } = town;
    mailbox.addFolder('Projects');
    for (let n = 0; n < 5; n++) mailbox.put(await mail(n), { folder: 'Projects' });
    await town.start();
    await town.live();
    await settle('what was there', async () => (await town.history()).length === 5);
    const folders = () => town.house.query<{ id: string; path: string }>('select folder_id as id, path from sync.folder order by path');
    const before = (await folders()).find(({ path }) => path === 'Projects')!.id;
    mailbox.rename('Projects', 'Clients');
    mailbox.put(await mail(5), { folder: 'Clients' });
    // New, not history: it has come since.
    await town.news(1);
    const after = await folders();
    expect(after.find(({ path }) => path === 'Clients')!.id).toBe(before);
    expect(after.some(({ path }) => path === 'Projects')).toBe(false);
    expect(await town.history()).toHaveLength(5);
    expect(town.server.logins()).toBe(1);
  });
});

/** Refuses header fields of the mail with this UID, and of all that are asked for with it. */
const refuse = (server: ScriptedImap, uid: number) =>
  server.always('FETCH', (connection, tag, text) => {
    const [, set = ''] = /FETCH (\S+) \(.*HEADER/.exec(text) ?? [];
    const isIn = set.split(',').some((part) => ((ends) => uid >= ends[0]! && uid <= ends.at(-1)!)(part.split(':').map(Number)));
    if (!isIn) return 'usual';
    return connection.say(`${tag} NO FETCH failed: a message could not be converted to RFC-822`);
  });

describe.concurrent('a mail that the server refuses', { timeout: 120_000 }, () => {
  test('hides no other, in INBOX', async () => {
    await using town = await startScriptedTown(postgres);
    for (let n = 0; n < 20; n++) town.mailbox.put(await mail(n));
    refuse(town.server, 7);
    await town.start();
    await settle(
      'the session to have failed a few times',
      async () => (await town.session()).failures >= 5 || ((town.clock.aheadMs += 40_000), false),
    );
    await town.live();
    await settle('the others', async () => (await town.history()).length === 19);
    town.mailbox.put(await mail(20));
    await town.news(1);
  });

  test('in another folder does not end the session', async () => {
    await using town = await startScriptedTown(postgres);
    for (let n = 0; n < 20; n++) town.mailbox.put(await mail(n), { folder: 'Sent' });
    refuse(town.server, 7);
    await town.start();
    await town.live();
    const lists = () => town.server.commands.filter(({ verb }) => verb === 'LIST').length;
    await settle('a second list', () => lists() >= 2);
    expect(town.server.logins()).toBe(1);
  });
});
