// A password that was changed stops its own inbox and no other, and what came meanwhile is told once there is the new one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { says } from '@rejoinder/testing/scripted-imap';
import { settle } from '@rejoinder/testing/settle';
import { startScriptedTown } from './scripted-town.js';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const mail = (n: number) => buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: `m${n}@outside.test` });

test('two refusals a minute apart, whatever is refused in between', { timeout: 120_000 }, async () => {
  await using town = await startScriptedTown(postgres);
  const { server, clock } = town;
  const other = town.addInbox();
  const address = town.credentials.get(other)!.address;
  for (const inbox of [town.inboxId, other]) {
    await town.start(inbox);
    await town.live(inbox);
  }
  server.passwords.set(town.user, 'changed');
  server.cut();
  await settle('the first refusal', async () => (await town.house.query('select 1 from sync.session where refused_at is not null'))[0]);
  expect(await town.session()).toMatchObject({ state: 'reconnecting', reason: 'UNAVAILABLE' });
  await town.live(other);
  // The next try is slowed: that is no second refusal, and does not make good the first.
  server.next('LOGIN', says('NO [THROTTLED] slow down'));
  clock.aheadMs = 61_000;
  await settle('the slowed try', async () => (await town.session()).state === 'slowed');
  expect(await town.authenticationFailures()).toBe(0);
  town.mailbox.put(await mail(1));
  server.mailbox(address).put(await mail(2));
  await town.news(1);
  clock.aheadMs = 300_000;
  await settle('the second refusal', async () => (await town.session()).state === 'stopped');
  expect(await town.session()).toMatchObject({ reason: 'AUTH_REJECTED', nextTryAt: null });
  await settle('the event', async () => (await town.authenticationFailures()) === 1);
  expect((await town.session(other)).state).toBe('live');
  town.credentials.set(town.inboxId, { ...town.credentials.get(town.inboxId)!, password: 'changed', version: 2n });
  await town.start(town.inboxId, { version: 2n });
  await town.live();
  const told = await town.news(2);
  expect(new Set(told.map(({ mailId }) => mailId)).size).toBe(2);
  expect(await town.authenticationFailures()).toBe(1);
});
