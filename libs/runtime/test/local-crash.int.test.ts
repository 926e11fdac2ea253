// A crash of PostgreSQL where the local log and what follows from it do not wait for the disk: nothing that a request was answered is lost in the end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '@rejoinder/base/clock';
import { newId } from '@rejoinder/base/id';
import type { OutboundEvent } from '@rejoinder/bus/event';
import { LocalLog } from '@rejoinder/bus/local-log';
import { event, Outbox } from '@rejoinder/bus/outbox';
import { Relay } from '@rejoinder/bus/relay';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { pause, settle } from '@rejoinder/testing/settle';
import { Database, openSingles } from '../src/database.js';
import { createLogger } from '../src/logging.js';
import { busLogMigrations, migrate, serviceMigrations } from '../src/migrate.js';
import { PartitionKeeper } from '../src/partitions.js';
import { openPool } from '../src/pool.js';
import { Wake } from '../src/wake.js';
import { sqlClient } from './sql-client.js';

const rounds = 6;
const logger = createLogger('silent');
const clock = systemClock();
const noMigrations = mkdtempSync(join(tmpdir(), 'rejoinder-migrations-'));
let postgres: Postgres;
let url: string;
let pool: pg.Pool;
let database: Database;
let wake: Wake;
let log: LocalLog;
let relay: Relay;
const keepers: PartitionKeeper[] = [];

beforeAll(async () => {
  // Fsync would hide nothing here: what has left the server's buffers outlives its processes anyway.
  postgres = await startPostgres({ settings: { synchronous_commit: 'on', wal_writer_delay: '10s' } });
  url = await postgres.createDatabase('crash');
  await migrate(url, [busLogMigrations(), serviceMigrations('errands', pathToFileURL(noMigrations))]);
  pool = openPool(url, 6, logger);
  for (const schema of ['bus', 'errands']) keepers.push(new PartitionKeeper(schema, pool, clock, { R1: 7, R2: 60, wire: 7 }, logger));
  for (const keeper of keepers) await keeper.start();
  await pool.query('create table errands.effect (event_id uuid primary key); grant all on errands.effect to rejoinder_errands_worker');
  wake = new Wake(pool, url, () => undefined);
  database = new Database('errands', sqlClient(pool), wake, pool, openSingles(url, 'errands', logger), { holdsLog: true });
  log = new LocalLog({ pool, listenUrl: url, clock, logger, holdsOutboxes: true, lookMs: 200, memberMs: 1_000 });
  await log.ensureTopics();
  relay = new Relay({ service: 'errands', database, log, logger, pollMs: 200 });
  relay.start();
}, 60_000);

afterAll(async () => {
  await relay.stop();
  await log.close();
  for (const keeper of keepers) await keeper.stop();
  await wake.close();
  await database.close();
  await pool.end();
  await postgres.stop();
  rmSync(noMigrations, { recursive: true });
});

const count = async (sql: string) => Number((await pool.query<{ count: string }>(sql)).rows[0]!.count);

it('is followed by all that was on its way, and loses the end of what nobody was promised', { timeout: 120_000 }, async () => {
  const outbox = new Outbox(clock);
  const tenantId = newId();
  const said = new Set<string>();
  const handled = new Set<string>();
  let undone = 0;
  const consumer = await log.consume({
    // Of each try its own: one that failed must not leave a member that holds what the next is to get.
    group: `errands.${newId()}`,
    topics: ['rejoinder.sync.v1'],
    handle: async (batch) => {
      const ids = batch.map(({ id }) => id);
      const sql = 'insert into effect (event_id) select unnest($1::uuid[]) on conflict do nothing';
      await database.write({ tenants: [tenantId] }, (tx) => tx.$executeRawUnsafe(sql, ids));
      for (const id of ids) handled.add(id);
    },
  });
  for (let round = 0; round < rounds; round++) {
    const message = { mailId: newId() };
    await database.write({ tenant: tenantId }, (tx) =>
      outbox.add(tx, [event({ topic: 'rejoinder.sync.v1', key: newId(), tenantId, schema: MailCapturedSchema, message })]),
    );
    const { rows } = await pool.query<{ id: string }>('select event_id as id from errands.outbox order by seq desc limit 1');
    said.add(rows[0]!.id);
    relay.wake();
    await settle('the event to be handled', () => handled.has(rows[0]!.id));
    await postgres.restart('immediate');
    const left = await settle('the server', () =>
      count(`select count(*) from errands.effect where event_id = '${rows[0]!.id}'`).then(String),
    );
    if (left === '0') undone++;
  }
  await settle(
    'all effects',
    async () => (await count('select count(*) from errands.effect')) === (await count('select count(*) from errands.outbox')),
  );
  // A batch in hand outlives a crash that cuts the log off: its effects may be there before its events are placed again.
  await settle('all in the log', async () => {
    const { rows } = await pool.query<{ id: string }>(`select headers->>'ce_id' as id from bus.log`);
    const placed = new Set(rows.map(({ id }) => id));
    return [...said].every((id) => placed.has(id));
  });
  expect(await count('select count(*) from errands.outbox')).toBeGreaterThanOrEqual(rounds);
  // Otherwise this shows nothing: no crash has undone anything.
  expect(undone).toBeGreaterThan(0);
  await consumer.close();
});

/** As the relay would place it. */
const placed = (tenantId: string, key: string): OutboundEvent => ({
  topic: 'rejoinder.sync.v1',
  key,
  type: 'MailCaptured',
  id: newId(),
  tenantId,
  source: '/rejoinder/errands',
  time: clock.now(),
  sequence: 1n,
  historical: false,
  value: toBinary(MailCapturedSchema, create(MailCapturedSchema, { mailId: newId() })),
});

it('that cuts the log off behind an event in hand is no lost offset: what is placed again is handled', { timeout: 120_000 }, async () => {
  const tenantId = newId();
  const handled = new Set<string>();
  let letGo = () => undefined as void;
  let held = Promise.resolve();
  const consumer = await log.consume({
    group: 'errands.slow',
    topics: ['rejoinder.sync.v1'],
    handle: async (batch) => {
      const ours = batch.filter((one) => one.tenantId === tenantId);
      for (const { id } of ours) handled.add(id);
      if (ours.length > 0) await held;
    },
  });
  let isCutOff = false;
  await relay.stop();
  for (let round = 0; round < 3 * rounds && !isCutOff; round++) {
    const key = newId();
    const [first, second] = [placed(tenantId, key), placed(tenantId, key)];
    held = new Promise((resolve) => (letGo = resolve));
    await log.publish([first]);
    await settle('the first to be in hand', () => handled.has(first.id));
    await log.publish([second]);
    await pause(20);
    await postgres.restart('immediate');
    const left = await settle('the server', () =>
      count(`select count(*) from bus.log where headers->>'ce_id' = '${second.id}'`).then(String),
    );
    isCutOff = left === '0';
    letGo();
    await pause(1_000);
    expect(consumer.health().running).toBe(true);
    if (isCutOff) await log.publish([first, second]);
    await settle('the second to be handled', () => handled.has(second.id));
  }
  // Otherwise this shows nothing: no crash has cut the log off.
  expect(isCutOff).toBe(true);
  await consumer.close();
});

it('that cuts the log off under an event in hand skips none that comes to stand at its offset', { timeout: 120_000 }, async () => {
  const tenantId = newId();
  const handled = new Set<string>();
  let letGo = () => undefined as void;
  let held = Promise.resolve();
  const consumer = await log.consume({
    group: `errands.${newId()}`,
    topics: ['rejoinder.sync.v1'],
    handle: async (batch) => {
      const ours = batch.filter((one) => one.tenantId === tenantId);
      for (const { id } of ours) handled.add(id);
      if (ours.length > 0) await held;
    },
  });
  let isCutOff = false;
  for (let round = 0; round < 3 * rounds && !isCutOff; round++) {
    const key = newId();
    const [first, other] = [placed(tenantId, key), placed(tenantId, key)];
    const inLog = (id: string) => count(`select count(*) from bus.log where headers->>'ce_id' = '${id}'`).then(String);
    held = new Promise((resolve) => (letGo = resolve));
    await log.publish([first]);
    await settle('the first to be in hand', () => handled.has(first.id));
    await postgres.restart('immediate');
    isCutOff = (await settle('the server', () => inLog(first.id))) === '0';
    await settle('the other to be placed', () => log.publish([other]).then(() => true));
    letGo();
    await settle('the other to be handled', () => handled.has(other.id));
  }
  // Otherwise this shows nothing: no crash has cut the log off.
  expect(isCutOff).toBe(true);
  await consumer.close();
});
