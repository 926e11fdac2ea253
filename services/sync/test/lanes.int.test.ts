// Twenty inboxes that are connected at once hold up nobody's reply: their history goes by a lane of its own.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { openMailClient } from '@rejoinder/testing/imap-client';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { startTown, testDovecot, type Town } from './town.js';

const inboxes = 20;
const mailsEach = 40;
const replies = 5;

let dovecot: Dovecot;
let postgres: Postgres;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

test('a reply is told while the history of twenty others is still being taken', { timeout: 180_000 }, async () => {
  await using town = await startTown({ dovecot, postgres, env: { REJOINDER_SYNC_HISTORY_BATCH: '1' } });
  await town.startInbox();
  await town.live();
  const others = Array.from({ length: inboxes }, (_, n) => ({ inboxId: newId(), address: `other${n}x${process.pid}@example.test` }));
  const old = await buildMail({ from: 'bob@outside.test', to: 'all@example.test' });
  for (const { inboxId, address } of others) {
    await dovecot.addUser(address);
    town.credentials.set(inboxId, { address, password: 'secret', port: dovecot.imapsPort, version: 1n });
    await using theirs = await openMailClient({ port: dovecot.imapsPort, ca: dovecot.ca, user: address });
    for (let n = 0; n < mailsEach; n++) await theirs.append('INBOX', Buffer.concat([Buffer.from(`X-Number: ${n}\r\n`), old]));
  }
  // Places, since the mails of all of them are copies of one.
  const taken = async () =>
    Number((await town.house.query<{ n: string }>('select count(*) n from sync.location where inbox_id <> $1', [town.inboxId]))[0]!.n);
  await slowDown(town);
  for (const { inboxId } of others) await town.startInbox(inboxId);
  await settle('their history to be under way', async () => (await taken()) >= 2);
  for (let n = 1; n <= replies; n++) {
    const before = await taken();
    await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
    await settle('the reply', async () => (await town.observed()).length === n);
    // In line with the others it would be told after a batch of each.
    expect((await taken()) - before).toBeLessThan(inboxes / 2);
  }
  await slowness(town, 0);
  await settle('the rest', async () => (await taken()) === inboxes * mailsEach, { timeoutMs: 120_000 });
});

/** A batch of history takes a second to be saved. */
async function slowDown(town: Town): Promise<void> {
  await slowness(town, 1);
  await town.house.query(
    `create trigger slow before insert on sync.location for each row when (new.inbox_id <> '${town.inboxId}') execute function sync.slow()`,
  );
}

/** Another body for the function takes no lock on the table, as dropping the trigger would: that met the batches under way in a deadlock. */
async function slowness({ house }: Town, seconds: number): Promise<void> {
  await house.query(
    `create or replace function sync.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(${seconds}); return new; end $$`,
  );
}
