// However large an attachment is, what streaming it costs in memory stays the same; and several at once cost so many times that.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { heldMbDuring } from '@rejoinder/testing/memory';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { startTown, testDovecot, type Town } from './town.js';

const partsAtOnce = 2;
/** Windows, TLS, HTTP/2 and the other end of the upload, which is in this process as well. */
const costMb = 8;
const within = { timeoutMs: 90_000 };

let dovecot: Dovecot;
let postgres: Postgres;
let town: Town;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
  const env = { REJOINDER_MAIL_LIMIT_BYTES: '100000000', REJOINDER_SYNC_PARTS: String(partsAtOnce) };
  // Past the wire, which writes down all that it carries.
  town = await startTown({ dovecot, postgres, port: dovecot.imapsPort, env });
  await town.startInbox();
  await town.live();
});
afterAll(async () => {
  await town?.[Symbol.asyncDispose]();
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

interface Mailbox {
  inboxId: string;
  address: string;
}

/** Of one inbox parts come one after the other. */
async function moreMailboxes(count: number): Promise<Mailbox[]> {
  const more = Array.from({ length: count }, (_, n) => ({ inboxId: newId(), address: `more${n}.${town.address}` }));
  for (const { inboxId, address } of more) {
    await dovecot.addUser(address);
    town.credentials.set(inboxId, { address, password: 'secret', port: dovecot.imapsPort, version: 1n });
    await town.startInbox(inboxId);
    await town.live(inboxId);
  }
  return more;
}

async function bring(to: string, sizeBytes: number): Promise<string> {
  const before = new Set((await town.observed()).map(({ mailId }) => mailId));
  const content = Buffer.alloc(sizeBytes, 'nearly no two lines of it are alike. ');
  const attachments = [{ filename: 'film.mp4', contentType: 'video/mp4', content }];
  await dovecot.deliver(to, await buildMail({ from: 'bob@outside.test', to, text: 'see the film', attachments }));
  return settle('the mail', async () => (await town.observed()).find(({ mailId }) => !before.has(mailId))?.mailId);
}

/** Brings each a mail with a file of this size, has them captured together, and measures until the files were sent on. */
async function streaming(mailboxes: Mailbox[], sizeBytes: number): Promise<number> {
  const mails: { inboxId: string; mailId: string }[] = [];
  for (const { inboxId, address } of mailboxes) mails.push({ inboxId, mailId: await bring(address, sizeBytes) });
  const { uploads } = town.attachments;
  uploads.length = 0;
  const heldMb = await heldMbDuring(async () => {
    await Promise.all(mails.map(({ inboxId, mailId }) => town.capture(mailId, { inboxId })));
    await settle('the uploads', () => uploads.length === mails.length, within);
  });
  expect(uploads.map((upload) => [upload.whole, upload.sizeBytes])).toEqual(mails.map(() => [true, sizeBytes]));
  process.stdout.write(`${mails.length} of ${sizeBytes / 1e6} MB streamed: ${heldMb} MB held at the most\n`);
  return heldMb;
}

test('a part of 45 MB is held no more than one of 5 MB', async () => {
  const small = await streaming([town], 5_000_000);
  const large = await streaming([town], 45_000_000);
  expect(large).toBeLessThan(costMb);
  expect(large - small).toBeLessThan(3);
}, 120_000);

test('as many as may be streamed at once cost so many times that, and the others wait', async () => {
  const heldMb = await streaming(await moreMailboxes(partsAtOnce + 2), 12_000_000);
  expect(town.attachments.mostAtOnce).toBe(partsAtOnce);
  expect(heldMb).toBeLessThan(partsAtOnce * costMb);
}, 120_000);
