// The proof over real services and a real PostgreSQL: it holds, and it fails for each thing that may go wrong.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { role as attachment } from '@rejoinder/attachment/role';
import { newId } from '@rejoinder/base/id';
import { startOfDay } from '@rejoinder/base/clock';
import type { EventLog } from '@rejoinder/bus/event-log';
import { RetentionService, type ProveResponse } from '@rejoinder/contracts/api/retention';
import { PartitionKeeper } from '@rejoinder/runtime/partitions';
import { startRole, type RunningRole } from '@rejoinder/runtime/role';
import { Database } from '@rejoinder/runtime/database';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { Vault } from '@rejoinder/vault/vault';
import { judge } from '../src/judge.js';
import { role as retention } from '../src/role.js';
import { StoreApi } from '../src/store-api.js';

/** Only these run here: the verdicts on the other owners fail, and are left out. */
const owners = ['attachment', 'retention'] as const;
const running: readonly string[] = owners;
const dayMs = 86_400_000;

let house: TestHouse;
let folder: string;
let skewMs = 0;
const clock = { now: () => new Date(Date.now() + skewMs) };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rejoinder-prove-'));
  const env = { REJOINDER_STORE: 'disk', REJOINDER_STORE_FOLDER: folder, REJOINDER_PROOF_ANSWER_SECONDS: '4' };
  house = await startTestHouse({ roles: [attachment, retention], clock, env });
});
afterAll(async () => {
  await house?.stop();
  await rm(folder, { recursive: true, force: true });
});

const prove = () => house.peers.client(RetentionService).prove({}, { deadlineMs: 20_000 });
/** The verdicts on those that run, judged as the service does, without waiting for those that do not. */
const verdicts = async () => {
  const ask = async (owner: (typeof owners)[number]) => ({
    owner,
    ...(await house.peers.storeOf(owner).listOldest({}, { deadlineMs: 20_000 })),
  });
  return judge(await Promise.all(owners.map(ask)), clock.now(), { forgetMs: dayMs }).verdicts;
};
const failing = async () =>
  (await verdicts()).filter(({ holds }) => !holds).map(({ store, owner, reason }) => `${store?.name ?? owner}: ${reason}`);
const told = ({ verdicts }: ProveResponse, of: string) => verdicts.filter(({ owner }) => owner === of);
const putRow = (table: string, at: Date) =>
  house.query(
    `insert into ${table} (written_at, tenant_id, event_id, topic, key, type, sequence, historical, value, placed_at) values ($1, $2, $3, 'x', 'x', 'x', 0, false, '', $1)`,
    [at, newId(), newId()],
  );

describe('a proof', () => {
  it('has a verdict for every store of every owner that runs, and they hold', async () => {
    expect(await failing()).toEqual([]);
    const names = (await verdicts()).map(({ store }) => `${store?.name} ${store?.retentionClass} ${store?.setting}`);
    expect(names).toEqual([
      'attachment.attachment R3 ',
      'attachment.dead_letter wire REJOINDER_WIRE_DAYS',
      'attachment.orphan R3 ',
      'attachment.outbox wire REJOINDER_WIRE_DAYS',
      'attachment.tombstone tombstone ',
      'attachment.objects R3 ',
      'retention.dead_letter wire REJOINDER_WIRE_DAYS',
      'retention.outbox wire REJOINDER_WIRE_DAYS',
      'retention.proof R2 REJOINDER_METADATA_DAYS',
      'bus.log wire REJOINDER_WIRE_DAYS',
    ]);
  });

  it('does not hold while an owner is down, and says which', async () => {
    const { holds, verdicts: all } = await prove();
    expect(holds).toBe(false);
    const silent = all.filter(({ owner }) => !running.includes(owner));
    expect(silent.map(({ owner }) => owner)).toEqual(['connections', 'sync', 'threading', 'sending', 'timeline', 'gateway']);
    expect(all.filter(({ owner, holds }) => running.includes(owner) && !holds)).toEqual([]);
    for (const { holds, store, reason } of silent) {
      expect(holds).toBe(false);
      expect(store).toBeUndefined();
      expect(reason).toMatch(/^It did not answer/);
    }
  });

  it('is written down with its verdicts', async () => {
    const { provedAt } = await prove();
    const rows = await house.query<{ proved_at: Date; holds: boolean; verdicts: { owner: string }[] }>(
      'select * from retention.proof order by proved_at desc limit 1',
    );
    expect(Math.floor(rows[0]!.proved_at.getTime() / 1_000)).toBe(Number(provedAt!.seconds));
    expect(rows[0]!.holds).toBe(false);
    expect(rows[0]!.verdicts.some(({ owner }) => owner === 'attachment')).toBe(true);
  });

  it('fails for a row in an old partition that was attached again, and for a leftover that was never dropped', async () => {
    const old = startOfDay(clock.now(), -8);
    const [from, to] = [old, startOfDay(old, 1)].map((day) => day.toISOString().slice(0, 10));
    const name = `attachment.outbox_${from!.replaceAll('-', '')}`;
    await house.query(`create table ${name} partition of attachment.outbox for values from ('${from}') to ('${to}')`);
    await putRow('attachment.outbox', old);
    expect(await failing()).toEqual([
      expect.stringMatching(/^attachment.outbox: Its oldest item is [89]\.\d+ days old; REJOINDER_WIRE_DAYS allows 7\.$/),
    ]);
    await house.query(`alter table attachment.outbox detach partition ${name}`);
    expect(await failing()).toEqual([expect.stringMatching(/^attachment.outbox: /)]);
    await house.query(`drop table ${name}`);
    expect(await failing()).toEqual([]);
  });

  it('fails for an event log that kept a day too long', async () => {
    const old = startOfDay(clock.now(), -9);
    const [from, to] = [old, startOfDay(old, 1)].map((day) => day.toISOString().slice(0, 10));
    await house.query(`create table bus.log_old partition of bus.log for values from ('${from}') to ('${to}')`);
    await house.query(`insert into bus.log values ('x', 0, 0, $1, 'x', '{}', '')`, [old]);
    expect(await failing()).toEqual([expect.stringMatching(/^bus.log: /)]);
    await house.query('drop table bus.log_old');
  });

  it('tells the oldest event of Kafka where that is the log', async () => {
    const { app } = house.roles.find(({ name }) => name === 'retention')!;
    const oldest = new Date('2026-11-20T00:00:00Z');
    const kafka = { oldest: () => Promise.resolve(oldest) } as EventLog;
    const settings = { ...house.house.settings, bus: 'kafka' as const };
    const { stores } = await new StoreApi(app.get(Database), app.get(Vault), settings, kafka).listOldest();
    expect(stores!.at(-1)).toMatchObject({ name: 'kafka.log', retentionClass: 'wire', setting: 'retention.ms', limitSeconds: 345_600n });
    expect(Number(stores!.at(-1)!.oldest!.seconds) * 1_000).toBe(oldest.getTime());
  });

  it('fails for what waits to be forgotten longer than a day, and for objects that nobody knows', async () => {
    const since = new Date(clock.now().getTime() - 1.5 * dayMs);
    const key = `${house.tenantId}/${newId()}/${newId()}`;
    await house.query('insert into attachment.orphan (tenant_id, object_key, since, due_at, lease_until) values ($1, $2, $3, $3, $4)', [
      house.tenantId,
      key,
      since,
      new Date(Date.now() + dayMs),
    ]);
    expect(await failing()).toEqual(['attachment.orphan: 1 items wait to be deleted, the oldest for 36 hours.']);
    await house.query('delete from attachment.orphan where object_key = $1', [key]);
    await mkdir(join(folder, key, '..'), { recursive: true });
    await writeFile(join(folder, key), 'stray');
    const [objects] = (await verdicts()).filter(({ store }) => store?.name === 'attachment.objects');
    expect(objects).toMatchObject({ holds: true, store: { toForget: 1n } });
    skewMs = 2 * dayMs;
    expect(await failing()).toEqual([expect.stringMatching(/^attachment.objects: 1 items wait to be deleted, the oldest for 4[78] hours/)]);
    skewMs = 0;
    await rm(join(folder, key));
  });

  it('comes by itself every night, and once more after the night is over', async () => {
    const proofs = async () =>
      (
        await house.query<{ count: number }>(
          "select count(*)::int as count from retention.proof where proved_at > now() + interval '1 day'",
        )
      )[0]!.count;
    for (const [night, expected] of [
      [2, 1],
      [3, 2],
    ] as const) {
      skewMs = night * dayMs;
      house.house.wake.wake('retention', ['duty']);
      await settle('the nightly proof', async () => (await proofs()) === expected);
    }
    const duty = await settle('its outcome', async () => {
      const [row] = await house.query<{ due_at: Date; last_reason: string }>('select due_at, last_reason from retention.duty');
      return row?.last_reason === 'did not hold' ? row : undefined;
    });
    expect(duty.due_at.getUTCHours()).toBe(3);
    expect(duty.due_at.getTime()).toBeGreaterThan(clock.now().getTime());
    skewMs = 0;
  });

  it('fails while a role is away, and holds again once it has come back after longer than the limit', async () => {
    await putRow('attachment.outbox', clock.now());
    const away = house.roles.find(({ name }) => name === 'attachment')!;
    await away.stop();
    expect(told(await prove(), 'attachment')).toMatchObject([{ holds: false, reason: expect.stringMatching(/^It did not answer/) }]);
    skewMs = 8 * dayMs;
    // Days are made ahead once an hour of the machine's time.
    const { pool, keptDays, logger } = house.house;
    await new PartitionKeeper('retention', pool, clock, keptDays, logger).keep();
    const back: RunningRole = await startRole(attachment, house.house, house.env);
    house.roles.splice(house.roles.indexOf(away), 1, back);
    const after = await settle('an answer', async () => {
      const lines = told(await prove(), 'attachment');
      return lines.length > 1 ? lines : undefined;
    });
    expect(after.filter(({ holds }) => !holds)).toEqual([]);
  });
});
