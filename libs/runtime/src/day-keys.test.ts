// Day keys end with the days they seal, on the owner's own clock: with a real keyring and a real Vault.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dayOf, startOfDay } from '@rejoinder/base/clock';
import { newId } from '@rejoinder/base/id';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { fileKey } from '@rejoinder/vault/kek';
import { Vault } from '@rejoinder/vault/vault';
import { dayKeysOf } from './day-keys.js';
import { keyringMigrations, migrate, serviceMigrations } from './migrate.js';
import { PartitionKeeper } from './partitions.js';
import { reportStores } from './store-report.js';

const settings = { bodyDays: 7, metadataDays: 60, wireDays: 7 };
const tenantId = newId();
const began = new Date('2026-11-24T10:00:00Z');
let now = began;
const clock = { now: () => now };
let postgres: Postgres;
let pool: pg.Pool;
let keyringPool: pg.Pool;
let folder: string;
let vault: Vault;
let keeper: PartitionKeeper;

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'rejoinder-day-keys-'));
  const [url, keyringUrl] = [await postgres.createDatabase('house'), await postgres.createDatabase('keyring')];
  await mkdir(join(folder, 'migrations'));
  await migrate(url, [serviceMigrations('sync', pathToFileURL(join(folder, 'migrations')))]);
  await migrate(keyringUrl, [keyringMigrations()]);
  pool = new pg.Pool({ connectionString: url, max: 4, options: '-c timezone=UTC' });
  keyringPool = new pg.Pool({ connectionString: keyringUrl, max: 2 });
  vault = new Vault('sync', keyringPool, await fileKey(join(folder, 'key'), { createIfMissing: true }), clock);
  keeper = new PartitionKeeper('sync', pool, clock, { R1: 7, R2: 60, wire: 7 }, pino({ level: 'silent' }), dayKeysOf('sync', vault));
});
afterAll(async () => {
  await Promise.all([pool?.end(), keyringPool?.end()]);
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

const place = (purpose: 'raw' | 'headers' | 'letters:sync') => ({ tenantId, purpose, day: dayOf(began), row: 'one' });
const keysTold = async () => {
  const { stores = [] } = await reportStores({ database: { service: 'sync', pool }, vault, settings });
  return stores.map(({ name }) => name!).filter((name) => name.startsWith('keyring.'));
};

describe('the day keys of sync', () => {
  it('open until the limit of their class and no longer, and the proof sees them until then', async () => {
    await keeper.keep();
    const [raw, headers, letter] = await Promise.all(
      (['raw', 'headers', 'letters:sync'] as const).map((purpose) => vault.seal(place(purpose), Buffer.from('hello'))),
    );
    now = startOfDay(began, 6);
    await keeper.keep();
    expect(String(await vault.open(place('raw'), raw!))).toBe('hello');
    expect((await keysTold()).sort()).toEqual(['keyring.headers', 'keyring.letters:sync', 'keyring.raw']);
    now = startOfDay(began, 7);
    await keeper.keep();
    await expect(vault.open(place('raw'), raw!)).rejects.toMatchObject({ kind: 'gone', code: 'KEY_GONE' });
    await expect(vault.open(place('letters:sync'), letter!)).rejects.toMatchObject({ code: 'KEY_GONE' });
    expect(String(await vault.open(place('headers'), headers!))).toBe('hello');
    expect(await keysTold()).toEqual(['keyring.headers']);
    now = startOfDay(began, 60);
    await keeper.keep();
    await expect(vault.open(place('headers'), headers!)).rejects.toMatchObject({ code: 'KEY_GONE' });
    expect(await keysTold()).toEqual([]);
  });

  it('of a day that is gone are never made again', async () => {
    await expect(vault.seal(place('raw'), Buffer.from('late'))).rejects.toMatchObject({ kind: 'gone' });
  });
});
