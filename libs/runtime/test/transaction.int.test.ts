// Transactions over a watched pool, against a real PostgreSQL: one round trip to enter, raw statements straight to the connection, none after the end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { Database, openSingles } from '../src/database.js';
import { createLogger } from '../src/logging.js';
import { busLogMigrations, migrate, serviceMigrations } from '../src/migrate.js';
import { isOutage } from '../src/outage.js';
import { openPool } from '../src/pool.js';
import { Wake } from '../src/wake.js';
import { sqlClient } from './sql-client.js';

let postgres: Postgres;
let url: string;
let pool: pg.Pool;
let database: Database;
let wake: Wake;
const logger = createLogger('silent');
const noMigrations = mkdtempSync(join(tmpdir(), 'rejoinder-migrations-'));
const sent: string[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.createDatabase('transactions');
  await migrate(url, [busLogMigrations(), serviceMigrations('errands', pathToFileURL(noMigrations))]);
  pool = openPool(url, 1, logger);
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((config: string | pg.QueryConfig, ...more: unknown[]) => {
      sent.push(typeof config === 'string' ? config : config.text);
      return query(config, ...more);
    }) as typeof client.query;
  });
  wake = new Wake(pool, url, () => undefined);
  database = new Database('errands', sqlClient(pool), wake, pool, openSingles(url, 'errands', logger));
});

afterAll(async () => {
  await wake.close();
  await database.close();
  await pool.end();
  await postgres.stop();
  rmSync(noMigrations, { recursive: true });
});

const whereSql = `select current_user::text as role, current_setting('search_path') as path, current_setting('rejoinder.tenants') as tenants`;
const whereAmI = (tx: SqlTransaction) => tx.$queryRawUnsafe<{ role: string; path: string; tenants: string }[]>(whereSql);

describe('a transaction', () => {
  it('enters role, schema and tenants with its BEGIN, and leaves them behind at its end', async () => {
    const tenant = newId();
    sent.length = 0;
    const [inside] = await database.read({ tenant }, whereAmI);
    expect(inside).toEqual({ role: 'rejoinder_errands_request', path: 'errands', tenants: tenant });
    expect(sent.map((text) => text.split(/[; ]/)[0])).toEqual(['BEGIN', 'select']);
    const { rows } = await pool.query(`select current_user::text as role, current_setting('rejoinder.tenants', true) as tenants`);
    expect(rows[0].role).not.toMatch(/errands/);
    expect(rows[0].tenants).toBe('');
  });

  it('has no statement after its end, when the connection may be somebody else’s', async () => {
    let late!: SqlTransaction;
    await database.write('all_tenants', async (tx) => void (late = tx));
    const refused = await late.$queryRawUnsafe('select 1').catch((error: unknown) => error);
    expect(String(refused)).toMatch(/rolled back/);
    // To the bus it is an outage: an event whose transaction was too slow is tried again, and never a dead letter for that.
    expect(isOutage(refused)).toBe(true);
    await expect(database.write('all_tenants', (tx) => ((late = tx), tx.$queryRawUnsafe('select nonsense')))).rejects.toThrow(/nonsense/);
    await expect(late.$executeRawUnsafe('select 1')).rejects.toThrow(/rolled back/);
  });

  it('says why it could not be entered, and not that its statement found itself outside', async () => {
    const nowhere = new Database('nowhere', sqlClient(pool), wake, pool, pool);
    await expect(nowhere.write('all_tenants', whereAmI)).rejects.toThrow(/role "rejoinder_nowhere_worker" does not exist/);
    expect(await database.read('all_tenants', whereAmI)).toHaveLength(1);
  });

  it('that reads cannot write, and answers without waiting for its end', async () => {
    const write = (tx: SqlTransaction) => tx.$executeRawUnsafe(`update relay_lease set held_until = null`);
    await expect(database.read('all_tenants', write)).rejects.toThrow(/read-only transaction/);
    await database.write('all_tenants', write);
    sent.length = 0;
    await database.read('all_tenants', whereAmI);
    expect(sent.at(-1)).not.toBe('COMMIT');
  });

  it('sends statements that do not wait for each other together', async () => {
    const order: string[] = [];
    await database.write('all_tenants', async (tx) => {
      const slow = tx.$queryRawUnsafe('select pg_sleep(0.05)').then(() => order.push('slow'));
      const quick = tx.$queryRawUnsafe('select 1').then(() => order.push('quick'));
      await Promise.all([slow, quick]);
    });
    expect(order).toEqual(['slow', 'quick']);
    const failing = database.write('all_tenants', (tx) =>
      Promise.all([tx.$queryRawUnsafe('select nonsense'), tx.$queryRawUnsafe('select 1')]),
    );
    await expect(failing).rejects.toThrow(/nonsense/);
    expect(await database.read('all_tenants', whereAmI)).toHaveLength(1);
  });

  it('is not entered twice by one that begins while another is being worked on', async () => {
    const wide = openPool(url, 2, logger);
    const outer = new Database('errands', sqlClient(wide), wake, wide, wide);
    const [one, two] = [newId(), newId()];
    const seen = await outer.read({ tenant: one }, async (tx) => {
      const [inner] = await outer.read({ tenant: two }, whereAmI);
      return [inner!.tenants, (await whereAmI(tx))[0]!.tenants];
    });
    expect(seen).toEqual([two, one]);
    await wide.end();
  });
});

it('a single statement sees all tenants as a worker, in one round trip', async () => {
  expect(await database.single(whereSql)).toEqual([{ role: 'rejoinder_errands_worker', path: 'errands', tenants: '*' }]);
});
