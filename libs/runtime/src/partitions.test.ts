// Daily partitions in a real PostgreSQL: made ahead, dropped before their limit, and no writer made to wait.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dayOf, startOfDay } from '@rejoinder/base/clock';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { daysOf } from './kept-tables.js';
import { migrate, serviceMigrations } from './migrate.js';
import { dayKeysOf, type DayKeys } from './day-keys.js';
import { PartitionKeeper } from './partitions.js';
import { oldestOf, reportStores } from './store-report.js';

const schema = 'proving';
const table = 'letter';
const tenantId = '00000000-0000-7000-8000-000000000001';
const days = { R1: 7, R2: 60, wire: 7 };
const sql = `create table letter (tenant_id uuid not null, letter_id bigint generated always as identity, written_at timestamptz not null, text text, primary key (letter_id, written_at))
  partition by range (written_at);
  create index on letter (tenant_id);
  select retain('letter', 'R1', 'written_at');
  select fence('letter');
  create table header (written_at timestamptz not null) partition by range (written_at);
  select retain('header', 'R2', 'written_at');
  create table forever (tenant_id uuid not null);
  select retain('forever', 'R3');
  select fence('forever');`;

let postgres: Postgres;
let pool: pg.Pool;
let folder: string;
let now: Date;
let count = 0;
const clock = { now: () => now };
const logger = pino({ level: 'silent' });
const keeper = (keys?: DayKeys) => new PartitionKeeper(schema, pool, clock, days, logger, keys);
const write = (at: Date) =>
  pool.query('insert into proving.letter (tenant_id, written_at, text) values ($1, $2, $3)', [tenantId, at, 'hello']);
const names = async (of = table) => (await daysOf(pool, schema, of)).map(({ name }) => name);
const oldestLetter = () => oldestOf(pool, schema, { tableName: table, retentionClass: 'R1', dayColumn: 'written_at' });
const nameOf = (day: Date, of = table) => `${of}_${dayOf(day).replaceAll('-', '')}`;

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'rejoinder-partitions-'));
  await mkdir(join(folder, '0001_init'));
  await writeFile(join(folder, '0001_init', 'migration.sql'), sql);
});

afterAll(async () => {
  await pool?.end();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  await pool?.end();
  const url = await postgres.createDatabase(`p${++count}`);
  await migrate(url, [serviceMigrations(schema, pathToFileURL(folder))]);
  pool = new pg.Pool({ connectionString: url, max: 8, options: '-c timezone=UTC' });
  now = new Date('2026-11-24T10:00:00Z');
});

describe('the days of a table', () => {
  it('are made for yesterday and four days ahead, fenced and indexed like their parent', async () => {
    await keeper().keep();
    expect(await names()).toHaveLength(6);
    expect(await names()).toContain(nameOf(startOfDay(now, -1)));
    expect(await names()).toContain(nameOf(startOfDay(now, 4)));
    await write(startOfDay(now, 4));
    const day = nameOf(now);
    const { rows } = await pool.query(`select count(*)::int as indexes from pg_indexes where schemaname = $1 and tablename = $2`, [
      schema,
      day,
    ]);
    expect(rows[0]).toEqual({ indexes: 2 });
    await expect(asWorker(`select 1 from proving.${day}`)).rejects.toThrow(/permission denied/);
  });

  it('are made once when many pods start at once', async () => {
    await Promise.all([1, 2, 3, 4].map(() => keeper().keep()));
    expect(await names()).toHaveLength(6);
  });

  it('are made while a long reader looks at the table and writers write to it', async () => {
    await keeper().keep();
    await whileRead(async () => {
      now = startOfDay(now, 3);
      await keeper().keep();
      await write(startOfDay(now, 4));
    });
  });

  it('go before the limit: one that began 6 days and 20 hours ago is gone, one of 6 days and 19 hours stays', async () => {
    await keeper().keep();
    const first = startOfDay(now);
    await write(first);
    now = new Date(first.getTime() + (7 * 24 - 5) * 3_600_000);
    await keeper().keep();
    expect(await names()).toContain(nameOf(first));
    now = new Date(first.getTime() + (7 * 24 - 4) * 3_600_000);
    await keeper().keep();
    expect(await names()).not.toContain(nameOf(first));
    expect(await oldestLetter()).toBeUndefined();
  });

  it('never go before they are over, even where the limit is one day', async () => {
    now = new Date('2026-11-24T23:00:00Z');
    const eager = new PartitionKeeper(schema, pool, clock, { ...days, R1: 1 }, logger);
    await eager.keep();
    await write(now);
    expect(await names()).toContain(nameOf(now));
  });

  it.each([8, 61])('are right again when a role starts %i days later', async (later) => {
    const early = keeper();
    await early.start();
    await early.stop();
    await write(now);
    const first = now;
    now = startOfDay(now, later);
    const late = keeper();
    await late.start();
    await late.stop();
    expect(await names()).not.toContain(nameOf(first));
    expect((await names('header')).includes(nameOf(first, 'header'))).toBe(later < 60);
    await write(now);
    expect(late.health()).toBeUndefined();
  });
});

describe('a day whose time has come', () => {
  const expired = async () => {
    await keeper().keep();
    await write(now);
    const day = nameOf(now);
    now = startOfDay(now, 8);
    return day;
  };

  it('waits for a long reader without making writers wait, and goes in the round after it', async () => {
    const day = await expired();
    const one = keeper();
    await whileRead(async () => {
      const kept = one.keep().then(() => true);
      let slowestMs = 0;
      for (let writes = 0; writes < 20 || !(await Promise.race([kept, false])); writes++) {
        const began = performance.now();
        await write(startOfDay(now, -5));
        slowestMs = Math.max(slowestMs, performance.now() - began);
      }
      expect(slowestMs).toBeLessThan(3_000);
      expect(one.health()).toMatch(/still there/);
      expect(await names()).toContain(day);
    });
    await one.keep();
    expect(await names()).not.toContain(day);
    expect(one.health()).toBeUndefined();
  });

  it('goes though its detach was broken off half way', async () => {
    const day = await expired();
    await whileRead(() => breakOffDetach(day));
    expect((await daysOf(pool, schema, table)).find(({ name }) => name === day)?.state).toBe('detaching');
    await keeper().keep();
    expect(await names()).not.toContain(day);
  });

  it('goes though the drop was broken off after the detach, and counts as kept until then', async () => {
    const day = await expired();
    const written = (await pool.query<{ at: Date }>(`select min(written_at) as at from proving.letter`)).rows[0]!.at;
    await pool.query(`alter table proving.letter detach partition proving.${day}`);
    expect(await oldestLetter()).toEqual(written);
    await keeper().keep();
    expect(await names()).not.toContain(day);
  });

  it('goes once when two pods drop it at the same time', async () => {
    const day = await expired();
    await Promise.all([keeper().keep(), keeper().keep(), keeper().keep()]);
    expect(await names()).not.toContain(day);
  });

  it('takes its day keys along, also while a reader holds the partition', async () => {
    await expired();
    const dropped: string[] = [];
    const keys: DayKeys = { purposes: { raw: 'R1', headers: 'R2' }, dropBefore: async (purpose, day) => dropped.push(`${purpose} ${day}`) };
    await whileRead(() => keeper(keys).keep());
    expect(dropped).toEqual(['raw 2026-11-26', 'headers 2026-10-04']);
  });
});

describe('what a service tells of its stores', () => {
  it('has the oldest row of each daily table with its bound, and what it hands in', async () => {
    await keeper().keep();
    await write(now);
    const settings = { bodyDays: 7, metadataDays: 60, wireDays: 7 };
    const vault = {
      oldest: async () => [
        { purpose: 'ids' as const, createdAt: now, keys: 1 },
        { purpose: 'raw' as const, day: '2026-11-20', createdAt: now, keys: 2 },
      ],
    };
    const since = new Date('2026-11-23T00:00:00Z');
    const own = [
      { name: 'forever', toForget: 3, toForgetSince: since },
      { name: 'objects', retentionClass: 'R3', toForget: 1 },
    ];
    const { stores } = await reportStores({ database: { service: schema, pool }, vault, settings }, own);
    const told = stores!.map(({ name, retentionClass, setting, limitSeconds, toForget }) =>
      [name, retentionClass, setting, limitSeconds, toForget].join(' '),
    );
    expect(told).toEqual([
      'proving.dead_letter wire REJOINDER_WIRE_DAYS 604800 0',
      'proving.forever R3  0 3',
      'proving.header R2 REJOINDER_METADATA_DAYS 5184000 0',
      'proving.letter R1 REJOINDER_BODY_DAYS 604800 0',
      'proving.outbox wire REJOINDER_WIRE_DAYS 604800 0',
      'proving.objects R3  0 1',
      'keyring.raw R1 REJOINDER_BODY_DAYS 604800 0',
    ]);
    expect(stores![3]!.oldest?.seconds).toBe(BigInt(now.getTime() / 1000));
    expect(stores![2]!.oldest).toBeUndefined();
  });

  it('sees rows in a partition that somebody else made', async () => {
    await keeper().keep();
    await pool.query(`create table proving.forgotten_copy partition of proving.letter for values from ('2026-01-01') to ('2026-02-01')`);
    await write(new Date('2026-01-15T00:00:00Z'));
    await write(now);
    expect(await oldestLetter()).toEqual(new Date('2026-01-15T00:00:00Z'));
  });

  it('sees an expired day that cannot be dropped, which stops neither the role nor the days ahead', async () => {
    await keeper().keep();
    await pool.query(`create table proving.letter_20260115 partition of proving.letter for values from ('2026-01-15') to ('2026-01-16')`);
    await write(new Date('2026-01-15T00:00:00Z'));
    await pool.query('create view proving.looking as select text from proving.letter_20260115');
    now = startOfDay(now, 2);
    const one = keeper();
    await one.keep();
    expect(one.health()).toMatch(/^1 expired/);
    expect(await names()).toContain(nameOf(startOfDay(now, 4)));
    expect(await oldestLetter()).toEqual(new Date('2026-01-15T00:00:00Z'));
  });
});

describe('the day keys of a service', () => {
  it.each([
    ['sync', { raw: 'R1', headers: 'R2', 'letters:sync': 'wire' }],
    ['sending', { sent: 'R1', 'letters:sending': 'wire' }],
    ['timeline', { 'letters:timeline': 'wire' }],
  ] as const)('of %s end with what they seal', (service, expected) => {
    expect(dayKeysOf(service, { dropBefore: () => Promise.resolve() }).purposes).toEqual(expected);
  });
});

/** Runs the work while a transaction has read the table and is still open. */
async function whileRead(work: () => Promise<unknown>): Promise<void> {
  const reader = await pool.connect();
  try {
    await reader.query('begin isolation level repeatable read');
    await reader.query('select count(*) from proving.letter');
    await work();
  } finally {
    await reader.query('rollback');
    reader.release();
  }
}

/** As a killed process leaves it: the first step of the detach is committed, the second never ran. */
async function breakOffDetach(day: string): Promise<void> {
  const client = await pool.connect();
  const { pid } = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!;
  client.on('error', () => undefined);
  const detaching = client.query(`alter table proving.letter detach partition proving.${day} concurrently`);
  const broken = detaching.then(
    () => undefined,
    (error: Error) => error,
  );
  await settle('the detach to be under way', async () => (await daysOf(pool, schema, table)).some(({ state }) => state === 'detaching'));
  await pool.query('select pg_terminate_backend($1)', [pid]);
  expect(await broken).toBeInstanceOf(Error);
  client.release(true);
}

async function asWorker(statement: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`set local role rejoinder_${schema}_worker`);
    await client.query(statement);
  } finally {
    await client.query('rollback');
    client.release();
  }
}
