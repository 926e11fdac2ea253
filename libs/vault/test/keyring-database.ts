// A keyring database for tests: migrated as the house migrates it, with a login per service that can only take that service's role.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { fileKey, type KeyEncryption } from '../src/kek.js';
import { keyHolders, type KeyHolder } from '../src/purposes.js';
import { Vault } from '../src/vault.js';

const migrations = new URL('../migrations/', import.meta.url);

export interface KeyringDatabase {
  url: string;
  /** As the superuser. */
  admin: pg.Pool;
  /** A pool whose login may take this service's role and no other. */
  pool(holder: KeyHolder): pg.Pool;
  /** As if nothing had been made or shredded. */
  forget(): Promise<void>;
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

/** Idle connections may break: that is for the next query to find out. */
function openPool(connectionString: string, max: number): pg.Pool {
  return new pg.Pool({ connectionString, max }).on('error', () => {});
}

export async function startKeyring(postgres: Postgres): Promise<KeyringDatabase> {
  const name = `keyring_${randomBytes(4).toString('hex')}`;
  const url = await postgres.createDatabase(name);
  await migrateKeyring(url);
  for (const holder of keyHolders) {
    await postgres.query(`do $$ begin create role login_${holder} login; exception when duplicate_object then null; end $$`);
    await postgres.query(`grant rejoinder_${holder}_keys to login_${holder}`);
  }
  const admin = openPool(url, 2);
  const pools = new Map<KeyHolder, pg.Pool>();
  const pool = (holder: KeyHolder) => {
    const loginUrl = url.replace('postgres:postgres@', `login_${holder}@`);
    if (!pools.has(holder)) pools.set(holder, openPool(loginUrl, 4));
    return pools.get(holder)!;
  };
  const forget = async () => {
    await admin.query(`truncate keyring.key, keyring.root; update keyring.purpose set gone_before = '-infinity'`);
  };
  return {
    url,
    admin,
    pool,
    forget,
    end: async () => void (await Promise.all([admin.end(), ...[...pools.values()].map((one) => one.end())])),
  };
}

export interface VaultBench extends AsyncDisposable {
  postgres: Postgres;
  keyring: KeyringDatabase;
  kek: KeyEncryption;
  /** A key file that is not the keyring's. */
  otherKek: KeyEncryption;
  /** A key file that has the keys of these in this order: the keyring's, the other's. */
  kekOf(...names: ('key' | 'other')[]): Promise<KeyEncryption>;
  /** Moves the clock of all its vaults. */
  pass(ms: number): void;
  /** A vault with a cache of its own, as if in another process. */
  vaultOf(holder: KeyHolder, by?: KeyEncryption, pool?: pg.Pool): Vault;
  /** What the keyring has of a tenant. */
  keysOf(tenantId: string): Promise<unknown[]>;
}

/** A keyring, a key file and a clock. */
export async function startBench(): Promise<VaultBench> {
  const postgres = await startPostgres();
  const keyring = await startKeyring(postgres);
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-vault-'));
  const [kek, otherKek] = await Promise.all(['key', 'other'].map((name) => fileKey(join(folder, name), { createIfMissing: true })));
  let nowMs = Date.UTC(2026, 10, 24, 12);
  const clock = { now: () => new Date(nowMs) };
  const keysSql = 'select purpose, day::text from keyring.key where tenant_id = $1 order by 1, 2';
  return {
    postgres,
    keyring,
    kek: kek!,
    otherKek: otherKek!,
    kekOf: async (...names) => {
      const lines = await Promise.all(names.map(async (name) => (await readFile(join(folder, name), 'utf8')).split('\n')[1]));
      const path = join(folder, names.join('-then-'));
      await writeFile(path, ['rejoinder-key-file 1', ...lines, ''].join('\n'), { mode: 0o600 });
      return fileKey(path);
    },
    pass: (ms) => void (nowMs += ms),
    vaultOf: (holder, by = kek!, pool = keyring.pool(holder)) => new Vault(holder, pool, by, clock),
    keysOf: async (tenantId) => (await keyring.admin.query(keysSql, [tenantId])).rows,
    async [Symbol.asyncDispose]() {
      await keyring.end();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const gone = { name: 'Fault', kind: 'gone', code: 'KEY_GONE' };
export const broken = { name: 'Fault', kind: 'broken', code: 'SEAL_BROKEN' };
export const text = (content: string): Buffer => Buffer.from(content);
export const raw = (tenantId: string, day = '2026-11-24') => ({ tenantId, purpose: 'raw' as const, day, row: 'raw_body:1' });
