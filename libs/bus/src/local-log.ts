// The event log in PostgreSQL, for one machine: Kafka's words, order and groups without Kafka.
import type pg from 'pg';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { topics, type Topic } from '@rejoinder/contracts/topics';
import { decodeRecord, encodeHeaders } from './cloud-event.js';
import type { OutboundEvent } from './event.js';
import type { Consumer, EventLog, Subscription, TopicPartition } from './event-log.js';
import { LocalEars, type Heard } from './local-ears.js';
import { skipLost } from './local-group.js';
import { LocalMember } from './local-member.js';
import { LocalPulse } from './local-pulse.js';
import { LocalTail } from './local-tail.js';
import { appendSql, ensureSql, oldestSql } from './local-sql.js';
import type { BusLogger } from './logger.js';
import { partitionOn } from './partition.js';

export interface LocalLogOptions {
  /** Its login may use schema bus. */
  pool: pg.Pool;
  /** Where to listen for appends of other processes, over one connection of its own. Without it they are found by the slow look alone. */
  listenUrl?: string;
  /** Tells when an event was appended: retention goes by it. */
  clock: Clock;
  logger: BusLogger;
  /**
   * All that is published comes from outboxes in the same database: publishing need not wait for the disk, since a crash that undoes it also undoes that the
   * outbox called it placed.
   */
  holdsOutboxes?: boolean;
  /** Batches in hand at once of one consumer. */
  concurrency?: number;
  /** How often a process looks for what it was not told of, and says that it lives. */
  lookMs?: number;
  /** How long a member that says nothing keeps its partitions. */
  memberMs?: number;
}

const appendRows = 1_000;
const defaultConcurrency = 4;
const defaultLookMs = 1_500;
const defaultMemberMs = 6_000;

export class LocalLog implements EventLog {
  readonly #self = newId();
  readonly #members = new Set<LocalMember>();
  readonly #ears: LocalEars | undefined;
  readonly #pulse: LocalPulse;
  readonly #tail = new LocalTail();

  constructor(private readonly options: LocalLogOptions) {
    const { pool, logger, listenUrl } = options;
    const around = {
      pool,
      logger,
      members: this.#members,
      lookMs: options.lookMs ?? defaultLookMs,
      memberMs: options.memberMs ?? defaultMemberMs,
    };
    this.#pulse = new LocalPulse(around);
    this.#ears = listenUrl ? new LocalEars(listenUrl, this.#self, logger, (heard) => this.#hear(heard)) : undefined;
  }

  async ensureTopics(): Promise<void> {
    const catalogue = Object.entries<Topic>(topics);
    await this.options.pool.query(ensureSql, [catalogue.map(([name]) => name), catalogue.map(([, topic]) => topic.partitions)]);
    const { rows } = await this.options.pool.query<{ topic: string; count: number }>(
      'select topic, count(*)::int as count from bus.log_end group by topic',
    );
    for (const { topic, count } of rows) {
      const wanted = (topics as Record<string, Topic>)[topic]?.partitions ?? count;
      if (wanted !== count)
        throw new Fault('conflict', 'PARTITIONS_CHANGED', `${topic} has ${count} partitions, not ${wanted}: their number never changes.`);
    }
  }

  async publish(events: OutboundEvent[]): Promise<void> {
    for (let from = 0; from < events.length; from += appendRows) await this.#append(events.slice(from, from + appendRows));
  }

  async consume(subscription: Subscription): Promise<Consumer> {
    const { pool, logger } = this.options;
    const around = {
      pool,
      tail: this.#tail,
      logger,
      self: this.#self,
      memberMs: this.options.memberMs ?? defaultMemberMs,
      concurrency: this.options.concurrency ?? defaultConcurrency,
    };
    const member = new LocalMember(subscription, around, () => {
      for (const other of this.#members) if (other !== member && other.group === member.group) other.settle();
    });
    this.#members.add(member);
    this.#ears?.start();
    this.#pulse.start();
    return {
      health: () => member.health(),
      close: async () => {
        await member.close();
        this.#members.delete(member);
      },
    };
  }

  skipLost(group: string): Promise<TopicPartition[]> {
    return skipLost(this.options.pool, group);
  }

  async oldest(): Promise<Date | undefined> {
    const { rows } = await this.options.pool.query<{ oldest: Date | null }>(oldestSql);
    return rows[0]?.oldest ?? undefined;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.close()));
    this.#members.clear();
    await Promise.all([this.#pulse.stop(), this.#ears?.stop()]);
  }

  async #append(events: OutboundEvent[]): Promise<void> {
    const records = events.map((event) => ({ ...event, partition: partitionOn(event.topic, event.key), headers: encodeHeaders(event) }));
    const appendedAt = this.options.clock.now();
    const { rows } = await this.options.pool.query<{ topic: string; partition: number; end: string }>({
      name: 'bus append',
      text: appendSql,
      values: [
        records.map(({ topic }) => topic),
        records.map(({ partition }) => partition),
        records.map(({ key }) => key),
        records.map(({ headers }) => JSON.stringify(headers)),
        records.map(({ value }) => Buffer.from(value)),
        appendedAt,
        this.#self,
        this.options.holdsOutboxes ?? false,
      ],
    });
    const byPlace = Map.groupBy(records, ({ topic, partition }) => `${topic}/${partition}`);
    for (const { topic, partition, end } of rows) {
      const placed = byPlace.get(`${topic}/${partition}`)!;
      const first = BigInt(end) - BigInt(placed.length);
      this.#tail.add(
        placed.map((one, at) => decodeRecord({ ...one, offset: first + BigInt(at) })),
        appendedAt,
      );
      this.#hear({ kind: 'end', topic, partition, end: BigInt(end) });
    }
  }

  /** What this process did is known here without a round trip; what others did comes through the ears. */
  #hear(heard: Heard): void {
    if (heard.kind === 'deaf' || heard.kind === 'anything') this.#tail.clear();
    if (heard.kind === 'deaf') return;
    if (heard.kind === 'anything') this.#pulse.look();
    for (const member of this.#members) {
      if (heard.kind === 'anything') member.settle();
      else if (heard.kind === 'end') member.reaches(heard.topic, heard.partition, heard.end);
      else if (member.group === heard.group) member.settle();
    }
  }
}
