// A mail over which the connection breaks each time: it is found and passed over, all others are taken, and it is asked for again by audits.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { CaptureMailSchema } from '@rejoinder/contracts/commands';
import { CaptureFailedSchema, MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import type { Answer } from '@rejoinder/testing/scripted-imap';
import { settle } from '@rejoinder/testing/settle';
import { parseUidSet } from '../src/imap/uid-ranges.js';
import { serveAttachments } from './fakes.js';
import { startScriptedTown, type ScriptedTown } from './scripted-town.js';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const dayMs = 86_400_000;
const mail = (n: number) => buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: `m${n}@outside.test` });

/** Breaks off in the midst of the answer to a FETCH of INBOX that names this UID and matches. */
const breaksOver =
  (uid: number, what = /./): Answer =>
  (connection, _tag, text) => {
    const [, set = '', items = ''] = /^UID FETCH (\S+) ([^]*)$/.exec(text) ?? [];
    if (!what.test(items) || !parseUidSet(set)?.some(([from, to]) => from <= uid && uid <= to)) return 'usual';
    connection.write(`* 1 FETCH (UID ${uid} FLAGS () BODY[HEADER] {900}\r\nSubject: half`);
    return connection.end();
  };

/** What is logged of the inbox, as [what, mails]; logins and ends of sessions left out. */
async function entries({ house, inboxId }: ScriptedTown): Promise<[string, number][]> {
  const { entries: all } = await house.peers.client(SyncService).getConnectionLog({ tenantId: house.tenantId, inboxId });
  return all.filter(({ what }) => what !== 'logged_in' && what !== 'ended').map(({ what, mails }) => [what, Number(mails)]);
}

const unread = async ({ house }: ScriptedTown) =>
  (await house.query<{ uid: string }>('select uid from sync.unread_mail order by uid')).map(({ uid }) => Number(uid));

describe.concurrent('the connection breaks each time', { timeout: 150_000 }, () => {
  test('over header fields: all other mails are there, new ones come, and it is read once it can be', async () => {
    await using town = await startScriptedTown(postgres);
    for (let n = 1; n <= 20; n++) town.mailbox.put(await mail(n));
    town.server.always('FETCH', breaksOver(7));
    await town.start();
    await settle('all others', async () => (await town.history()).length === 19, { timeoutMs: 90_000 });
    await town.live();
    expect([await unread(town), await entries(town)]).toEqual([[7], [['unread', 1]]]);
    town.mailbox.put(await mail(21));
    await town.news(1);
    const logins = town.server.logins();
    expect(logins).toBeLessThan(16);
    // A day later it is asked for once, which is no gap and no trouble of the password; so it is when it can be read.
    town.clock.aheadMs += dayMs + 60_000;
    await settle('the audit', () => town.server.logins() > logins);
    await town.live();
    expect([await unread(town), await entries(town)]).toEqual([[7], [['unread', 1]]]);
    town.server.always('FETCH');
    town.clock.aheadMs += dayMs + 60_000;
    await settle('the mail', async () => (await town.history()).length === 20 && (await unread(town)).length === 0);
    await town.news(1);
    expect([await entries(town), await town.authenticationFailures()]).toEqual([[['unread', 1]], 0]);
  });

  test('over its text: it cannot be read, and another can', async () => {
    await using town = await startScriptedTown(postgres);
    for (let n = 1; n <= 2; n++) town.mailbox.put(await mail(n));
    await town.start();
    const mails = await settle('both', async () => ((told) => told.length === 2 && told)(await town.history()));
    await town.live();
    town.server.always('FETCH', breaksOver(2, /BODYSTRUCTURE/));
    for (const { mailId } of mails) {
      const command = { inboxId: town.inboxId, mailId, onlyIfQuoting: false, revision: 1n, threadId: newId() };
      await town.house.publish('rejoinder.sync.commands.v1', CaptureMailSchema, town.inboxId, command, 1n);
    }
    const published = async () => [
      (await town.house.published('rejoinder.sync.v1', CaptureFailedSchema)).map(({ reason }) => reason),
      (await town.house.published('rejoinder.sync.v1', MailCapturedSchema)).length,
    ];
    await settle('both to be settled', async () => (await published()).flat().length === 2, { timeoutMs: 90_000 });
    expect(await published()).toEqual([['unreadable'], 1]);
    await town.live();
    // It holds up nothing any more.
    const logins = town.server.logins();
    expect(logins).toBeLessThan(6);
    town.mailbox.put(await mail(3));
    await town.news(1);
    expect(town.server.logins()).toBe(logins);
  });

  test('over an attachment: it is given up, and the text is there', async () => {
    await using town = await startScriptedTown(postgres);
    const attachments = await serveAttachments(town.house.house.peerAddress('attachment'));
    const raw = await mail(1);
    town.mailbox.put(raw);
    await town.start();
    const [observed] = await settle('the mail', async () => ((told) => told.length === 1 && told)(await town.history()));
    await town.live();
    const text = '("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" 5 1)';
    const file = '("APPLICATION" "PDF" ("NAME" "a.pdf") NIL NIL "BASE64" 400 NIL ("ATTACHMENT" ("FILENAME" "a.pdf")) NIL)';
    const fields = raw.subarray(0, raw.indexOf('\r\n\r\n') + 4);
    town.server.always('FETCH', (connection, tag, asked) => {
      if (/BODY(\.PEEK)?\[2\]/.test(asked)) return breaksOver(1)(connection, tag, asked);
      if (!/BODYSTRUCTURE/.test(asked)) return 'usual';
      connection.write(
        `* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 900 BODYSTRUCTURE (${text}${file} "MIXED") BODY[HEADER] {${fields.length}}\r\n`,
      );
      connection.write(Buffer.concat([fields, Buffer.from(`)\r\n${tag} OK done\r\n`)]));
      return undefined;
    });
    const command = { inboxId: town.inboxId, mailId: observed!.mailId, onlyIfQuoting: false, revision: 1n, threadId: newId() };
    await town.house.publish('rejoinder.sync.commands.v1', CaptureMailSchema, town.inboxId, command, 1n);
    const [upload] = await settle('the attachment to be given up', () => attachments.uploads.length > 0 && attachments.uploads, {
      timeoutMs: 90_000,
    });
    expect(upload!.start.declared).toMatchObject({ fileName: 'a.pdf', reason: 'gone' });
    expect(await town.house.published('rejoinder.sync.v1', MailCapturedSchema)).toHaveLength(1);
    await town.live();
    expect(town.server.logins()).toBeLessThan(6);
    attachments.server.forceShutdown();
  });
});
