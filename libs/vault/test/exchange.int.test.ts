// One key of the key file for another: in each step of it processes of the step before run beside those of the next.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import type { KeyEncryption } from '../src/kek.js';
import { keysPerBatch, openAsOwner, rewrap, wrappedKeys } from '../src/rewrap.js';
import { gone, raw, startBench, text, type VaultBench } from './keyring-database.js';

let bench: VaultBench;
const steps = {} as Record<'before' | 'known' | 'wraps' | 'after', KeyEncryption>;
beforeAll(async () => {
  bench = await startBench();
  steps.before = await bench.kekOf('key');
  steps.known = await bench.kekOf('key', 'other');
  steps.wraps = await bench.kekOf('other', 'key');
  steps.after = await bench.kekOf('other');
});
beforeEach(() => bench.keyring.forget());
afterAll(() => bench?.[Symbol.asyncDispose]());

async function asOwner<T>(work: (client: Awaited<ReturnType<typeof openAsOwner>>) => Promise<T>): Promise<T> {
  const client = await openAsOwner(bench.keyring.url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const counts = () => asOwner(async (client) => Object.fromEntries((await wrappedKeys(client)).map(({ kekId, keys }) => [kekId, keys])));

test('processes of neighbouring steps open what the other has sealed, and after the last the old key is needed no more', async () => {
  const sealed: { at: ReturnType<typeof raw>; bytes: Buffer }[] = [];
  const run = async (one: KeyEncryption, other: KeyEncryption) => {
    for (const [by, opens] of [
      [one, other],
      [other, one],
    ] as const) {
      const at = raw(newId());
      sealed.push({ at, bytes: await bench.vaultOf('sync', by).seal(at, text('x')) });
      for (const { at: place, bytes } of sealed) expect((await bench.vaultOf('sync', opens).open(place, bytes)).toString()).toBe('x');
    }
    for (const kek of [one, other]) expect(await bench.vaultOf('sync', kek).trouble()).toBeUndefined();
  };
  await run(steps.before, steps.known);
  await run(steps.known, steps.wraps);
  expect(await asOwner((client) => rewrap(client, steps.wraps))).toEqual({ keys: 3, damaged: [] });
  await run(steps.wraps, steps.after);
  expect(await counts()).toEqual({ [steps.after.id]: 6 });
});

describe('what a process was not given', () => {
  test('is told in a sentence, by any service, of any purpose, and never found out by a mail', async () => {
    await bench.vaultOf('timeline').seal({ tenantId: newId(), purpose: 'text', row: 'x' }, text('x'));
    expect(await bench.vaultOf('gateway', steps.known).trouble()).toBeUndefined();
    const said = await bench.vaultOf('gateway', steps.after).trouble();
    expect(said).toBe(
      `Keys of the keyring are wrapped by ${steps.before.id}, and the key file has ${steps.after.id} alone: add the missing one as its last line, until rejoinder keys rewrap leaves none to it.`,
    );
  });

  test('is told while ten thousand keys are in order', async () => {
    await bench.vaultOf('sync', steps.wraps).sealMany(Array.from({ length: 10_000 }, () => ({ at: raw(newId()), plain: text('x') })));
    expect(await bench.vaultOf('sync', steps.after).trouble()).toBeUndefined();
    await bench.vaultOf('sync').seal(raw(newId()), text('x'));
    expect(await bench.vaultOf('sync', steps.after).trouble()).toContain(steps.before.id);
  }, 60_000);
});

describe('wrapping anew', () => {
  test('several batches, beside processes that seal, and days that are shredded meanwhile', async () => {
    const tenants = Array.from({ length: keysPerBatch * 2 + 1 }, () => newId());
    const vault = bench.vaultOf('sync');
    const old = await vault.sealMany(tenants.map((id) => ({ at: raw(id, '2026-11-17'), plain: text(id) })));
    const kept = await vault.sealMany(tenants.map((id) => ({ at: raw(id), plain: text(id) })));
    const running = bench.vaultOf('sync', steps.wraps);
    const [{ keys, damaged }, ...sealed] = await Promise.all([
      asOwner((client) => rewrap(client, steps.wraps)),
      ...Array.from({ length: 50 }, () => running.seal(raw(newId()), text('meanwhile'))),
      running.dropBefore('raw', '2026-11-18'),
    ]);
    expect([damaged, sealed.length]).toEqual([[], 51]);
    expect(keys).toBeGreaterThanOrEqual(kept.length);
    expect(await counts()).toEqual({ [steps.after.id]: kept.length + 50 });
    const after = bench.vaultOf('sync', steps.after);
    const opened = await after.openMany(tenants.map((id, index) => ({ at: raw(id), sealed: kept[index] as Buffer })));
    expect(opened.map(String)).toEqual(tenants);
    await expect(after.open(raw(tenants[0]!, '2026-11-17'), old[0] as Buffer)).rejects.toMatchObject(gone);
  }, 60_000);

  test('a run that was ended is finished by the next, and two at once do each key once', async () => {
    await bench.vaultOf('sync').sealMany(Array.from({ length: keysPerBatch + 100 }, () => ({ at: raw(newId()), plain: text('x') })));
    let wraps = 0;
    const breaks: KeyEncryption = {
      ...steps.wraps,
      wrap: (plain, context) => (++wraps > keysPerBatch ? Promise.reject(new Error('ended')) : steps.wraps.wrap(plain, context)),
    };
    await expect(asOwner((client) => rewrap(client, breaks))).rejects.toThrow('ended');
    expect(await counts()).toEqual({ [steps.before.id]: 100, [steps.after.id]: keysPerBatch });
    const runs = await Promise.all([1, 2].map(() => asOwner((client) => rewrap(client, steps.wraps))));
    expect(runs[0]!.keys + runs[1]!.keys).toBe(100);
    expect(await asOwner((client) => rewrap(client, steps.wraps))).toEqual({ keys: 0, damaged: [] });
  });

  test('a damaged key is named and left, a key that nobody gave is left, and neither holds up the others', async () => {
    const [spoiled, stranger, whole] = [newId(), newId(), newId()];
    for (const id of [spoiled, stranger, whole]) await bench.vaultOf('sync').seal(raw(id), text('x'));
    const change = (sql: string, id: string) => bench.keyring.admin.query(`update keyring.key set ${sql} where tenant_id = $1`, [id]);
    await change(`wrapped = set_byte(wrapped, 20, 255 - get_byte(wrapped, 20))`, spoiled);
    await change(`kek_id = 'file:lost'`, stranger);
    expect(await asOwner((client) => rewrap(client, steps.wraps))).toEqual({
      keys: 1,
      damaged: [{ tenantId: spoiled, purpose: 'raw', day: '2026-11-24' }],
    });
    expect(await counts()).toEqual({ 'file:lost': 1, [steps.before.id]: 1, [steps.after.id]: 1 });
  });

  test('is refused to a login of a service', async () => {
    const { url } = bench.keyring;
    await expect(openAsOwner(url.replace('postgres:postgres@', 'login_sync@'))).rejects.toMatchObject({ code: 'KEYRING_DENIED' });
  });
});
