// Keys end: days are shredded, tenants and holds die, and none comes back.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { keyLifeMs } from '../src/key-cache.js';
import { gone, raw, startBench, text, type VaultBench } from './keyring-database.js';
import { holding } from './slow-kms.js';

let bench: VaultBench;
const vaultOf: VaultBench['vaultOf'] = (...args) => bench.vaultOf(...args);
const keysOf = (tenantId: string) => bench.keysOf(tenantId);
beforeAll(async () => void (bench = await startBench()));
// What one test shredded would stay so for the next.
beforeEach(() => bench.keyring.forget());
afterAll(() => bench?.[Symbol.asyncDispose]());

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
      bench.pass(60_000);
      await warm.open(at, sealed);
    }
    bench.pass(keyLifeMs - 4 * 60_000);
    await expect(warm.open(at, sealed)).rejects.toMatchObject(gone);
  });

  test('a look-up that was under way while a day was dropped leaves nothing in the cache', async () => {
    const at = raw(newId(), '2026-11-17');
    const sealed = await vaultOf('sync').seal(at, text('old'));
    const held = holding(bench.kek);
    const vault = vaultOf('sync', held);
    const opening = vault.open(at, sealed);
    await held.reached;
    await vault.dropBefore('raw', '2026-11-18');
    await expect(vault.open(at, sealed)).rejects.toMatchObject(gone);
    held.release();
    await opening;
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
    bench.pass(keyLifeMs);
    await expect(timeline.open(at, sealed)).rejects.toMatchObject(gone);
    await expect(timeline.seal(at, text('again'))).rejects.toMatchObject(gone);
    expect(await keysOf(tenantId)).toEqual([]);
  });

  test('a tenant that was ended before it had a key has none either, and its first end stands', async () => {
    const tenantId = newId();
    await vaultOf('retention').killTenant(tenantId);
    const died = 'select dead_at from keyring.root where tenant_id = $1';
    const first = (await bench.keyring.admin.query(died, [tenantId])).rows;
    bench.pass(60_000);
    await vaultOf('retention').killTenant(tenantId);
    expect((await bench.keyring.admin.query(died, [tenantId])).rows).toEqual(first);
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
