// What must hold from a service's outbox over the log to another service's handler, on every driver.
import { fromBinary } from '@bufbuild/protobuf';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '@rejoinder/base/clock';
import { newId } from '@rejoinder/base/id';
import { delay } from '@rejoinder/base/wait';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { isOutage } from '@rejoinder/runtime/outage';
import { seededRandom } from '@rejoinder/testing/seed';
import { settle } from '@rejoinder/testing/settle';
import { BatchHandler, type Invoke } from '@rejoinder/bus/batch-handler';
import { Counters } from '@rejoinder/bus/counters';
import { DeadLetters } from '@rejoinder/bus/dead-letters';
import { deadLetter, done, skip, type LoggedEvent } from '@rejoinder/bus/event';
import type { EventLog } from '@rejoinder/bus/event-log';
import { event, Outbox } from '@rejoinder/bus/outbox';
import { partitionOn } from '@rejoinder/bus/partition';
import { Relay } from '@rejoinder/bus/relay';
import { republish } from '@rejoinder/bus/republish';
import type { Transactions } from '@rejoinder/bus/sql';
import type { Driver } from './drivers.js';
import { eventOf, firstSeen, topic, upTo, watch, note } from './scenes.js';
import { openPool, PlainTransactions } from './service-database.js';
import { quietLogger } from './victim.js';

const group = () => `test.${newId()}`;
/** Stands for the vault: shows that what is stored is not what was sent, and that it is bound to tenant and row. */
const mask = (tenantId: string, row: string, bytes: Uint8Array) =>
  Buffer.from(bytes).map((byte, index) => byte ^ (tenantId + row).charCodeAt(index % 72));
const seal = async (tenantId: string, row: string, bytes: Uint8Array) => mask(tenantId, row, Buffer.concat([Buffer.from('sealed'), bytes]));
const unseal = async (tenantId: string, row: string, sealed: Uint8Array) => mask(tenantId, row, sealed).subarray(6);

export function outboxConformance(name: string, startDriver: () => Promise<Driver>): void {
  describe(`outbox and dead letters over ${name}`, () => {
    let driver: Driver;
    let pool: pg.Pool;
    let database: PlainTransactions;
    let log: EventLog;
    const random = seededRandom();
    const clock = systemClock();
    const outbox = new Outbox(clock);
    const running: Relay[] = [];
    const opened: EventLog[] = [];
    const open = () => {
      const one = driver.open();
      opened.push(one);
      return one;
    };
    const startRelay = (change: Partial<ConstructorParameters<typeof Relay>[0]> = {}) => {
      const relay = new Relay({ service: 'sync', database, log, logger: quietLogger, leaseMs: 1_000, pollMs: 500, ...change });
      relay.start();
      running.push(relay);
      return relay;
    };
    const say = (tenantId: string, key: string, sequence: number, historical = false, by: Transactions = database) =>
      by.write({ tenants: [tenantId] }, (tx) =>
        outbox.add(tx, [
          event({ topic, key, tenantId, schema: MailCapturedSchema, message: { mailId: newId() }, sequence: BigInt(sequence), historical }),
        ]),
      );

    beforeAll(async () => {
      driver = await startDriver();
      pool = openPool(driver.databaseUrl, 20);
      database = new PlainTransactions(pool, 'sync');
      log = open();
      await log.ensureTopics();
      await pool.query(
        'create table public.keyed (key text primary key, revision int not null); grant all on public.keyed to rejoinder_sync_worker',
      );
    });
    afterEach(async () => {
      await Promise.all(running.splice(0).map((relay) => relay.stop()));
      await pool.query('truncate sync.outbox');
    });
    afterAll(async () => {
      await Promise.all(opened.map((one) => one.close()));
      await pool?.end();
      await driver?.stop();
    });

    it('skips no event of concurrent writers and keeps their order within a key, with two relays at it', async () => {
      const tenant = newId();
      const keys = Array.from({ length: 6 }, () => newId());
      await pool.query('insert into public.keyed select k, 0 from unnest($1::text[]) k', [keys]);
      const seen = await watch(open(), group(), tenant);
      startRelay();
      startRelay({ log: open() });
      const write = async () => {
        for (let round = 0; round < 25; round++) {
          const key = random.pick(keys);
          await database.write({ tenants: [tenant] }, async (tx) => {
            const [row] = await tx.$queryRawUnsafe<{ revision: number }[]>(
              'update public.keyed set revision = revision + 1 where key = $1 returning revision',
              key,
            );
            if (random.chance(0.3)) await delay(random.int(0, 20));
            await outbox.add(tx, [
              event({ topic, key, tenantId: tenant, schema: MailCapturedSchema, message: {}, sequence: BigInt(row!.revision) }),
            ]);
            if (random.chance(0.3)) await delay(random.int(0, 20));
          });
          for (const relay of running) relay.wake();
        }
      };
      await Promise.all(Array.from({ length: 8 }, write));
      const { rows } = await pool.query<{ key: string; revision: number }>('select key, revision from public.keyed where key = any ($1)', [
        keys,
      ]);
      await settle('all events', () => [...firstSeen(seen.events).values()].flat().length === 200);
      for (const { key, revision } of rows) expect(firstSeen(seen.events).get(key) ?? [], key).toEqual(upTo(revision));
      await settle('all to be placed', async () => (await pool.query('select 1 from sync.outbox where placed_at is null')).rowCount === 0);
      await seen.close();
    });

    it('places fresh events before historical ones', async () => {
      const tenant = newId();
      const key = newId();
      // More history than one batch of the relay takes.
      const old = upTo(600).map((sequence) =>
        event({ topic, key, tenantId: tenant, schema: MailCapturedSchema, message: {}, sequence: BigInt(sequence), historical: true }),
      );
      await database.write({ tenants: [tenant] }, (tx) => outbox.add(tx, old));
      for (const sequence of upTo(3)) await say(tenant, key, 1_000 + sequence);
      const seen = await watch(open(), group(), tenant);
      startRelay();
      await settle('all events', () => seen.events.length === 603);
      expect(seen.events.map((one) => Number(one.sequence))).toEqual([1_001, 1_002, 1_003, ...upTo(600)]);
      expect(seen.events.map((one) => one.historical).indexOf(true)).toBe(3);
      await seen.close();
    });

    it('is taken over when a relay is killed after publishing and before marking', async () => {
      const tenant = newId();
      const keys = [newId(), newId()];
      const seen = await watch(open(), group(), tenant);
      for (const sequence of upTo(4)) for (const key of keys) await say(tenant, key, sequence);
      const victim = driver.startVictim({ kind: 'relay', service: 'sync' });
      await settle('the victim to have published', () => victim.output().includes('published'));
      await victim.stop('SIGKILL');
      const killed = performance.now();
      for (const key of keys) await say(tenant, key, 5);
      startRelay();
      await settle('all events', () => [...firstSeen(seen.events).values()].flat().length === 10);
      const tookMs = performance.now() - killed;
      note(`${name}: the relay was taken over after ${Math.round(tookMs)} ms`);
      expect(tookMs).toBeLessThan(3_000 + 1_500);
      for (const key of keys) expect(firstSeen(seen.events).get(key)).toEqual(upTo(5));
      await seen.close();
    });

    it('looks no more often than its poll where another relay left a lease that is over and there is nothing to place', async () => {
      await pool.query(`update sync.relay_lease set holder = $1, held_until = clock_timestamp() - interval '1 minute'`, [newId()]);
      const looks: number[] = [];
      const counting: Transactions = {
        write: (scope, work) => database.write(scope, work),
        writeToDisk: (scope, work) => database.writeToDisk(scope, work),
        read: (scope, work) => database.read(scope, work),
        single: (sql, ...values) => {
          looks.push(performance.now());
          return database.single(sql, ...values);
        },
      };
      startRelay({ database: counting });
      await settle('three looks', () => looks.length >= 3);
      expect(looks[2]! - looks[0]!).toBeGreaterThan(900);
    });

    it('publishes nothing that it read before it slept through its lease', async () => {
      const tenant = newId();
      const key = newId();
      let asleep = false;
      let wake!: () => void;
      const sleeping = new Promise<void>((resolve) => (wake = resolve));
      // Sleeps between reading and publishing, as a paused pod does.
      const drowsy: Transactions = {
        write: (scope, work) => database.write(scope, work),
        writeToDisk: (scope, work) => database.writeToDisk(scope, work),
        read: (scope, work) => database.read(scope, work),
        single: async <T>(sql: string, ...values: unknown[]) => {
          const rows = await database.single<T>(sql, ...values);
          const hasRows = (rows as { seq?: string | null }[]).some(({ seq }) => seq);
          if (hasRows && !asleep) {
            asleep = true;
            await sleeping;
          }
          return rows;
        },
      };
      const published: LoggedEvent[][] = [];
      const noting: Pick<EventLog, 'publish'> = { publish: async (events) => void published.push(events as unknown as LoggedEvent[]) };
      const seen = await watch(open(), group(), tenant);
      await say(tenant, key, 1);
      startRelay({ database: drowsy, log: noting });
      await settle('the first to sleep', () => asleep);
      await say(tenant, key, 2);
      startRelay();
      await settle('the second to have taken over', () => seen.events.length === 2);
      await settle('all to be placed', async () => (await pool.query('select 1 from sync.outbox where placed_at is null')).rowCount === 0);
      wake();
      await running[0]!.stop();
      expect(published).toEqual([]);
      await seen.close();
    });

    it('backs off while the log is away, says so, and goes on', async () => {
      const tenant = newId();
      let away = true;
      let tries = 0;
      const failing: Pick<EventLog, 'publish'> = {
        publish: async (events) => {
          tries++;
          if (away) throw new Error('the log is away');
          await log.publish(events);
        },
      };
      const seen = await watch(open(), group(), tenant);
      await say(tenant, newId(), 1);
      const relay = startRelay({ log: failing });
      await settle('trouble', () => tries >= 2 && relay.health());
      expect(relay.health()).toMatch(/outbox of sync/);
      away = false;
      await settle('the event', () => seen.events.length === 1);
      await settle('health', () => relay.health() === undefined);
      await seen.close();
    });

    it('places a batch once that took longer than its lease, and says that it is slow', async () => {
      const tenant = newId();
      let publishes = 0;
      const slow: Pick<EventLog, 'publish'> = {
        publish: async (events) => {
          publishes++;
          await delay(1_800);
          await log.publish(events);
        },
      };
      const seen = await watch(open(), group(), tenant);
      await say(tenant, newId(), 1);
      const relay = startRelay({ log: slow });
      await settle('trouble', () => relay.health()?.includes('longer than its lease'));
      await settle('the event', () => seen.events.length === 1);
      await settle('all to be placed', async () => (await pool.query('select 1 from sync.outbox where placed_at is null')).rowCount === 0);
      await settle('health', () => relay.health() === undefined);
      expect(publishes).toBe(1);
      await seen.close();
    });

    it('republishes what was written since a time, under the same ids', async () => {
      const tenant = newId();
      const key = newId();
      const seen = await watch(open(), group(), tenant);
      startRelay();
      await say(tenant, key, 1);
      await settle(
        'the first to be placed',
        async () => (await pool.query('select 1 from sync.outbox where placed_at is null')).rowCount === 0,
      );
      const since = new Date();
      for (const sequence of [2, 3, 4]) await say(tenant, key, sequence);
      await settle('all to be placed', async () => (await pool.query('select 1 from sync.outbox where placed_at is null')).rowCount === 0);
      await settle('all to be seen', () => seen.events.length === 4);
      const { count, oldest } = await republish(database, since);
      expect(count).toBe(3);
      expect(oldest!.getTime()).toBeLessThan(since.getTime());
      await settle('them again', () => seen.events.length === 7);
      expect(seen.events.slice(4).map((one) => one.id)).toEqual(seen.events.slice(1, 4).map((one) => one.id));
      await seen.close();
    });

    it('keeps poison as sealed dead letters, goes on behind it, and replays what was mended', async () => {
      const tenant = newId();
      const key = newId();
      const letters = new DeadLetters(new PlainTransactions(pool, 'threading'), clock, seal, unseal);
      const counters = new Counters();
      const handled: bigint[] = [];
      let mended = false;
      const invoke: Invoke = async (batch) => {
        if (!mended && batch.some((one) => one.event.sequence === 4n)) throw new TypeError('a bug about bob@example.org');
        const outcomes = batch.map(({ event: one }) =>
          one.sequence === 6n ? skip('not_ours') : one.sequence === 7n ? deadLetter('makes no sense') : done,
        );
        handled.push(...batch.map((one) => one.event.sequence));
        return outcomes;
      };
      const handlerOf = (_topic: string, type: string) => (type === 'MailCaptured' ? invoke : undefined);
      const batches = new BatchHandler({ service: 'threading', handlerOf, deadLetters: letters, isOutage, counters, logger: quietLogger });
      const seen = await watch(open(), group(), tenant, { handle: (batch, signal) => batches.handle(batch, signal) });
      const partition = partitionOn(topic, key);
      const bad = eventOf(tenant, key, 2, { value: Buffer.from([0xff, 0xff, 0xff]) });
      const poison = eventOf(tenant, key, 4);
      await log.publish([eventOf(tenant, key, 1), bad, eventOf(tenant, key, 3), poison, eventOf(tenant, key, 5)]);
      await driver.appendMalformed(topic, partition, {
        'content-type': 'application/protobuf',
        ce_specversion: '1.0',
        ce_type: 'MailCaptured',
        ce_tenant: tenant,
      });
      await log.publish([
        eventOf(tenant, key, 6),
        eventOf(tenant, key, 7),
        eventOf(tenant, key, 8, { type: 'OfNextYear' }),
        eventOf(tenant, key, 9, { type: 'CaptureFailed' }),
      ]);
      await settle('all of them', () => seen.events.some((one) => one.sequence === 9n));
      const dead = (await letters.waiting(clock.now())).filter(({ tenantId }) => tenantId === tenant);
      expect(Object.fromEntries(dead.map((letter) => [letter.reason, letter.offset]).toSorted())).toEqual({
        'bytes are not its message': seen.events.find((one) => one.sequence === 2n)!.offset,
        'handler threw TypeError': seen.events.find((one) => one.sequence === 4n)!.offset,
        'makes no sense': seen.events.find((one) => one.sequence === 7n)!.offset,
        'malformed: ce_id is no id': expect.anything(),
      });
      expect(new Set(handled)).toEqual(new Set([1n, 3n, 5n, 6n, 7n]));
      expect(counters.read()).toMatchObject({ handled: 3, dead: 4, retried: 5, skipped: { not_ours: 1, unknown_type: 1, no_handler: 1 } });
      const letter = dead.find((one) => one.reason === 'handler threw TypeError')!;
      const stored = await pool.query<{ sealed_value: Buffer }>(
        'select sealed_value from threading.dead_letter where dead_letter_id = $1',
        [letter.deadLetterId],
      );
      expect(stored.rows[0]!.sealed_value.includes(Buffer.from(poison.value))).toBe(false);
      const replayed: LoggedEvent[] = [];
      const hand = (one: LoggedEvent) => (replayed.push(one), batches.handleOne(one));
      expect(await letters.replay(letter.deadLetterId, hand)).toEqual(deadLetter('handler threw TypeError'));
      mended = true;
      expect(await letters.replay(letter.deadLetterId, hand)).toEqual(done);
      expect(handled.at(-1)).toBe(4n);
      expect(fromBinary(MailCapturedSchema, replayed[0]!.value).mailId).toMatch(/^[0-9a-f-]{36}$/);
      expect((await letters.waiting(clock.now())).map((one) => one.deadLetterId)).not.toContain(letter.deadLetterId);
      await seen.close();
    });

    it('waits for its database instead of burying events', async () => {
      const tenant = newId();
      const counters = new Counters();
      const letters = new DeadLetters(new PlainTransactions(pool, 'threading'), clock, seal, unseal);
      let tries = 0;
      const invoke: Invoke = async () => {
        if (++tries <= 7) throw Object.assign(new Error('terminating connection'), { code: '57P01' });
        return done;
      };
      const batches = new BatchHandler({
        service: 'threading',
        handlerOf: () => invoke,
        deadLetters: letters,
        isOutage,
        counters,
        logger: quietLogger,
      });
      const batch = [{ ...eventOf(tenant, newId(), 1), partition: 0, offset: 0n }];
      for (let attempt = 1; attempt <= 7; attempt++)
        await expect(batches.handle(batch, new AbortController().signal)).rejects.toThrow('terminating');
      await batches.handle(batch, new AbortController().signal);
      expect(counters.read()).toMatchObject({ handled: 1, dead: 0 });
    });
  });
}
