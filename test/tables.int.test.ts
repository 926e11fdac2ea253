// Every table of every service: in a class of retention, fenced if it has a tenant, and made once however many migrate at the same time.
import pg from 'pg';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busLogMigrations, keyringMigrations, migrate, serviceMigrations } from '@rejoinder/runtime/migrate';
import { services } from '@rejoinder/runtime/services';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { loadRoles } from '../services/rejoinder/src/roles.js';

let postgres: Postgres;
let url: string;
let pool: pg.Pool;

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.createDatabase('tables');
  const roles = await loadRoles(services);
  const all = [busLogMigrations(), ...roles.map((role) => serviceMigrations(role.name, role.migrations))];
  const applied = await Promise.all([migrate(url, all), migrate(url, all), migrate(url, all)]);
  // Each migration was applied by one of the three alone.
  const there = all.flatMap(({ folders }) => folders.flatMap((folder) => readdirSync(folder, { withFileTypes: true })));
  const migrations = there.filter((one) => one.isDirectory()).length;
  expect(new Set(applied.flat()).size).toBe(migrations);
  expect(applied.flat()).toHaveLength(migrations);
  pool = new pg.Pool({ connectionString: url });
}, 120_000);

afterAll(async () => {
  await pool?.end();
  await postgres?.stop();
});

const rows = async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) => (await pool.query<Row>(sql, values)).rows;

/** Tables of a schema that are no partitions, but the ledger of migrations. */
const tablesOf = async (schema: string) => {
  const sql = `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as fenced,
      exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') as tenant,
      exists (select 1 from pg_roles r where r.rolname ~ '^rejoinder_.*_(request|worker)$'
        and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')) as reachable
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'migration'`;
  return rows<{ name: string; fenced: boolean; tenant: boolean; reachable: boolean }>(sql, [schema]);
};

describe.each([...services, 'bus'])('schema %s', (schema) => {
  it('has no table without a class of retention, and no class without its table', async () => {
    const tables = (await tablesOf(schema)).map(({ name }) => name).toSorted();
    const kept = (await rows<{ table_name: string }>(`select table_name from ${schema}.kept`)).map((row) => row.table_name).toSorted();
    expect(kept).toEqual(tables);
  });

  it('keeps what has a limit in daily partitions', async () => {
    const limited = await rows<{ table_name: string }>(
      `select table_name from ${schema}.kept where class in ('R1', 'R2', 'wire') and day_column is null`,
    );
    expect(limited).toEqual([]);
  });
});

// What no role at run time may touch, such as the template of columns that workers need, can show no tenant another's rows.
it.each(services)('schema %s fences every table that has a tenant and is open to a role', async (schema) => {
  const tables = await tablesOf(schema);
  expect(tables.filter(({ tenant, fenced, reachable }) => tenant && !fenced && reachable)).toEqual([]);
  expect(tables.filter(({ tenant, fenced }) => tenant && !fenced).map(({ name }) => name)).toEqual(['work']);
});

it('a migration that was applied and has changed since is refused, by name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-migrations-'));
  mkdirSync(join(folder, '0002_more'));
  const write = (sql: string) => writeFileSync(join(folder, '0002_more', 'migration.sql'), sql);
  write('create table more (n int);');
  const own = [serviceMigrations('more', pathToFileURL(folder))];
  expect(await migrate(url, own)).toEqual(['more/0001_house', 'more/0002_more']);
  expect(await migrate(url, own)).toEqual([]);
  write('create table more (n bigint);');
  await expect(migrate(url, own)).rejects.toThrow(/0002_more was applied and has changed since/);
  rmSync(folder, { recursive: true });
});

it('the keyring is made in a database of its own', async () => {
  const keyring = await postgres.createDatabase('keyring');
  expect((await migrate(keyring, [keyringMigrations()])).length).toBeGreaterThan(0);
  expect(await migrate(keyring, [keyringMigrations()])).toEqual([]);
});
