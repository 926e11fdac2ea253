// Who may touch which row of the keyring, asked of PostgreSQL itself as each service's own login.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type pg from 'pg';
import { newId } from '@rejoinder/base/id';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { keyHolders, purposes, type KeyHolder, type Purpose } from '../src/purposes.js';
import { migrateKeyring, startKeyring, type KeyringDatabase } from './keyring-database.js';

let postgres: Postgres;
let keyring: KeyringDatabase;
const tenantId = newId();
const names = Object.keys(purposes) as Purpose[];
const dayOf = (purpose: Purpose) => (purposes[purpose].daily ? '2026-11-24' : 'infinity');
const insert = `insert into keyring.key (tenant_id, purpose, day, wrapped, kek_id) values ($1, $2, $3, decode(repeat('00', 61), 'hex'), 'test')`;

beforeAll(async () => {
  postgres = await startPostgres();
  keyring = await startKeyring(postgres);
  for (const purpose of names) await keyring.admin.query(insert, [tenantId, purpose, dayOf(purpose)]);
});
afterAll(async () => {
  await keyring?.end();
  await postgres?.stop();
});

/** In the service's role, and undone afterwards. */
async function as<T>(holder: KeyHolder, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await keyring.pool(holder).connect();
  try {
    await client.query('begin');
    await client.query(`select set_config('role', $1, true)`, [`rejoinder_${holder}_keys`]);
    return await work(client);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

const held = (holder: KeyHolder) => names.filter((name) => purposes[name].holders.includes(holder)).sort();
const denied = { code: '42501' };

test('the list of purposes in the code is the list in the database', async () => {
  const { rows } = await keyring.admin.query('select name, daily from keyring.purpose order by name');
  expect(rows).toEqual([...names].sort().map((name) => ({ name, daily: purposes[name].daily })));
});

test.each(keyHolders)('%s sees the keys of its own purposes and no others', async (holder) => {
  const seen = await as(holder, (client) => client.query<{ purpose: string }>('select purpose from keyring.key order by purpose'));
  expect(seen.rows.map(({ purpose }) => purpose).sort()).toEqual(held(holder));
});

test('sync does not see the key of the timeline’s text, even by its name', async () => {
  const sql = `select wrapped from keyring.key where tenant_id = $1 and purpose = 'text'`;
  expect((await as('timeline', (client) => client.query(sql, [tenantId]))).rows).toHaveLength(1);
  expect((await as('sync', (client) => client.query(sql, [tenantId]))).rows).toEqual([]);
});

test.each(keyHolders)('%s makes keys of its own purposes and no others', async (holder) => {
  for (const purpose of names) {
    const made = as(holder, (client) => client.query(insert, [newId(), purpose, dayOf(purpose)]));
    if (held(holder).includes(purpose)) expect((await made).rowCount).toBe(1);
    else await expect(made, purpose).rejects.toMatchObject(denied);
  }
});

test.each(keyHolders)('%s shreds its own days, never a key without a day, and marks no other purpose as shredded', async (holder) => {
  const own = held(holder).filter((name) => purposes[name].daily);
  const gone = await as(holder, (client) => client.query<{ purpose: string }>('delete from keyring.key returning purpose'));
  expect(gone.rows.map(({ purpose }) => purpose).sort()).toEqual(own);
  const marked = await as(holder, (client) =>
    client.query<{ name: string }>(`update keyring.purpose set gone_before = '2026-01-01' returning name`),
  );
  expect(marked.rows.map(({ name }) => name).sort()).toEqual(own);
});

test.each(keyHolders)('%s can neither change a key, nor see or raise a root, nor change what a purpose is', async (holder) => {
  const forbidden = [
    `update keyring.key set wrapped = wrapped`,
    `select * from keyring.root`,
    `update keyring.root set dead_at = null`,
    `insert into keyring.root (tenant_id) values ('${newId()}')`,
    `delete from keyring.root`,
    `update keyring.purpose set daily = false`,
    `insert into keyring.purpose (name, daily) values ('mine', false)`,
    `delete from keyring.purpose`,
    `select keyring.entrust('mine', false, '${holder}')`,
    `truncate keyring.key`,
    `alter table keyring.key disable trigger all`,
    `create table keyring.mine (id int)`,
  ];
  if (holder !== 'retention') forbidden.push(`select keyring.kill('${tenantId}', now())`);
  for (const sql of forbidden)
    await expect(
      as(holder, (client) => client.query(sql)),
      sql,
    ).rejects.toMatchObject(denied);
});

test('a login cannot take the role of another service, nor see anything without taking its own', async () => {
  const take = keyring.pool('sync').query(`select set_config('role', 'rejoinder_timeline_keys', true)`);
  await expect(take).rejects.toMatchObject(denied);
});

test('a table of the caller’s own that is called root does not mislead the guard', async () => {
  const dead = newId();
  await as('retention', async (client) => {
    await client.query('select keyring.kill($1, now())', [dead]);
    await client.query('create temporary table root (tenant_id uuid primary key, dead_at timestamptz)');
    await client.query('create temporary table purpose (name text, daily boolean, gone_before date)');
    expect((await client.query(insert, [dead, 'ids', 'infinity'])).rowCount).toBe(0);
  });
});

test('nothing is made under a dead root, whoever asks: not even the owner', async () => {
  const dead = newId();
  await keyring.admin.query('select keyring.kill($1, now())', [dead]);
  expect((await keyring.admin.query(insert, [dead, 'ids', 'infinity'])).rowCount).toBe(0);
});

test('keys by day have a day, and others have none', async () => {
  for (const [purpose, day] of [
    ['raw', 'infinity'],
    ['ids', '2026-11-24'],
  ])
    await expect(keyring.admin.query(insert, [newId(), purpose, day])).rejects.toMatchObject({ code: '23514' });
});

test('two keyrings in one cluster may be made at the same moment, by an admin who is no superuser', async () => {
  await using other = await startPostgres();
  await other.query('create role steward login createrole createdb');
  const urls = await Promise.all(
    ['one', 'two', 'three'].map(async (name) => {
      const url = await other.createDatabase(name);
      await other.query(`alter database ${name} owner to steward`);
      return url.replace('postgres:postgres@', 'steward@');
    }),
  );
  await Promise.all(urls.map(migrateKeyring));
  for (const holder of keyHolders) {
    const [row] = await other.query(`select pg_has_role('steward', 'rejoinder_${holder}_keys', 'set') as may`);
    expect(row).toEqual({ may: true });
  }
});
