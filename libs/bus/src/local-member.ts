// One member of a consumer group of the local log: takes its share of partitions, and reads and commits each in order.
import type pg from 'pg';
import { newId } from '@rejoinder/base/id';
import { backoffMs, delay, within } from '@rejoinder/base/wait';
import type { Subscription, TopicPartition } from './event-log.js';
import { giveBack, joinGroup, leaveGroup, takeShare, type Claim } from './local-group.js';
import { LocalLanes, placeOf } from './local-lanes.js';
import { LocalReader, OffsetLost } from './local-reader.js';
import type { LocalTail } from './local-tail.js';
import type { BusLogger } from './logger.js';

export interface MemberSurroundings {
  pool: pg.Pool;
  tail: LocalTail;
  logger: BusLogger;
  /** Id of this process's log, so that it does not hear itself. */
  self: string;
  memberMs: number;
  concurrency: number;
}

const closeGraceMs = 5_000;

export class LocalMember {
  readonly group: string;
  #id = newId();
  #joined = false;
  #stopped: string | undefined;
  #trouble: string | undefined = 'it has not joined its group yet';
  #others = '';
  readonly #lanes: LocalLanes;
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
    const { logger, concurrency } = around;
    this.#lanes = new LocalLanes({
      subscription,
      logger,
      concurrency,
      reader: new LocalReader(around.pool, around.tail, this.group),
      memberId: () => this.#id,
      onTaken: (at) => {
        this.#lanes.lose(at);
        this.settle();
      },
      onStop: (at, error) => this.#stop(at, error),
    });
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
    return { running: true, reason: this.#trouble === undefined ? this.#lanes.trouble : `${this.group}: ${this.#trouble}` };
  }

  /** The log has grown. */
  reaches(topic: string, partition: number, end: bigint): void {
    this.#lanes.reaches({ topic, partition }, end);
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
    await this.#lanes.holdAll(closeGraceMs);
    this.#lanes.loseAll();
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
    const committed = this.#lanes.committed();
    const taken = await takeShare(pool, this.group, this.#id, this.subscription.topics);
    if (!taken) return this.#expired();
    this.#others = taken.members.join();
    const mine = new Set([...taken.held, ...taken.surplus].map(placeOf));
    for (const at of this.#lanes.all()) if (!mine.has(placeOf(at))) this.#lanes.lose(at);
    for (const claim of taken.held) this.#lanes.begin(claim, committed.get(placeOf(claim)));
    await this.#giveBack(taken.surplus);
    await this.subscription.onAssigned?.(taken.held.map(({ topic, partition }) => ({ topic, partition })));
    this.#trouble = undefined;
  }

  async #giveBack(surplus: Claim[]): Promise<void> {
    if (surplus.length === 0) return;
    await this.#lanes.hold(surplus);
    for (const one of surplus) this.#lanes.lose(one);
    await giveBack(this.around.pool, this.group, this.#id, surplus, this.around.self);
    this.tellOthers();
  }

  /** Others were told that this member is gone and may hold its partitions: it begins anew. */
  #expired(): void {
    this.around.logger.warn({ group: this.group }, 'this member was taken for dead; it joins anew');
    this.#lanes.loseAll();
    this.#id = newId();
    this.#joined = false;
    this.#settleAgain = true;
  }

  #stop(at: TopicPartition, error: unknown): void {
    this.#stopped = `${this.group} has stopped at ${placeOf(at)}: ${error instanceof OffsetLost ? 'its offset has left the log, events are missing' : 'a bug'}`;
    this.around.logger.error({ error, group: this.group, ...at }, this.#stopped);
    void this.close();
    if (error instanceof OffsetLost) this.subscription.onOffsetLost?.(at);
  }
}
