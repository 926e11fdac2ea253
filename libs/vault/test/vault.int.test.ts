// What keys do in a real PostgreSQL: made once, seen by their holders alone, shredded by day, dead with their tenant.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { fileKey, type KeyEncryption } from '../src/kek.js';
import { keyLifeMs } from '../src/key-cache.js';
import type { KeyHolder } from '../src/purposes.js';
import { sealedSize } from '../src/stream-format.js';
import { Vault } from '../src/vault.js';
import { startKeyring, type KeyringDatabase } from './keyring-database.js';

let postgres: Postgres;
let keyring: KeyringDatabase;
let folder: string;
let kek: KeyEncryption;
let nowMs: number;
const clock = { now: () => new Date(nowMs) };

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'rejoinder-vault-'));
  kek = await fileKey(join(folder, 'key'), { createIfMissing: true });
});
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  nowMs = Date.UTC(2026, 10, 24, 12);
  keyring = await startKeyring(postgres);
  return () => keyring.end();
});

const vaultOf = (holder: KeyHolder, by = kek) => new Vault(holder, keyring.pool(holder), by, clock);
const text = (content: string) => Buffer.from(content);
const raw = (tenantId: string, day = '2026-11-24', row = 'raw_body:1') => ({ tenantId, purpose: 'raw' as const, day, row });
const gone = { name: 'Fault', kind: 'gone', code: 'KEY_GONE' };
const broken = { name: 'Fault', kind: 'broken', code: 'SEAL_BROKEN' };
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

  test('processes that make the same batch of keys in opposite order do not block each other', async () => {
    const tenants = Array.from({ length: 40 }, () => newId());
    const items = tenants.map((tenantId) => ({ at: raw(tenantId), plain: text(tenantId) }));
    const batches = Array.from({ length: 8 }, (_, index) => vaultOf('sync').sealMany(index % 2 ? items : [...items].reverse()));
    const sealed = (await Promise.all(batches)).flat();
    expect(sealed.filter((one) => one instanceof Fault)).toEqual([]);
  });

  test('all who miss a key at once in one process ask for it once, and later ones not at all', async () => {
    const counted = counting(kek);
    const vault = vaultOf('sync', counted);
    const at = raw(newId());
    const sealed = await Promise.all(Array.from({ length: 50 }, () => vault.seal(at, text('x'))));
    await Promise.all(sealed.map((one) => vault.open(at, one)));
    expect(counted.calls).toEqual({ wrap: 1, unwrap: 0 });
  });

  test('a batch over many tenants and days is one look-up, in its own order', async () => {
    const tenants = [newId(), newId(), newId()];
    const items = tenants.flatMap((tenantId) =>
      ['2026-11-22', '2026-11-23'].map((day) => ({ at: raw(tenantId, day), plain: text(tenantId + day) })),
    );
    const sealed = (await vaultOf('sync').sealMany(items)) as Buffer[];
    const opened = await vaultOf('sync').openMany(items.map(({ at }, index) => ({ at, sealed: sealed[index]! })));
    expect(opened.map(String)).toEqual(items.map(({ plain }) => plain.toString()));
  });

  test('a file goes through sealed', async () => {
    const vault = vaultOf('attachment');
    const at = { tenantId: newId(), purpose: 'files' as const, row: 'part:1' };
    const plain = randomBytes(200_000);
    const sealed = await buffer(Readable.from([plain]).pipe(vault.sealStream(at)));
    expect(sealed.length).toBe(sealedSize(plain.length));
    expect((await buffer(Readable.from([sealed]).pipe(vault.openStream(at)))).equals(plain)).toBe(true);
    const elsewhere = Readable.from([sealed]).pipe(vault.openStream({ ...at, row: 'part:2' }));
    await expect(buffer(elsewhere)).rejects.toMatchObject(broken);
  });

  test('services that hash for the same tenant agree, and no two tenants do', async () => {
    const tenantId = newId();
    const [one, two] = await Promise.all([vaultOf('sync').hasher(tenantId), vaultOf('threading').hasher(tenantId)]);
    expect(one.hash('message-id', 'a@b')).toEqual(two.hash('message-id', 'a@b'));
    const other = await vaultOf('sync').hasher(newId());
    expect(other.hash('message-id', 'a@b')).not.toEqual(one.hash('message-id', 'a@b'));
  });

  test('the database keeps no key that the key file does not open', async () => {
    const tenantId = newId();
    const sealed = await vaultOf('sync').seal(raw(tenantId), text('x'));
    const other = await fileKey(join(folder, 'other'), { createIfMissing: true });
    await expect(vaultOf('sync', other).open(raw(tenantId), sealed)).rejects.toMatchObject({ kind: 'broken', code: 'KEK_OTHER' });
    await expect(vaultOf('sync', other).openMany([{ at: raw(tenantId), sealed }])).rejects.toMatchObject({ code: 'KEK_OTHER' });
  });

  test('a wrapped key that was moved to another row of the keyring does not open, and spoils only its own', async () => {
    const [mine, yours] = [newId(), newId()];
    const vault = vaultOf('sync');
    const items = await Promise.all([mine, yours].map(async (id) => ({ at: raw(id), sealed: await vault.seal(raw(id), text(id)) })));
    const moved = 'update keyring.key set wrapped = (select wrapped from keyring.key where tenant_id = $1) where tenant_id = $2';
    await keyring.admin.query(moved, [yours, mine]);
    const [spoiled, whole] = await vaultOf('sync').openMany(items);
    expect(spoiled).toMatchObject({ kind: 'broken', code: 'KEY_BROKEN' });
    expect(String(whole)).toBe(yours);
  });
});

describe('shredding', () => {
  test('what a process has dropped is gone at once, there and for every new process, and nothing else is', async () => {
    const tenantId = newId();
    const vault = vaultOf('sync');
    const old = await vault.seal(raw(tenantId, '2026-11-17'), text('old'));
    const kept = await vault.seal(raw(tenantId, '2026-11-18'), text('kept'));
    expect(await vault.dropBefore('raw', '2026-11-18')).toBe(1);
    for (const one of [vault, vaultOf('sync')]) {
      await expect(one.open(raw(tenantId, '2026-11-17'), old)).rejects.toMatchObject(gone);
      expect((await one.open(raw(tenantId, '2026-11-18'), kept)).toString()).toBe('kept');
    }
  });

  test('a process with the key in its cache loses it within five minutes', async () => {
    const at = raw(newId(), '2026-11-17');
    const warm = vaultOf('sync');
    const sealed = await warm.seal(at, text('old'));
    await vaultOf('sync').dropBefore('raw', '2026-11-18');
    for (let minute = 0; minute < 4; minute++) {
      nowMs += 60_000;
      await warm.open(at, sealed);
    }
    nowMs += keyLifeMs - 4 * 60_000;
    await expect(warm.open(at, sealed)).rejects.toMatchObject(gone);
  });

  test('a look-up that was under way while a day was dropped leaves nothing in the cache', async () => {
    const at = raw(newId(), '2026-11-17');
    const sealed = await vaultOf('sync').seal(at, text('old'));
    const held = holding(kek);
    const vault = vaultOf('sync', held);
    const opening = vault.open(at, sealed);
    await held.reached;
    await vault.dropBefore('raw', '2026-11-18');
    held.release();
    await opening.catch(() => {});
    await expect(vault.open(at, sealed)).rejects.toMatchObject(gone);
  });

  test('no key is made again for a day that was shredded, though a process that knows of nothing asks', async () => {
    const tenantId = newId();
    const vault = vaultOf('sync');
    await vault.dropBefore('raw', '2026-11-18');
    await vault.dropBefore('raw', '2026-11-10');
    await expect(vaultOf('sync').seal(raw(tenantId, '2026-11-17'), text('late'))).rejects.toMatchObject(gone);
    expect(await keysOf(tenantId)).toEqual([]);
    await vaultOf('sync').seal({ ...raw(tenantId, '2026-11-17'), purpose: 'headers' }, text('another purpose'));
  });

  test('in a batch the shredded pieces are gone and the others open', async () => {
    const tenantId = newId();
    const vault = vaultOf('sync');
    const items = await Promise.all(
      ['2026-11-17', '2026-11-18'].map(async (day) => ({
        at: raw(tenantId, day),
        sealed: await vault.seal(raw(tenantId, day), text(day)),
      })),
    );
    await vault.dropBefore('raw', '2026-11-18');
    const [old, kept] = await vault.openMany(items);
    expect(old).toMatchObject(gone);
    expect(String(kept)).toBe('2026-11-18');
  });

  test('the oldest key of each purpose is told for the proof', async () => {
    const tenantId = newId();
    const vault = vaultOf('sync');
    for (const day of ['2026-11-20', '2026-11-19']) await vault.seal(raw(tenantId, day), text(day));
    await vault.hasher(tenantId);
    await vaultOf('timeline').seal({ tenantId, purpose: 'text', row: 'x' }, text('not to be seen by sync'));
    const oldest = await vault.oldest();
    expect(oldest.map(({ purpose, day, keys }) => [purpose, day, keys])).toEqual([
      ['ids', undefined, 1],
      ['raw', '2026-11-19', 2],
    ]);
    expect(oldest[0]!.createdAt).toBeInstanceOf(Date);
  });

  test('a key without a day is not shredded by day', async () => {
    await expect(vaultOf('sync').dropBefore('ids', '2026-11-18')).rejects.toMatchObject({ kind: 'invalid' });
  });
});

describe('the end of a tenant', () => {
  test('all keys are gone, at once where it was ended, and none is ever made again', async () => {
    const tenantId = newId();
    const [sync, timeline, retention] = [vaultOf('sync'), vaultOf('timeline'), vaultOf('retention')];
    const at = { tenantId, purpose: 'text' as const, row: 'engagement:1' };
    const sealed = await timeline.seal(at, text('x'));
    await sync.seal(raw(tenantId), text('x'));
    await retention.hasher(tenantId);
    await retention.killTenant(tenantId);
    expect(await keysOf(tenantId)).toEqual([]);
    await expect(retention.hasher(tenantId)).rejects.toMatchObject(gone);
    await expect(vaultOf('sync').seal(raw(tenantId), text('late'))).rejects.toMatchObject(gone);
    nowMs += keyLifeMs;
    await expect(timeline.open(at, sealed)).rejects.toMatchObject(gone);
    await expect(timeline.seal(at, text('again'))).rejects.toMatchObject(gone);
    expect(await keysOf(tenantId)).toEqual([]);
  });

  test('a tenant that was ended before it had a key has none either, and its first end stands', async () => {
    const tenantId = newId();
    await vaultOf('retention').killTenant(tenantId);
    const died = 'select dead_at from keyring.root where tenant_id = $1';
    const first = (await keyring.admin.query(died, [tenantId])).rows;
    nowMs += 60_000;
    await vaultOf('retention').killTenant(tenantId);
    expect((await keyring.admin.query(died, [tenantId])).rows).toEqual(first);
    await expect(vaultOf('sync').hasher(tenantId)).rejects.toMatchObject(gone);
  });

  test('in a batch the dead are gone and the living go on', async () => {
    const [dead, alive] = [newId(), newId()];
    await vaultOf('retention').killTenant(dead);
    const [one, two] = await vaultOf('sync').sealMany([dead, alive].map((id) => ({ at: raw(id), plain: text(id) })));
    expect(one).toMatchObject(gone);
    expect(two).toBeInstanceOf(Buffer);
    expect([...(await vaultOf('sync').hashers([dead, alive])).keys()]).toEqual([alive]);
  });

  test('a hold lies under a root of its own: it outlives the tenant, and ends when it is lifted', async () => {
    const [tenantId, holdId] = [newId(), newId()];
    const at = { tenantId: holdId, purpose: 'hold:sync' as const, row: `held:${tenantId}` };
    const sealed = await vaultOf('sync').seal(at, text('held'));
    await vaultOf('retention').killTenant(tenantId);
    expect((await vaultOf('sync').open(at, sealed)).toString()).toBe('held');
    await vaultOf('retention').killTenant(holdId);
    await expect(vaultOf('sync').open(at, sealed)).rejects.toMatchObject(gone);
  });

  test('only retention may end a tenant', async () => {
    const tenantId = newId();
    await vaultOf('sync').seal(raw(tenantId), text('x'));
    await expect(vaultOf('sync').killTenant(tenantId)).rejects.toMatchObject({ kind: 'denied', code: 'KEYRING_DENIED' });
    expect(await keysOf(tenantId)).toHaveLength(1);
  });

  test('a key that is being made while its tenant dies is not there afterwards', async () => {
    for (let round = 0; round < 20; round++) {
      const tenantId = newId();
      const mints = ['2026-11-20', '2026-11-21', '2026-11-22'].map((day) => vaultOf('sync').seal(raw(tenantId, day), text('x')));
      await Promise.allSettled([...mints, vaultOf('retention').killTenant(tenantId)]);
      expect(await keysOf(tenantId)).toEqual([]);
    }
  });
});

function counting(inner: KeyEncryption): KeyEncryption & { calls: { wrap: number; unwrap: number } } {
  const calls = { wrap: 0, unwrap: 0 };
  return {
    id: inner.id,
    calls,
    wrap: (plain, context) => (calls.wrap++, inner.wrap(plain, context)),
    unwrap: (wrapped, context) => (calls.unwrap++, inner.unwrap(wrapped, context)),
  };
}

/** A KMS that does not answer before it is let. */
function holding(inner: KeyEncryption): KeyEncryption & { reached: Promise<void>; release: () => void } {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  return {
    ...inner,
    reached: reached.promise,
    release: released.resolve,
    unwrap: async (wrapped, context) => {
      reached.resolve();
      await released.promise;
      return inner.unwrap(wrapped, context);
    },
  };
}
