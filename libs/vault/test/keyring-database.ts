// A keyring database for tests: migrated as the house migrates it, with a login per service that can only take that service's role.
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import type { Postgres } from '@rejoinder/testing/postgres';
import { keyHolders, type KeyHolder } from '../src/purposes.js';

const migrations = new URL('../migrations/', import.meta.url);

export interface KeyringDatabase {
  url: string;
  /** As the superuser. */
  admin: pg.Pool;
  /** A pool whose login may take this service's role and no other. */
  pool(holder: KeyHolder): pg.Pool;
  end(): Promise<void>;
}

/** Applies the migrations as libs/runtime does: an admin login that may make roles, in the role of the schema's owner. */
export async function migrateKeyring(adminUrl: string): Promise<void> {
  const client = new pg.Client(adminUrl);
  await client.connect();
  try {
    await client.query(
      `do $$ begin create role rejoinder_keyring_owner nologin; exception when duplicate_object or unique_violation then null; end $$`,
    );
    await client.query('begin');
    await client.query('grant rejoinder_keyring_owner to current_user');
    await client.query('create schema keyring authorization rejoinder_keyring_owner');
    await client.query('set local role rejoinder_keyring_owner');
    await client.query('set local search_path = keyring');
    for (const name of (await readdir(migrations)).sort()) {
      await client.query(await readFile(new URL(`${name}/migration.sql`, migrations), 'utf8'));
    }
    const { rows } = await client.query<{ role: string }>('select current_user as role');
    if (rows[0]?.role !== 'rejoinder_keyring_owner') throw new Error('the migration left its role');
    await client.query('commit');
  } finally {
    await client.end();
  }
}

export async function startKeyring(postgres: Postgres): Promise<KeyringDatabase> {
  const name = `keyring_${randomBytes(4).toString('hex')}`;
  const url = await postgres.createDatabase(name);
  await migrateKeyring(url);
  for (const holder of keyHolders) {
    await postgres.query(`do $$ begin create role login_${holder} login; exception when duplicate_object then null; end $$`);
    await postgres.query(`grant rejoinder_${holder}_keys to login_${holder}`);
  }
  const admin = new pg.Pool({ connectionString: url, max: 2 });
  const pools = new Map<KeyHolder, pg.Pool>();
  const pool = (holder: KeyHolder) => {
    const loginUrl = url.replace('postgres:postgres@', `login_${holder}@`);
    if (!pools.has(holder)) pools.set(holder, new pg.Pool({ connectionString: loginUrl, max: 4 }));
    return pools.get(holder)!;
  };
  return { url, admin, pool, end: async () => void (await Promise.all([admin.end(), ...[...pools.values()].map((one) => one.end())])) };
}
