// What keys do in a real PostgreSQL: made once, seen by their holders alone, shredded by day, dead with their tenant.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { fileKey, type KeyEncryption } from '../src/kek.js';
import { purposes, type KeyHolder, type Purpose } from '../src/purposes.js';
import { Vault } from '../src/vault.js';
import { startKeyring, type KeyringDatabase } from './keyring-database.js';

let postgres: Postgres;
let keyring: KeyringDatabase;
let folder: string;
let kek: KeyEncryption;
let nowMs = Date.UTC(2026, 10, 24, 12);
const clock = { now: () => new Date(nowMs) };

beforeAll(async () => {
  postgres = await startPostgres();
  keyring = await startKeyring(postgres);
  folder = await mkdtemp(join(tmpdir(), 'rejoinder-vault-'));
  kek = await fileKey(join(folder, 'key'), { createIfMissing: true });
});
afterAll(async () => {
  await keyring?.end();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

const vaultOf = (holder: KeyHolder) => new Vault(holder, keyring.pool(holder), kek, clock);
const text = (content: string) => Buffer.from(content);
const raw = (tenantId: string, day = '2026-11-24') => ({ tenantId, purpose: 'raw' as const, day, row: 'raw_body:1' });
const keysOf = async (tenantId: string) =>
  (await keyring.admin.query('select purpose, day::text from keyring.key where tenant_id = $1 order by 1, 2', [tenantId])).rows;

describe('making keys', () => {
  test('what one process seals, another opens', async () => {
    const tenantId = newId();
    const sealed = await vaultOf('sync').seal(raw(tenantId), text('the text of a mail'));
    expect((await vaultOf('sync').open(raw(tenantId), sealed)).toString()).toBe('the text of a mail');
    expect(sealed.includes('the text')).toBe(false);
  });

  test('twenty processes that need the same key at once get the one that was first', async () => {
    const tenantId = newId();
    const vaults = Array.from({ length: 20 }, () => vaultOf('sync'));
    const sealed = await Promise.all(vaults.map((vault) => vault.seal(raw(tenantId), text('once'))));
    expect(new Set(sealed.map((one) => one.subarray(1, 9).toString('hex'))).size).toBe(1);
    expect(await keysOf(tenantId)).toEqual([{ purpose: 'raw', day: '2026-11-24' }]);
    for (const one of sealed) expect((await vaults[0]!.open(raw(tenantId), one)).toString()).toBe('once');
  });
});
