// One member of a consumer group of the local log: takes its share of partitions, and reads and commits each in order.
import type pg from 'pg';
import { newId } from '@rejoinder/base/id';
import { backoffMs, delay, within } from '@rejoinder/base/wait';
import type { Subscription, TopicPartition } from './event-log.js';
import { Lane } from './lane.js';
import { Limiter } from './limiter.js';
import { giveBack, joinGroup, leaveGroup, takeShare, type Claim } from './local-group.js';
import { LocalReader, OffsetLost } from './local-reader.js';
import type { BusLogger } from './logger.js';

export interface MemberSurroundings {
  pool: pg.Pool;
  logger: BusLogger;
  /** Id of this process's log, so that it does not hear itself. */
  self: string;
  memberMs: number;
  concurrency: number;
}

/** A partition this member holds, and how far it has read. */
interface Held {
  lane: Lane;
  next: bigint;
  end: bigint;
  draining: boolean;
}

const closeGraceMs = 5_000;
const placeOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;

export class LocalMember {
  readonly group: string;
  #id = newId();
  #joined = false;
  #stopped: string | undefined;
  #trouble: string | undefined = 'it has not joined its group yet';
  #others = '';
  readonly #held = new Map<string, Held>();
  readonly #limiter: Limiter;
  readonly #reader: LocalReader;
  readonly #closing = new AbortController();
  #settling: Promise<void> | undefined;
  #settleAgain = false;

  constructor(
    private readonly subscription: Subscription,
    private readonly around: MemberSurroundings,
    /** Tells the group's other members in this process; those elsewhere hear it from the database. */
    private readonly tellOthers: () => void,
  ) {
    this.group = subscription.group;
    this.#limiter = new Limiter(around.concurrency);
    this.#reader = new LocalReader(around.pool, this.group);
    this.settle();
  }

  get id(): string {
    return this.#id;
  }

  get joined(): boolean {
    return this.#joined;
  }

  health(): { running: boolean; reason?: string } {
    if (this.#stopped !== undefined) return { running: false, reason: this.#stopped };
    const stuck = [...this.#held.values()].map(({ lane }) => lane.trouble).find((trouble) => trouble !== undefined);
    return { running: true, reason: this.#trouble === undefined ? stuck : `${this.group}: ${this.#trouble}` };
  }

  /** The log has grown. */
  reaches(topic: string, partition: number, end: bigint): void {
    const held = this.#held.get(placeOf({ topic, partition }));
    if (!held || held.end >= end) return;
    held.end = end;
    this.#drain(held);
  }

  /** What the slow look found of this member and its group. */
  reached(alive: boolean, members: string[], free: boolean): void {
    this.#trouble = undefined;
    const others = members.join();
    if (!alive) this.#expired();
    if (!alive || free || others !== this.#others) this.settle();
    this.#others = others;
  }

  /** The database does not answer: what is held stays held until another takes it. */
  unreachable(): void {
    this.#trouble = 'the local log does not answer';
  }

  /** Brings what it holds in line with its share; again if something changes meanwhile. */
  settle(): void {
    this.#settleAgain = true;
    this.#settling ??= this.#settleAll().finally(() => (this.#settling = undefined));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await within(closeGraceMs, 'taking a share', Promise.resolve(this.#settling)).catch(() => undefined);
    const lanes = [...this.#held.values()].map(({ lane }) => lane);
    await within(closeGraceMs, 'the batch in hand', Promise.all(lanes.map((lane) => lane.hold()))).catch(() => undefined);
    this.#abandonAll();
    if (!this.#joined) return;
    this.#joined = false;
    await leaveGroup(this.around.pool, this.group, this.#id, this.around.self).catch((error: unknown) =>
      this.around.logger.warn({ error, group: this.group }, 'the group was not told of a leave; the member expires'),
    );
    this.tellOthers();
  }

  async #settleAll(): Promise<void> {
    for (let failures = 0; this.#settleAgain && !this.#closing.signal.aborted;) {
      this.#settleAgain = false;
      try {
        await this.#settleOnce();
        failures = 0;
      } catch (error) {
        failures++;
        this.#settleAgain = true;
        this.#trouble = 'it cannot take its share of the group';
        this.around.logger.warn({ error, group: this.group }, this.#trouble);
        await delay(backoffMs(failures, 100, 5_000), this.#closing.signal);
      }
    }
  }

  async #settleOnce(): Promise<void> {
    const { pool, self, memberMs } = this.around;
    if (this.#stopped !== undefined) return;
    if (!this.#joined) {
      await joinGroup(pool, this.group, this.#id, this.subscription.topics, memberMs, self);
      this.#joined = true;
      this.tellOthers();
    }
    const taken = await takeShare(pool, this.group, this.#id, this.subscription.topics);
    if (!taken) return this.#expired();
    this.#others = taken.members.join();
    for (const place of this.#held.keys())
      if (!taken.held.some((one) => placeOf(one) === place) && !taken.surplus.some((one) => placeOf(one) === place)) this.#lose(place);
    for (const claim of taken.held) this.#hold(claim);
    await this.#giveBack(taken.surplus);
    await this.subscription.onAssigned?.(taken.held.map(({ topic, partition }) => ({ topic, partition })));
    this.#trouble = undefined;
  }

  async #giveBack(surplus: Claim[]): Promise<void> {
    if (surplus.length === 0) return;
    await Promise.all(surplus.map((one) => this.#held.get(placeOf(one))?.lane.hold()));
    for (const one of surplus) this.#lose(placeOf(one));
    await giveBack(this.around.pool, this.group, this.#id, surplus, this.around.self);
    this.tellOthers();
  }

  #hold(claim: Claim): void {
    if (this.#held.has(placeOf(claim))) return;
    const { topic, partition, next, end } = claim;
    const lane = new Lane({ topic, partition }, { subscription: this.subscription, limiter: this.#limiter, logger: this.around.logger });
    const held = { lane, next, end, draining: false };
    this.#held.set(placeOf(claim), held);
    this.#drain(held);
  }

  #lose(place: string): void {
    this.#held.get(place)?.lane.abandon();
    this.#held.delete(place);
  }

  #abandonAll(): void {
    for (const place of this.#held.keys()) this.#lose(place);
  }

  /** Others were told that this member is gone and may hold its partitions: it begins anew. */
  #expired(): void {
    this.around.logger.warn({ group: this.group }, 'this member was taken for dead; it joins anew');
    this.#abandonAll();
    this.#id = newId();
    this.#joined = false;
    this.#settleAgain = true;
  }

  #drain(held: Held): void {
    if (held.draining) return;
    held.draining = true;
    this.#read(held)
      .catch((error: unknown) => this.#stop(held, error))
      .finally(() => (held.draining = false));
  }

  /** Reads on until the end of the log as far as it is known. */
  async #read(held: Held): Promise<void> {
    const { lane } = held;
    const commit = async (next: bigint) => {
      if (!(await this.#reader.commit(lane.at, next, this.#id))) this.#lost(lane);
    };
    while (held.next < held.end && !lane.abandoned.aborted) {
      const lost = { found: false };
      const batch = await lane.run(
        () =>
          this.#reader
            .fetch(lane.at, held.next)
            .catch((error: unknown) => (error instanceof OffsetLost ? ((lost.found = true), []) : Promise.reject(error))),
        (handled) => commit(handled.at(-1)!.offset + 1n),
      );
      if (lost.found) throw new OffsetLost(lane.at);
      if (!batch) return;
      held.next = batch.at(-1)!.offset + 1n;
    }
  }

  /** Somebody else holds the partition. */
  #lost(lane: Lane): void {
    this.#lose(placeOf(lane.at));
    this.settle();
  }

  #stop(held: Held, error: unknown): void {
    const { at } = held.lane;
    this.#stopped = `${this.group} has stopped at ${placeOf(at)}: ${error instanceof OffsetLost ? 'its offset has left the log, events are missing' : 'a bug'}`;
    this.around.logger.error({ error, group: this.group, ...at }, this.#stopped);
    void this.close();
    if (error instanceof OffsetLost) this.subscription.onOffsetLost?.(at);
  }
}
