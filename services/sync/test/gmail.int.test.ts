// Gmail, where folders are labels: a mail under several of them is one mail, and one folder has them all.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GapFoundSchema } from '@rejoinder/contracts/events/sync';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { allMail } from '@rejoinder/testing/scripted-mailbox';
import { settle } from '@rejoinder/testing/settle';
import { startScriptedTown } from './scripted-town.js';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const quirks = { idle: true, gmail: true };
const mail = (n: number) => buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: `m${n}@outside.test` });

describe('a mailbox with labels', { timeout: 120_000 }, () => {
  test('is read in the one folder that has all mail, and each mail is told once with the role its labels give', async () => {
    await using town = await startScriptedTown(postgres, quirks, { REJOINDER_SYNC_FOLDER_POLL_SECONDS: '600' });
    const { mailbox } = town;
    mailbox.put(await mail(0), { labels: ['\\Inbox', '\\Important', 'Work'] });
    mailbox.put(await mail(1), { labels: ['\\Draft'] });
    await town.start();
    await town.live();
    await settle('what was there', async () => (await town.history()).length === 1);
    await settle('IDLE', () => town.server.commands.at(-1)?.verb === 'IDLE');
    town.server.commands.length = 0;
    mailbox.put(await mail(2), { labels: ['\\Inbox', 'Work', 'Clients'] });
    mailbox.put(await mail(3), { labels: ['\\Sent'] });
    mailbox.put(await mail(4), { labels: [] });
    mailbox.put(await mail(5), { labels: ['\\Draft'] });
    mailbox.put(await mail(6), { labels: ['\\Inbox', '\\Sent'] });
    const told = await town.news(4);
    expect(told.map(({ folderRole }) => folderRole)).toEqual(['inbox', 'sent', 'archive', 'sent']);
    expect(new Set(told.map(({ mailId }) => mailId)).size).toBe(4);
    // Sent and archived mails came by the same IDLE: no other folder was asked.
    const asked = town.server.commands.filter(({ verb }) => verb === 'STATUS' || verb === 'EXAMINE').map(({ text }) => text);
    expect(asked.filter((text) => !text.includes(allMail))).toEqual([]);
    // An audit misses no draft.
    await settle('an audit', async () => (await town.house.query('select 1 from sync.folder where audited_at is not null'))[0]);
    expect(await town.house.published('rejoinder.sync.internal.v1', GapFoundSchema)).toEqual([]);
    const folders = await town.house.query<{ path: string; role: string }>('select path, role from sync.folder');
    expect(folders).toEqual([{ path: allMail, role: 'all' }]);
  });

  test('takes what gets the label of the log folder as to be logged', async () => {
    await using town = await startScriptedTown(postgres, quirks);
    const raw = await mail(1);
    town.mailbox.addFolder('Log this');
    await town.start(undefined, { logFolder: 'Log this' });
    await town.live();
    town.mailbox.put(raw, { labels: ['\\Inbox'] });
    const [first] = await town.news(1);
    expect(first!.logged).toBe(false);
    town.mailbox.label(allMail, 1, 'Log this');
    const [, second] = await town.news(2);
    expect(second).toMatchObject({ mailId: first!.mailId, logged: true, folderRole: 'inbox' });
  });

  test('whose folder with all mail is hidden is read by its labels, each mail as one', async () => {
    await using town = await startScriptedTown(postgres, { ...quirks, listFlags: { [allMail]: ['\\Noselect'] } });
    await town.start();
    await town.live();
    town.mailbox.put(await mail(1), { labels: ['\\Inbox', 'Work'] });
    town.mailbox.put(await mail(2), { labels: ['\\Sent'] });
    const told = await settle('all', async () => {
      const mails = await town.news(2).catch(() => town.news(3));
      return new Set(mails.map(({ mailId }) => mailId)).size === 2 && mails;
    });
    expect(new Set(told.map(({ folderRole }) => folderRole))).toEqual(new Set(['inbox', 'sent']));
  });
});
