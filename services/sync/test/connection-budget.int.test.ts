// How many connections an inbox takes of the few that its provider allows.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { CaptureMailSchema } from '@rejoinder/contracts/commands';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { says } from '@rejoinder/testing/scripted-imap';
import { settle } from '@rejoinder/testing/settle';
import { startScriptedTown, type ScriptedTown } from './scripted-town.js';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

/** Large enough to be fetched on a connection of its own. */
const large = (n: number) =>
  buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: `m${n}@outside.test`, text: 'a line of it\n'.repeat(100_000) });

async function captured(town: ScriptedTown, count: number): Promise<void> {
  const { mailId } = (await town.news(count)).at(-1)!;
  const command = { inboxId: town.inboxId, mailId, revision: 1n, threadId: newId() };
  await town.house.publish('rejoinder.sync.commands.v1', CaptureMailSchema, town.inboxId, command, 1n);
  await settle('its text', async () => (await town.house.published('rejoinder.sync.v1', MailCapturedSchema)).length === count);
}

describe('an inbox', { timeout: 120_000 }, () => {
  test('takes a second connection for what is large, and gives it back', async () => {
    await using town = await startScriptedTown(postgres);
    await town.start();
    await town.live();
    town.mailbox.put(await large(1));
    await captured(town, 1);
    expect(town.server.logins()).toBe(2);
    await settle('one connection', () => town.server.connections() === 1);
  });

  test('does with one where its provider refuses a second, and is not slowed by that', async () => {
    await using town = await startScriptedTown(postgres);
    await town.start();
    await town.live();
    town.server.always('LOGIN', says('NO [ALERT] Too many simultaneous connections. (Failure)'));
    town.mailbox.put(await large(1));
    await captured(town, 1);
    town.mailbox.put(await large(2));
    await captured(town, 2);
    expect([town.server.logins(), (await town.session()).state]).toEqual([2, 'live']);
  });
});
