// Clocks that are wrong, of the server, of the sender or of this machine: a mail is told all the same, and stands where a person looks for it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { newId } from '@rejoinder/base/id';
import { CaptureMailSchema } from '@rejoinder/contracts/commands';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { says } from '@rejoinder/testing/scripted-imap';
import { settle } from '@rejoinder/testing/settle';
import { Owner } from '../src/inbox/owner-store.js';
import { startScriptedTown } from './scripted-town.js';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const dayMs = 86_400_000;
const mail = (n: number, date = new Date()) =>
  buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: `m${n}@outside.test`, date });

describe.concurrent('clocks', { timeout: 120_000 }, () => {
  test('of 1970 and 2099 in Date and INTERNALDATE do not count', async () => {
    await using town = await startScriptedTown(postgres);
    await town.start();
    await town.live();
    const [past, future] = [new Date(1_000), new Date('2099-06-01T00:00:00Z')];
    town.mailbox.put(await mail(1, past), { receivedAt: '01-Jan-1970 00:00:01 +0000' });
    town.mailbox.put(await mail(2, future), { receivedAt: '01-Jun-2099 00:00:00 +0000' });
    town.mailbox.put(await mail(3, past));
    town.mailbox.put(await mail(4, future));
    town.mailbox.put(await mail(5), { receivedAt: 'no date at all' });
    const told = await town.news(5);
    const isToday = (at: Date) => Math.abs(at.getTime() - Date.now()) < dayMs;
    expect(told.map(({ receivedAt }) => isToday(timestampDate(receivedAt!)))).toEqual(told.map(() => true));
    expect(new Set(told.map(({ mailId }) => mailId)).size).toBe(5);
    for (const { mailId } of told) {
      const command = { inboxId: town.inboxId, mailId, revision: 1n, threadId: newId() };
      await town.house.publish('rejoinder.sync.commands.v1', CaptureMailSchema, town.inboxId, command, 1n);
    }
    const captured = await settle('all to be read', async () => {
      const all = await town.house.published('rejoinder.sync.v1', MailCapturedSchema);
      return all.length === 5 && all;
    });
    expect(captured.map(({ sentAt, receivedAt }) => [sentAt, receivedAt].map((at) => isToday(timestampDate(at!))))).toEqual(
      captured.map(() => [true, true]),
    );
    // What is kept is kept by the day it came here.
    const days = await town.house.query<{ day: Date }>('select distinct ingested_day as day from sync.mail_header');
    expect(days).toHaveLength(1);
  });

  test.each([dayMs, -dayMs])('of this machine that are off by %i ms lose and double nothing, and blame no password', async (aheadMs) => {
    await using town = await startScriptedTown(postgres);
    town.mailbox.put(await mail(0));
    await town.start();
    await town.live();
    town.mailbox.put(await mail(1));
    await town.news(1);
    town.clock.aheadMs = aheadMs;
    town.mailbox.put(await mail(2));
    await town.news(2);
    town.server.cut();
    town.mailbox.put(await mail(3));
    await town.news(3);
    town.clock.aheadMs = 0;
    town.mailbox.put(await mail(4));
    const told = await town.news(4);
    expect(new Set(told.map(({ mailId }) => mailId)).size).toBe(4);
    expect([await town.authenticationFailures(), (await town.history()).length]).toEqual([0, 1]);
  });

  test('of a pod that was a day ahead and is gone let its heir not wait until tomorrow', async () => {
    await using town = await startScriptedTown(postgres);
    await town.start();
    await town.live();
    town.clock.aheadMs = dayMs;
    town.server.always('LOGIN', says('NO [UNAVAILABLE] later'));
    town.server.cut();
    const waits = async () => ((await town.session()).nextTryAt?.getTime() ?? 0) > Date.now() + dayMs / 2;
    await settle('the next try to be tomorrow', waits);
    town.mailbox.put(await mail(1));
    town.server.always('LOGIN');
    // The other pod takes all over, by the right clock.
    town.clock.aheadMs = 0;
    const owner = town.house.roles[0]!.app.get(Owner);
    const all = owner.partitions();
    owner.keepOnly([]);
    await owner.take(all, town.clock.now());
    await town.news(1);
    expect(await town.authenticationFailures()).toBe(0);
  });
});
