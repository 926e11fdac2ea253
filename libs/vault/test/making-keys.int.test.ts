// Keys are made once, whoever needs them and however many at once, and what they sealed opens in its own place.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { settle } from '@rejoinder/testing/settle';
import { sealedSize } from '../src/stream-format.js';
import { maxBatch } from '../src/vault.js';
import { broken, gone, raw, startBench, text, type VaultBench } from './keyring-database.js';
import { counting } from './slow-kms.js';

let bench: VaultBench;
const vaultOf: VaultBench['vaultOf'] = (...args) => bench.vaultOf(...args);
const keysOf = (tenantId: string) => bench.keysOf(tenantId);
beforeAll(async () => void (bench = await startBench()));
afterAll(() => bench?.[Symbol.asyncDispose]());

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
  const counted = counting(bench.kek);
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

test('opening makes no key', async () => {
  const tenantId = newId();
  await expect(vaultOf('sync').open(raw(tenantId), randomBytes(50))).rejects.toMatchObject(gone);
  expect(await keysOf(tenantId)).toEqual([]);
});

test('in a batch a changed piece is broken and the others open', async () => {
  const vault = vaultOf('sync');
  const at = raw(newId());
  const whole = await vault.seal(at, text('whole'));
  const changed = Buffer.from(whole);
  changed[30]! ^= 1;
  const [one, two, three] = await vault.openMany([whole, changed, whole].map((sealed) => ({ at, sealed })));
  expect([String(one), String(three)]).toEqual(['whole', 'whole']);
  expect(two).toMatchObject(broken);
});

test('a place that is wrong fails its batch before anything is sealed, and a batch has an end', async () => {
  const at = raw(newId());
  const wrong = { at: { ...at, row: '' }, plain: text('x') };
  await expect(vaultOf('sync').sealMany([{ at, plain: text('x') }, wrong])).rejects.toMatchObject({ kind: 'invalid' });
  const items = Array.from({ length: maxBatch + 1 }, () => ({ at, plain: text('x') }));
  await expect(vaultOf('sync').sealMany(items)).rejects.toMatchObject({ kind: 'too_large', code: 'BATCH_TOO_LARGE' });
  expect(await keysOf(at.tenantId)).toEqual([]);
});

test('a login that may take every role still sees the purposes of one service in each transaction', async () => {
  const tenantId = newId();
  const [sync, timeline] = (['sync', 'timeline'] as const).map((holder) => vaultOf(holder, bench.kek, bench.keyring.admin));
  await sync!.seal(raw(tenantId), text('x'));
  await timeline!.seal({ tenantId, purpose: 'text', row: 'x' }, text('x'));
  expect((await sync!.oldest()).map(({ purpose }) => purpose)).not.toContain('text');
  expect((await timeline!.oldest()).map(({ purpose }) => purpose)).toContain('text');
  expect((await bench.keyring.admin.query('select current_user as who')).rows).toEqual([{ who: 'postgres' }]);
});

test('a login that is no member of the role is told so', async () => {
  const vault = vaultOf('sync', bench.kek, bench.keyring.pool('timeline'));
  const refused = { kind: 'denied', code: 'KEYRING_DENIED', message: expect.stringContaining('rejoinder_sync_keys') };
  await expect(vault.seal(raw(newId()), text('x'))).rejects.toMatchObject(refused);
});

test('an outage of the keyring is no Fault, and the next call works', async () => {
  const at = raw(newId());
  const vault = vaultOf('sync');
  const sealed = await vaultOf('sync').seal(at, text('x'));
  await bench.postgres.down();
  await expect(vault.open(at, sealed)).rejects.not.toBeInstanceOf(Fault);
  await bench.postgres.up();
  expect((await vault.open(at, sealed)).toString()).toBe('x');
});

test('a connection that breaks in the middle of a look-up fails that call alone', async () => {
  const at = raw(newId());
  const blocker = await bench.keyring.admin.connect();
  try {
    await blocker.query('begin; lock table keyring.key');
    const sealing = vaultOf('sync').seal(at, text('x'));
    const failed = expect(sealing).rejects.toMatchObject({ code: '57P01' });
    const waiting = `select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity where usename = 'login_sync' and wait_event_type = 'Lock'`;
    await settle('the look-up to wait', async () => (await bench.postgres.query<{ ended: number }>(waiting))[0]?.ended);
    await failed;
  } finally {
    await blocker.query('rollback');
    blocker.release();
  }
  await vaultOf('sync').seal(at, text('x'));
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
  await expect(vaultOf('sync', bench.otherKek).open(raw(tenantId), sealed)).rejects.toMatchObject({ kind: 'broken', code: 'KEK_OTHER' });
  await expect(vaultOf('sync', bench.otherKek).openMany([{ at: raw(tenantId), sealed }])).rejects.toMatchObject({ code: 'KEK_OTHER' });
});

test('a wrapped key that was moved to another row of the keyring does not open, and spoils only its own', async () => {
  const [mine, yours] = [newId(), newId()];
  const vault = vaultOf('sync');
  const items = await Promise.all([mine, yours].map(async (id) => ({ at: raw(id), sealed: await vault.seal(raw(id), text(id)) })));
  const moved = 'update keyring.key set wrapped = (select wrapped from keyring.key where tenant_id = $1) where tenant_id = $2';
  await bench.keyring.admin.query(moved, [yours, mine]);
  const [spoiled, whole] = await vaultOf('sync').openMany(items);
  expect(spoiled).toMatchObject({ kind: 'broken', code: 'KEY_BROKEN' });
  expect(String(whole)).toBe(yours);
});
