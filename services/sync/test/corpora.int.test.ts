// Real and broken mails of the shared corpora: each is observed and read without a crash, and none of them stops the others.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CaptureFailedSchema, MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { startDovecot } from '@rejoinder/testing/dovecot';
import { startPostgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { startTown, testDovecot } from './town.js';

const root = fileURLToPath(new URL('../../../../shared/corpora', import.meta.url));
const folders = ['mail-parser', 'mime4j', 'enmime', 'mikel-mail'];
const slow = { timeoutMs: 240_000 };

function mails(): Buffer[] {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)),
  );
  return files
    .filter((path) => /\.(eml|msg|raw|golden)$|mikel-mail\/.*\/[^.]+$/.test(path) && !/LICENSE|COPYING/.test(path))
    .flatMap((path) => readable(path));
}

function readable(path: string): Buffer[] {
  try {
    return [Buffer.from(readFileSync(path).toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1')];
  } catch {
    return []; // A folder.
  }
}

test.skipIf(!existsSync(root))('every mail of the corpora is observed and read', { timeout: 600_000 }, async () => {
  await using dovecot = await startDovecot(testDovecot);
  await using postgres = await startPostgres();
  await using town = await startTown({ dovecot, postgres });
  let appended = 0;
  let refused = 0;
  {
    await using ada = await town.client();
    for (const mail of mails()) {
      // A server takes no NUL; a few samples have some.
      const taken = mail.includes(0) ? false : await ada.append('INBOX', mail).then(Boolean, () => false);
      if (taken) appended++;
      else refused++;
    }
  }
  expect(appended).toBeGreaterThan(250);
  await town.startInbox();
  await settle('the first sync', async () => (await town.state()) === 'live', slow);
  const [{ locations, headers }] = (await town.house.query<{ locations: number; headers: number }>(
    'select (select count(*)::int from sync.location) as locations, (select count(*)::int from sync.mail_header) as headers',
  )) as [{ locations: number; headers: number }];
  expect(locations).toBe(appended);
  const ids = await town.house.query<{ mail_id: string }>('select mail_id from sync.mail_header');
  for (const { mail_id: mailId } of ids) await town.capture(mailId);
  const ended = await settle(
    'all to be read',
    async () => {
      const captured = await town.house.published('rejoinder.sync.v1', MailCapturedSchema);
      const failed = await town.house.published('rejoinder.sync.v1', CaptureFailedSchema);
      return captured.length + failed.length >= headers && { captured, failed };
    },
    slow,
  );
  const { peers, tenantId } = town.house;
  let withText = 0;
  for (const { mailId } of ended.captured) {
    const { text, html } = await peers.client(SyncService).readMail({ tenantId, mailId });
    if (text !== '' || html !== '') withText++;
  }
  const replaced = ended.captured.filter(({ subject }) => subject.includes('\ufffd')).length;
  process.stdout
    .write(`${appended} appended, ${refused} refused, ${headers} different mails, ${withText} with text, ${replaced} subjects with U+FFFD
`);
  expect(ended.captured.length).toBe(headers);
  const pending = await settle(
    'the attachments',
    async () => {
      const [row] = await town.house.query<{ n: number; stored: number }>(
        `select count(*) filter (where state = 'pending')::int as n, count(*) filter (where state = 'stored')::int as stored from sync.part`,
      );
      return row!.n === 0 && row;
    },
    slow,
  );
  process.stdout.write(`${pending.stored} attachments stored
`);
});
