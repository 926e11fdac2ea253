// Servers that break off, fall silent, send nonsense or far too much: the session ends, memory does not grow, and nothing is lost or told twice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { silence, type Answer } from '@rejoinder/testing/scripted-imap';
import { settle } from '@rejoinder/testing/settle';
import { startTcpProxy } from '@rejoinder/testing/tcp-proxy';
import { startScriptedTown, type ScriptedTown } from './scripted-town.js';
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

/** All of these as history, each once. */
async function allTold(town: ScriptedTown, count: number): Promise<void> {
  const mails = await settle('all mails', async () => {
    const told = await town.history();
    return told.length >= count && told;
  });
  expect(mails).toHaveLength(count);
  expect(new Set(mails.map(({ mailId }) => mailId)).size).toBe(count);
}

const megabyte = Buffer.alloc(1_000_000, 'x');
const pieces = 100;
const longLine: Answer = (connection) => {
  connection.write('* 1 FETCH (FLAGS (');
  for (let piece = 0; piece < pieces; piece++) connection.write(megabyte);
};
const hugeLiteral: Answer = (connection) => connection.write('* 1 FETCH (UID 1 BODY[HEADER] {5000000000}\r\nSubject: ');
const half: Answer = (connection) => {
  connection.write('* 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-Nov-2026 00:00:00 +0000" RFC822.SIZE 9 BODY[HEADER] {900}\r\nSubject: half');
  connection.end();
};

const breaks: [string, Answer, string][] = [
  ['a line without an end', longLine, 'SERVER_BROKEN'],
  ['a literal of 5 GB', hugeLiteral, 'SERVER_BROKEN'],
  ['an end in the midst of a literal', half, 'CONNECTION_LOST'],
  ['silence', silence, 'TIMEOUT'],
];

describe.concurrent('an answer to FETCH', { timeout: 150_000 }, () => {
  test.each(breaks)('that is %s ends the session and no more', async (_, answer, reason) => {
    await using town = await startScriptedTown(postgres);
    for (let n = 0; n < 5; n++) town.mailbox.put(await mail(n));
    town.server.next('FETCH', answer);
    await town.start();
    const session = await settle('the end of the session', async () => ((now) => now.reason !== '' && now)(await town.session()), {
      timeoutMs: 90_000,
    });
    expect(session).toMatchObject({ state: 'reconnecting', reason, failures: 1 });
    await town.live();
    await allTold(town, 5);
    expect(await town.authenticationFailures()).toBe(0);
  });

  test('with other news in its midst loses nothing', async () => {
    await using town = await startScriptedTown(postgres);
    const { mailbox, server } = town;
    for (let n = 0; n < 6; n++) mailbox.put(await mail(n));
    let isOver = false;
    const late = await mail(6);
    server.amidFetch = (answered) => {
      if (answered !== 3 || isOver) return [];
      isOver = true;
      // The first has gone, another has come, a flag was set, and something is said that nobody knows.
      mailbox.expunge('INBOX', 1);
      mailbox.put(late);
      return ['3 FETCH (FLAGS (\\Seen))', '2 FETCH (UID 3 FLAGS ($RejoinderLog))', 'OK [X-NEWS] of the day', 'XNONSENSE ("(("'];
    };
    await town.start();
    await town.live();
    await allTold(town, 6);
    await town.news(1);
    expect([server.logins(), await town.authenticationFailures()]).toEqual([1, 0]);
  });
});

describe.concurrent('a connection that is half open', { timeout: 150_000 }, () => {
  test('in IDLE is found within a minute, and what came meanwhile is told', async () => {
    await using proxy = await startTcpProxy({ port: dovecot.imapsPort });
    // No look at another folder finds it: only the renewal of IDLE does.
    await using town = await startTown({ dovecot, postgres, port: proxy.port, env: { REJOINDER_SYNC_FOLDER_POLL_SECONDS: '600' } });
    await town.startInbox();
    await town.live();
    proxy.pause();
    const began = performance.now();
    await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
    const ends = () => town.house.query<{ state: string; reason: string }>('select state, reason from sync.session where failures > 0');
    const [session] = await settle('the end of the session', async () => (await ends()).length > 0 && ends(), { timeoutMs: 90_000 });
    expect(session).toMatchObject({ state: 'reconnecting', reason: 'TIMEOUT' });
    expect(performance.now() - began).toBeLessThan(65_000);
    proxy.cut();
    proxy.heal();
    await town.live();
    await settle('the mail', async () => (await town.observed()).length === 1);
  });
});
