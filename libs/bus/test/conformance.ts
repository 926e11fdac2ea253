// What every driver of the event log must keep to, against real servers that are hurt on purpose.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { delay } from '@rejoinder/base/wait';
import { newId } from '@rejoinder/base/id';
import { seededRandom } from '@rejoinder/testing/seed';
import { settle } from '@rejoinder/testing/settle';
import type { EventLog } from '@rejoinder/bus/event-log';
import { partitionOn } from '@rejoinder/bus/partition';
import { partitionsOf, type Driver } from './drivers.js';
import { eventOf, firstSeen, keysOnDifferentPartitions, topic, upTo, watch, note } from './scenes.js';
import { openPool } from './service-database.js';

const wholeTopic = partitionsOf(topic).length;
const held = (seen: { assignments: { partition: number }[][] }) => (seen.assignments.at(-1) ?? []).map((one) => one.partition);
const group = () => `test.${newId()}`;

export function conformance(driverName: string, startDriver: () => Promise<Driver>): void {
  describe(`the event log on ${driverName}`, () => {
    let driver: Driver;
    const random = seededRandom();
    const opened: EventLog[] = [];
    const open = () => {
      const log = driver.open();
      opened.push(log);
      return log;
    };
    beforeAll(async () => {
      driver = await startDriver();
      await open().ensureTopics();
    });
    afterAll(async () => {
      await Promise.all(opened.map((log) => log.close()));
      await driver?.stop();
    });

    it('brings what was published, whole, to the partition of its key', async () => {
      const tenant = newId();
      const sent = eventOf(tenant, newId(), 7, {
        historical: true,
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
        value: random.bytes(900),
      });
      const seen = await watch(open(), group(), tenant);
      await open().publish([sent]);
      await settle('the event', () => seen.events.length === 1);
      const [event] = seen.events;
      expect({ ...event, value: Buffer.from(event!.value) }).toEqual({
        ...sent,
        partition: partitionOn(topic, sent.key),
        offset: event!.offset,
        value: Buffer.from(sent.value),
      });
      await seen.close();
    });

    it('keeps order within each key, from several writers, for several groups', async () => {
      const tenant = newId();
      const keys = Array.from({ length: 20 }, () => newId());
      const groups = await Promise.all([1, 2, 3].map(() => watch(open(), group(), tenant)));
      const writers = [open(), open()];
      await Promise.all(
        writers.map(async (log, writer) => {
          const own = keys.filter((_, index) => index % writers.length === writer);
          const next = new Map(own.map((key) => [key, 1]));
          for (let batch = 0; batch < 20; batch++) {
            const events = Array.from({ length: 50 }, () => {
              const key = random.pick(own);
              const sequence = next.get(key)!;
              next.set(key, sequence + 1);
              return eventOf(tenant, key, sequence);
            });
            await log.publish(events);
          }
        }),
      );
      for (const seen of groups) {
        await settle('all events', () => [...firstSeen(seen.events).values()].flat().length === 2_000);
        for (const [key, sequences] of firstSeen(seen.events)) expect(sequences, key).toEqual(upTo(sequences.length));
        note(`${driverName}: ${seen.events.length - 2_000} of 2,000 came twice`);
        await seen.close();
      }
    });

    it('goes on where the group stood, and gives nothing twice, after an orderly close', async () => {
      const tenant = newId();
      const name = group();
      const [first, key] = [await watch(open(), name, tenant), newId()];
      await open().publish(upTo(50).map((sequence) => eventOf(tenant, key, sequence)));
      await settle('the first fifty', () => first.events.length === 50);
      const closing = performance.now();
      await first.close();
      expect(performance.now() - closing).toBeLessThan(2_000);
      await open().publish([eventOf(tenant, key, 51)]);
      const second = await watch(open(), name, tenant);
      await settle('the next', () => second.events.length >= 1);
      expect(second.events.map((event) => Number(event.sequence))).toEqual([51]);
      await second.close();
    });

    it('finishes and commits the batch in hand when it closes', async () => {
      const tenant = newId();
      const name = group();
      let started = 0;
      const slow = await watch(open(), name, tenant, {
        handle: async () => {
          started++;
          await delay(400);
        },
      });
      await open().publish([eventOf(tenant, newId(), 1)]);
      await settle('the batch to be in hand', () => started === 1);
      await slow.close();
      expect(slow.events.length).toBe(1);
      const after = await watch(open(), name, tenant);
      await open().publish([eventOf(tenant, newId(), 2)]);
      await settle('the next event', () => after.events.length >= 1);
      expect(after.events.map((event) => Number(event.sequence))).toEqual([2]);
      await after.close();
    });

    it('brings events again whose handler died between effect and commit', async () => {
      const tenant = newId();
      const name = group();
      const victim = driver.startVictim({ kind: 'consume', group: name, topic, tenantId: tenant });
      const sent = upTo(5).map((sequence) => eventOf(tenant, newId(), sequence));
      await open().publish(sent);
      await settle('the victim to have its effect', () => victim.output().includes('effect'));
      await victim.stop('SIGKILL');
      const heir = await watch(open(), name, tenant);
      await settle('the heir to have all', () => new Set(heir.events.map((event) => event.id)).size === sent.length, {
        timeoutMs: driver.memberMs + 10_000,
      });
      const pool = openPool(driver.databaseUrl);
      const { rows } = await pool.query<{ event_id: string }>('select event_id from public.effect where event_id = any ($1)', [
        sent.map((event) => event.id),
      ]);
      await pool.end();
      expect(rows.length).toBeGreaterThan(0);
      await heir.close();
    });

    it('goes on where others have got to, when it was away for so long that they took over', async () => {
      const tenant = newId();
      const name = group();
      const keys = keysOnDifferentPartitions(3);
      const publish = (sequence: number) => open().publish(keys.map((key) => eventOf(tenant, key, sequence)));
      const says = (word: string) => away.output().split(word).length - 1;
      const away = driver.startVictim({ kind: 'follow', group: name, topic, tenantId: tenant });
      const timeoutMs = driver.memberMs + 20_000;
      await publish(1);
      await settle('the first to be in hand', () => says('begins 1') === keys.length, { timeoutMs });
      away.signal('SIGSTOP');
      const heir = await watch(open(), name, tenant);
      await publish(2);
      await settle('the heir to have the second', () => heir.events.filter(({ sequence }) => sequence === 2n).length === keys.length, {
        timeoutMs,
      });
      await heir.close();
      away.signal('SIGCONT');
      await publish(3);
      await settle('the third to be handled', () => says('handled 3') === keys.length || says('lost') > 0, { timeoutMs });
      expect(away.output()).not.toContain('lost');
      await away.stop();
    });

    it('tries a failing batch again, in order, and does not let it hold up other partitions', async () => {
      const tenant = newId();
      const [bad, good] = keysOnDifferentPartitions(2) as [string, string];
      let fails = true;
      let tries = 0;
      const seen = await watch(open(), group(), tenant, {
        handle: async (batch) => {
          if (batch[0]!.key !== bad || !fails) return;
          tries++;
          throw new Error('the database of this key is away');
        },
      });
      await open().publish([eventOf(tenant, bad, 1), eventOf(tenant, bad, 2)]);
      await settle('a first failure', () => tries > 0);
      for (const sequence of upTo(10)) {
        await open().publish([eventOf(tenant, good, sequence)]);
        await settle('the others to go on', () => seen.events.filter((event) => event.key === good).length === sequence, {
          timeoutMs: 2_000,
        });
      }
      await settle('several tries', () => tries >= 3);
      expect(seen.health().reason).toMatch(/does not get past/);
      expect(seen.events.some((event) => event.key === bad)).toBe(false);
      fails = false;
      await settle('the bad key', () => seen.events.filter((event) => event.key === bad).length === 2);
      expect(firstSeen(seen.events).get(bad)).toEqual([1, 2]);
      await settle('health', () => seen.health().reason === undefined);
      await seen.close();
    });

    it('does not take a slow handler for dead', async () => {
      const tenant = newId();
      const name = group();
      const [slow, quick] = keysOnDifferentPartitions(2) as [string, string];
      let calls = 0;
      const handle = async (batch: { key: string }[]) => {
        if (batch[0]!.key !== slow) return;
        if (++calls === 1) await delay(driver.memberMs * 2.5);
      };
      // Another member would take over at once what it believes to be dead.
      const members = [await watch(open(), name, tenant, { handle }), await watch(open(), name, tenant, { handle })];
      const seen = () => members.flatMap((member) => member.events);
      await settle('both to hold half', () => members.every((member) => held(member).length === wholeTopic / 2));
      await open().publish([eventOf(tenant, slow, 1)]);
      await settle('the slow one to be in hand', () => calls === 1);
      await open().publish([eventOf(tenant, quick, 1)]);
      await settle('another partition', () => seen().length === 1, { timeoutMs: 2_000 });
      await settle('the slow one', () => seen().length === 2);
      await open().publish([eventOf(tenant, slow, 2)]);
      await settle('its next', () => seen().length === 3);
      expect(calls).toBe(2);
      await Promise.all(members.map((member) => member.close()));
    });

    it('hands no partition over while a batch of it is in hand', async () => {
      const tenant = newId();
      const name = group();
      const keys = keysOnDifferentPartitions(wholeTopic);
      let inHand = 0;
      const one = await watch(open(), name, tenant, {
        handle: async ([first]) => {
          if (first!.sequence !== 1n) return;
          inHand++;
          await delay(3_000);
        },
      });
      await settle('one to hold all', () => held(one).length === wholeTopic);
      await open().publish(keys.map((key) => eventOf(tenant, key, 1)));
      await settle('all to be in hand', () => inHand === wholeTopic);
      await open().publish(keys.map((key) => eventOf(tenant, key, 2)));
      const two = await watch(open(), name, tenant);
      await settle('all events', () => one.events.length + two.events.length >= 2 * wholeTopic);
      await settle('both to hold half', () => held(one).length === wholeTopic / 2 && held(two).length === wholeTopic / 2);
      expect(inHand).toBe(wholeTopic);
      expect(new Set(two.events.map((event) => event.sequence))).toEqual(new Set([2n]));
      expect([one.events.length, two.events.length].toSorted((a, b) => b - a)[0]).toBeLessThan(2 * wholeTopic);
      await Promise.all([one.close(), two.close()]);
    });

    it('shares partitions with members that come and go, and loses and doubles nothing in hand', async () => {
      const tenant = newId();
      const name = group();
      const keys = keysOnDifferentPartitions(wholeTopic);
      const inHand = new Set<number>();
      const clashes: number[] = [];
      const handle = async ([first]: { partition: number }[]) => {
        if (inHand.has(first!.partition)) clashes.push(first!.partition);
        inHand.add(first!.partition);
        await delay(random.int(100, 300));
        inHand.delete(first!.partition);
      };
      const sent = new Map(keys.map((key) => [key, 0]));
      const publishing = new AbortController();
      const writer = (async () => {
        const log = open();
        while (!publishing.signal.aborted) {
          const events = keys.map((key) => {
            const sequence = sent.get(key)! + 1;
            sent.set(key, sequence);
            return eventOf(tenant, key, sequence);
          });
          await log.publish(events);
          await delay(30);
        }
      })();
      const one = await watch(open(), name, tenant, { handle });
      await settle('one to hold all', () => held(one).length === wholeTopic);
      const before = new Set(held(one));
      const joining = performance.now();
      const two = await watch(open(), name, tenant, { handle });
      await settle('both to hold half', () => held(one).length === wholeTopic / 2 && held(two).length === wholeTopic / 2);
      const joinedMs = performance.now() - joining;
      expect(held(one).every((partition) => before.has(partition))).toBe(true);
      expect(new Set([...held(one), ...held(two)]).size).toBe(wholeTopic);
      const halves = [one, two].map((seen) => new Set(held(seen)));
      const three = await watch(open(), name, tenant, { handle });
      await settle('three thirds', () => [one, two, three].every((seen) => held(seen).length === wholeTopic / 3));
      for (const [index, seen] of [one, two].entries()) expect(held(seen).every((partition) => halves[index]!.has(partition))).toBe(true);
      await settle('each to have work', () => [one, two, three].every((seen) => seen.events.length > 0));
      const leaving = performance.now();
      await two.close();
      await settle('the others to take over', () => held(one).length === wholeTopic / 2 && held(three).length === wholeTopic / 2);
      const leftMs = performance.now() - leaving;
      publishing.abort();
      await writer;
      const all = [one, two, three];
      const total = [...sent.values()].reduce((sum, count) => sum + count, 0);
      await settle('all events', () => new Set(all.flatMap((seen) => seen.events.map((event) => event.id))).size === total);
      note(
        `${driverName}: joined in ${Math.round(joinedMs)} ms, left in ${Math.round(leftMs)} ms, ${total} events, ${all.flatMap((seen) => seen.events).length - total} twice`,
      );
      expect(clashes).toEqual([]);
      for (const seen of all)
        for (const [key, sequences] of firstSeen(seen.events)) expect(sequences, key).toEqual(sequences.toSorted((a, b) => a - b));
      expect(joinedMs).toBeLessThan(5_000);
      expect(leftMs).toBeLessThan(5_000);
      await Promise.all(all.map((seen) => seen.close()));
    });

    it('tells what is held at each join, also one that changes nothing', async () => {
      const [tenant, name] = [newId(), group()];
      const one = await watch(open(), name, tenant);
      await settle('one to hold all', () => held(one).length === wholeTopic);
      const told = one.assignments.length;
      const two = await watch(open(), name, tenant, { topics: ['rejoinder.sending.v1'] });
      await settle('it to be told again', () => one.assignments.length > told);
      expect(held(one)).toHaveLength(wholeTopic);
      await Promise.all([one.close(), two.close()]);
    });

    it('goes on after its server crashed in the middle of a batch', async () => {
      const tenant = newId();
      const keys = keysOnDifferentPartitions(4);
      let inHand = 0;
      const seen = await watch(open(), group(), tenant, {
        handle: async () => {
          inHand++;
          await delay(1_500);
        },
      });
      await settle('to hold all', () => held(seen).length === wholeTopic);
      await open().publish(keys.map((key) => eventOf(tenant, key, 1)));
      await settle('a batch in hand', () => inHand > 0);
      await driver.restart();
      const log = open();
      await settle('publishing to work again', async () => {
        await log.publish(keys.map((key) => eventOf(tenant, key, 2)));
        return true;
      });
      await settle(
        'all events',
        () => firstSeen(seen.events).size === 4 && [...firstSeen(seen.events).values()].every((sequences) => sequences.includes(2)),
        { timeoutMs: 60_000 },
      );
      for (const [key, sequences] of firstSeen(seen.events)) expect(sequences.slice(0, 1).concat(sequences.at(-1)!), key).toEqual([1, 2]);
      await settle('to be well again', () => seen.health().running && seen.health().reason === undefined);
      await seen.close();
    }, 120_000);

    it('stops with an alarm when its offset has left the log while it was away', async () => {
      const tenant = newId();
      const name = group();
      const key = newId();
      const partition = partitionOn(topic, key);
      const first = await watch(open(), name, tenant);
      await open().publish([eventOf(tenant, key, 1)]);
      await settle('the first', () => first.events.length === 1);
      await first.close();
      await open().publish(upTo(5).map((sequence) => eventOf(tenant, key, sequence + 1)));
      await driver.dropBefore(topic, partition, Number(first.events[0]!.offset) + 4);
      for (const _again of [1, 2]) {
        const second = await watch(open(), name, tenant);
        await settle('the alarm', () => second.lost.length > 0);
        expect(second.lost).toEqual([{ topic, partition }]);
        expect(second.health()).toMatchObject({ running: false });
        expect(second.health().reason).toContain('events are missing');
        expect(second.events).toEqual([]);
        await second.close();
      }
      expect(await open().skipLost(name)).toEqual([{ topic, partition }]);
      const third = await watch(open(), name, tenant);
      await settle('what is still there', () => third.events.length === 2);
      expect(third.events.map((event) => Number(event.sequence))).toEqual([5, 6]);
      expect(await open().skipLost(name)).toEqual([]);
      await third.close();
    });

    it('stops with an alarm when its offset leaves the log while it is stuck', async () => {
      const tenant = newId();
      const name = group();
      const key = newId();
      const partition = partitionOn(topic, key);
      let stuck = true;
      const first = await watch(open(), name, tenant, {
        handle: async (batch) => {
          if (stuck && batch.some(({ sequence }) => sequence > 1n)) throw new Error('stuck');
        },
      });
      await open().publish([eventOf(tenant, key, 1)]);
      await settle('the first', () => first.events.length === 1);
      await open().publish([eventOf(tenant, key, 2)]);
      await settle('to be stuck', () => first.health().reason?.includes('does not get past'));
      await open().publish(upTo(4).map((sequence) => eventOf(tenant, key, sequence + 2)));
      const probe = await watch(open(), group(), tenant);
      await settle('all to be there', () => probe.events.length === 6);
      await driver.dropBefore(topic, partition, Number(probe.events.at(-1)!.offset));
      await expect(open().skipLost(name)).rejects.toThrow('still has members');
      stuck = false;
      await settle('the alarm', () => first.lost.length > 0);
      expect(first.events.map((event) => Number(event.sequence))).toEqual([1, 2]);
      await Promise.all([first.close(), probe.close()]);
      const again = await watch(open(), name, tenant);
      await settle('the alarm to outlive a restart', () => again.lost.length > 0);
      await again.close();
    });

    it('knows the oldest event', async () => {
      const before = Date.now();
      const oldest = await open().oldest();
      expect(oldest!.getTime()).toBeLessThanOrEqual(before);
      expect(oldest!.getTime()).toBeGreaterThan(before - 600_000);
    });
  });
}
