// A server that refuses for a while is left alone as long as it wants: it is said, it is no matter of the password, and nothing is lost by it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { ProviderThrottledSchema } from '@rejoinder/contracts/events/sync';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { bye, says, silence, type Answer } from '@rejoinder/testing/scripted-imap';
import { settle } from '@rejoinder/testing/settle';
import { startScriptedTown, type ScriptedTown } from './scripted-town.js';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const mail = (n: number) => buildMail({ from: 'bob@outside.test', to: 'ada@example.test', messageId: `m${n}@outside.test` });
const throttled = ({ house }: ScriptedTown) => house.published('rejoinder.sync.internal.v1', ProviderThrottledSchema);

/** Waits for the end of the session, and answers how it stands then. */
async function ended(town: ScriptedTown) {
  return settle('the session to have ended', async () => {
    const session = await town.session();
    return ['slowed', 'reconnecting', 'stopped'].includes(session.state) && session;
  });
}

const gmail = says('NO [ALERT] Too many simultaneous connections. (Failure)');
const microsoft: Answer = says('BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds');

const atLogin: [string, string, Answer, string, string][] = [
  ['UNAVAILABLE', 'LOGIN', says('NO [UNAVAILABLE] try later'), 'reconnecting', 'UNAVAILABLE'],
  ['LIMIT', 'LOGIN', says('NO [LIMIT] too much'), 'slowed', 'TOO_MANY_CONNECTIONS'],
  ['THROTTLED', 'LOGIN', says('NO [THROTTLED] slow down'), 'slowed', 'THROTTLED'],
  ['OVERQUOTA', 'LOGIN', says('NO [OVERQUOTA] full'), 'slowed', 'QUOTA'],
  ["Gmail's limit of connections", 'LOGIN', gmail, 'slowed', 'TOO_MANY_CONNECTIONS'],
  ['BYE to the login', 'LOGIN', bye('going down'), 'reconnecting', 'CONNECTION_LOST'],
  ['BYE as greeting', 'GREETING', bye('Too many connections from your address'), 'slowed', 'TOO_MANY_CONNECTIONS'],
  ['silence as greeting', 'GREETING', silence, 'reconnecting', 'TIMEOUT'],
];

describe.concurrent('at the login', { timeout: 120_000 }, () => {
  test.each(atLogin)('%s', async (_, verb, answer, state, reason) => {
    await using town = await startScriptedTown(postgres);
    town.mailbox.put(await mail(1));
    town.server.next(verb, answer);
    await town.start();
    const session = await ended(town);
    expect(session).toMatchObject({ state, reason, failures: 1 });
    expect(session.nextTryAt!.getTime()).toBeGreaterThan(Date.now());
    const events = state === 'slowed' ? await settle('the event', async () => (await throttled(town))[0] && throttled(town)) : [];
    expect(events.map((one) => [one.inboxId, one.reason, timestampDate(one.until!)])).toEqual(
      state === 'slowed' ? [[town.inboxId, reason, session.nextTryAt]] : [],
    );
    const progress = await town.house.peers.client(SyncService).getProgress({ tenantId: town.house.tenantId, inboxId: town.inboxId });
    if (state === 'slowed') expect([progress.state, timestampDate(progress.nextTryAt!)]).toEqual([state, session.nextTryAt]);
    expect([progress.since === undefined, progress.traceId]).toEqual([false, expect.stringMatching(/^[0-9a-f]{32}$/)]);
    town.clock.aheadMs = 3_600_000;
    await town.live();
    await settle('what was there', async () => (await town.history()).length === 1);
    expect(await town.authenticationFailures()).toBe(0);
  });
});

const inSession: [string, string, Answer, string, string][] = [
  ['a FETCH, THROTTLED', 'FETCH', says('NO [THROTTLED] slow down'), 'slowed', 'THROTTLED'],
  ['a FETCH, OVERQUOTA', 'FETCH', says('NO [OVERQUOTA] Account exceeded command or bandwidth limits.'), 'slowed', 'THROTTLED'],
  ['a FETCH, with a pause of Microsoft', 'FETCH', microsoft, 'slowed', 'THROTTLED'],
  ['a SEARCH, THROTTLED', 'SEARCH', says('NO [THROTTLED] slow down'), 'slowed', 'THROTTLED'],
  ['an EXAMINE, LIMIT', 'EXAMINE', says('NO [LIMIT] too much'), 'slowed', 'THROTTLED'],
  ['a STATUS, THROTTLED', 'STATUS', says('NO [THROTTLED] slow down'), 'slowed', 'THROTTLED'],
  ['a STATUS, with a pause of Microsoft', 'STATUS', microsoft, 'slowed', 'THROTTLED'],
  ['a FETCH, by BYE', 'FETCH', bye('Too many simultaneous connections'), 'slowed', 'TOO_MANY_CONNECTIONS'],
];

describe.concurrent('in the session', { timeout: 120_000 }, () => {
  test.each(inSession)('%s', async (_, verb, answer, state, reason) => {
    await using town = await startScriptedTown(postgres);
    for (let n = 0; n < 3; n++) town.mailbox.put(await mail(n));
    // The first SEARCH is for marks, which a server may refuse for no reason; the second lists what is there.
    town.server.next(verb, answer, reason === 'UNAVAILABLE' ? 2 : 1);
    await town.start();
    const session = await ended(town);
    expect(session).toMatchObject({ state, reason });
    if (answer === microsoft) expect(session.nextTryAt!.getTime() - Date.now()).toBeGreaterThan(85_000);
    town.mailbox.put(await mail(3));
    town.clock.aheadMs = 3_600_000;
    await town.live();
    const all = await settle('all mails', async () => {
      const told = [...(await town.history()), ...(await town.news(0).catch(() => town.news(1)))];
      return told.length >= 4 && told;
    });
    expect(new Set(all.map(({ mailId }) => mailId)).size).toBe(4);
    expect(all).toHaveLength(4);
    expect(await town.authenticationFailures()).toBe(0);
  });

  test('other settings do not shorten it', async () => {
    await using town = await startScriptedTown(postgres);
    town.server.next('LOGIN', says('NO [THROTTLED] slow down'));
    await town.start();
    const { nextTryAt } = await ended(town);
    await town.start(town.inboxId, { logFolder: 'CRM' });
    const sql = `select state, reason, failures, due_at as "dueAt", next_try_at as "nextTryAt" from sync.session where log_folder = 'CRM'`;
    const [now] = await settle('the settings', async () => ((rows) => rows.length > 0 && rows)(await town.house.query<object>(sql)));
    expect(now).toEqual({ state: 'slowed', reason: 'THROTTLED', failures: 1, dueAt: nextTryAt, nextTryAt });
    town.clock.aheadMs = 3_600_000;
    await town.live();
  });

  test('a SEARCH for history that is refused is no history that is done', async () => {
    await using town = await startScriptedTown(postgres);
    town.mailbox.put(await mail(1));
    // The first looks for a keyword, which a server need not know.
    town.server.next('SEARCH', says('NO not now'), 2);
    await town.start();
    expect(await ended(town)).toMatchObject({ state: 'reconnecting', reason: 'UNAVAILABLE' });
    town.clock.aheadMs = 600_000;
    await settle('what was there', async () => (await town.history()).length === 1);
  });

  test('a BYE while nothing is asked says why', async () => {
    await using town = await startScriptedTown(postgres, { idle: true }, { REJOINDER_SYNC_FOLDER_POLL_SECONDS: '600' });
    town.server.always('IDLE', (connection) => {
      connection.say('+ idling');
      bye('Bandwidth limit exceeded')(connection, '', '');
    });
    await town.start();
    expect(await ended(town)).toMatchObject({ state: 'slowed', reason: 'THROTTLED' });
  });

  test('a short pause is waited for, and the session stays', async () => {
    await using town = await startScriptedTown(postgres);
    town.mailbox.put(await mail(1));
    town.server.next('FETCH', says('BAD Request is throttled. Suggested Backoff Time: 300 milliseconds'));
    await town.start();
    await town.live();
    await settle('what was there', async () => (await town.history()).length === 1);
    expect([town.server.logins(), (await throttled(town)).length]).toEqual([1, 0]);
  });

  test('each time it is left alone for longer, though its logins work, and it is one trouble', async () => {
    await using town = await startScriptedTown(postgres);
    town.mailbox.put(await mail(1));
    town.server.always('FETCH', says('NO [THROTTLED] slow down'));
    await town.start();
    const waits: number[] = [];
    const troubles = new Set<string>();
    for (let round = 1; round <= 4; round++) {
      const { nextTryAt } = await settle('the next end', async () => {
        const session = await town.session();
        return session.failures === round && session;
      });
      const { tenantId, peers } = town.house;
      const { since, traceId } = await peers.client(SyncService).getProgress({ tenantId, inboxId: town.inboxId });
      troubles.add(`${traceId} ${timestampDate(since!).toISOString()}`);
      waits.push(nextTryAt!.getTime() - town.clock.now().getTime());
      town.clock.aheadMs += 1_000 + waits.at(-1)!;
    }
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
    expect(waits[3]).toBeGreaterThan(180_000);
    expect(troubles.size).toBe(1);
  });
});

test('a host that turns everybody away is asked by one inbox for all', { timeout: 120_000 }, async () => {
  await using town = await startScriptedTown(postgres, { idle: true }, { REJOINDER_SYNC_LOGINS_PER_HOST: '1' });
  const others = Array.from({ length: 11 }, () => town.addInbox());
  town.server.always('GREETING', bye('Service not available'));
  for (const inbox of [town.inboxId, ...others]) await town.start(inbox);
  const inboxes = 'select count(*)::int as n from sync.session where failures > 0';
  await settle('all to be turned away', async () => (await town.house.query<{ n: number }>(inboxes))[0]!.n === 12);
  // The first three, and one after each pause, the first of which is 2 s.
  expect(town.server.greetings()).toBeLessThan(6);
  town.server.always('GREETING');
  town.clock.aheadMs = 600_000;
  for (const inbox of [town.inboxId, ...others]) await town.live(inbox);
});
