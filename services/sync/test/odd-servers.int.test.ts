// Servers that are built otherwise than Dovecot: nothing of theirs is lost, nothing is told twice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import type { ImapQuirks } from '@rejoinder/testing/scripted-mailbox';
import { pause, settle } from '@rejoinder/testing/settle';
import { startScriptedTown } from './scripted-town.js';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const mail = (n: number) => buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: `m${n}@outside.test` });

const kinds: [string, ImapQuirks][] = [
  ['leaves out UIDNEXT', { idle: true, noUidNext: true }],
  ['has one MODSEQ for the whole account', { idle: true, modseq: 'account' }],
  ['has MODSEQ but no QRESYNC', { idle: true, modseq: 'folder' }],
  ['has no IDLE', {}],
  ['ends each IDLE after a moment', { idle: 100 }],
  ['ends each IDLE at once', { idle: 1 }],
  ['says each answer to FETCH and each EXISTS twice', { idle: true, twice: true }],
  ['leaves out UIDVALIDITY', { idle: true, noUidValidity: true }],
  ['leaves out both, and has no IDLE', { noUidNext: true, noUidValidity: true }],
  ['names folders by id', { idle: true, objectId: true }],
  ['lists folders that cannot be opened', { idle: true, listFlags: { Archive: ['\\Noselect'], Drafts: ['\\NonExistent'] } }],
];

describe.concurrent('a server', { timeout: 120_000 }, () => {
  test.each(kinds)('that %s is kept in step', async (_, quirks) => {
    await using town = await startScriptedTown(postgres, quirks);
    const { mailbox } = town;
    for (let n = 0; n < 3; n++) mailbox.put(await mail(n));
    await town.start();
    await town.live();
    await settle('what was there', async () => (await town.history()).length === 3);
    mailbox.put(await mail(3));
    await town.news(1);
    mailbox.expunge('INBOX', 2);
    mailbox.put(await mail(4));
    mailbox.put(await mail(5), { folder: 'Sent' });
    const told = await town.news(3);
    expect(new Set(told.map(({ mailId }) => mailId)).size).toBe(3);
    town.server.cut();
    mailbox.put(await mail(6));
    await town.news(4);
    await town.live();
    expect(await town.history()).toHaveLength(3);
    expect(await town.authenticationFailures()).toBe(0);
    // Neither a server without IDLE nor one that ends it is asked without a pause.
    const before = town.server.commands.length;
    await pause(2_000);
    expect(town.server.commands.length - before).toBeLessThan(30);
  });
  test('that cannot be asked for keywords is kept in step', async () => {
    await using town = await startScriptedTown(postgres);
    town.server.always('SEARCH', (connection, tag) => connection.say(`${tag} BAD unknown search key`));
    await town.start();
    await town.live();
    town.mailbox.put(await mail(1));
    await town.news(1);
    expect(town.server.logins()).toBe(1);
  });
});
