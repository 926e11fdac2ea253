// The event log on Kafka, over kafkajs.
import type { SASLOptions } from 'kafkajs';
import type { ConnectionOptions } from 'node:tls';
import { Fault } from '@rejoinder/base/fault';
import { delay } from '@rejoinder/base/wait';
import { topics, type Topic } from '@rejoinder/contracts/topics';
import type { OutboundEvent } from './event.js';
import type { Consumer, EventLog, Subscription, TopicPartition } from './event-log.js';
import { kafkaClient } from './kafka-client.js';
import { KafkaMember } from './kafka-member.js';
import { OldestEvents, skipLostOffsets, withAdmin } from './kafka-offsets.js';
import { KafkaPublisher } from './kafka-producer.js';
import type { BusLogger } from './logger.js';

export interface KafkaLogOptions {
  brokers: string[];
  clientId: string;
  ssl?: ConnectionOptions | boolean;
  sasl?: SASLOptions;
  logger: BusLogger;
  /** Members of another release than the newest keep what they hold and are given nothing more: a rollout moves each partition once. */
  release?: string;
  /** What nobody else is called at the same time, such as the name of a pod: members that are called so are of a process that died in its place, and leave their groups at once. */
  instance?: string;
  /** Copies of a new topic; the broker's own default unless said. */
  replicationFactor?: number;
  /** After so long without a heartbeat others take a member's partitions. */
  sessionTimeoutMs?: number;
  heartbeatMs?: number;
  rebalanceTimeoutMs?: number;
  /** Batches in hand at once of one consumer. */
  concurrency?: number;
}

const retentionMs = 3 * 86_400_000;
const segmentMs = 6 * 3_600_000;
/** The broker's own time stamps: a pod whose clock is ahead must not lengthen retention. */
const topicConfig = [
  { name: 'cleanup.policy', value: 'delete' },
  { name: 'retention.ms', value: String(retentionMs) },
  { name: 'segment.ms', value: String(segmentMs) },
  { name: 'message.timestamp.type', value: 'LogAppendTime' },
];
const brokerDefault = -1;
const unreachable = ['KafkaJSConnectionError', 'KafkaJSNumberOfRetriesExceeded'];
const leaderTries = 60;
const leaderWaitMs = 500;
const defaults = { sessionTimeoutMs: 9_000, heartbeatMs: 1_000, rebalanceTimeoutMs: 8_000, concurrency: 8 };

export class KafkaLog implements EventLog {
  readonly #publisher: KafkaPublisher;
  readonly #members = new Set<Consumer>();
  readonly #oldest: OldestEvents;

  constructor(private readonly options: KafkaLogOptions) {
    this.#publisher = new KafkaPublisher(this.#connection);
    this.#oldest = new OldestEvents(this.#kafka(), Object.keys(topics));
  }

  async ensureTopics(): Promise<void> {
    const catalogue = Object.entries<Topic>(topics);
    const wanted = catalogue.map(([topic, { partitions }]) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: this.options.replicationFactor ?? brokerDefault,
      configEntries: topicConfig,
    }));
    const ensured = withAdmin(this.#kafka(), async (admin) => {
      // One question where all are there, as for each process but the first.
      const there = new Set(await admin.listTopics());
      const missing = wanted.filter(({ topic }) => !there.has(topic));
      if (missing.length > 0) await admin.createTopics({ waitForLeaders: true, topics: missing });
      const found = await admin.fetchTopicMetadata({ topics: catalogue.map(([topic]) => topic) });
      for (const { name, partitions } of found.topics) refuseOther(name, partitions.length);
      for (const { topic } of missing) await untilLed(() => admin.fetchTopicOffsets(topic));
    });
    await ensured.catch((error: unknown) => this.#refuse(error));
  }

  publish(events: OutboundEvent[]): Promise<void> {
    return events.length === 0 ? Promise.resolve() : this.#publisher.publish(events);
  }

  async consume(subscription: Subscription): Promise<Consumer> {
    const { sessionTimeoutMs, heartbeatMs, rebalanceTimeoutMs, concurrency } = { ...defaults, ...definedOf(this.options) };
    const timers = { sessionTimeoutMs, heartbeatMs, rebalanceTimeoutMs };
    const member = new KafkaMember({
      connection: this.#connection,
      subscription,
      timers,
      concurrency,
      release: this.options.release ?? '',
      replaces: this.options.instance ? this.#connection.clientId : undefined,
    });
    this.#members.add(member);
    return {
      health: () => member.health(),
      close: async () => {
        await member.close();
        this.#members.delete(member);
      },
    };
  }

  skipLost(group: string): Promise<TopicPartition[]> {
    return skipLostOffsets(this.#kafka(), group, Object.keys(topics)).catch((error: unknown) => this.#refuse(error));
  }

  oldest(): Promise<Date | undefined> {
    return this.#oldest.ask(new Date());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.close()));
    this.#members.clear();
    await this.#publisher.close();
  }

  get #connection() {
    const { brokers, clientId, instance, ssl, sasl, logger } = this.options;
    return { brokers, clientId: instance ? `${clientId}.${instance}` : clientId, ssl, sasl, logger };
  }

  #kafka() {
    return kafkaClient(this.#connection);
  }

  /** What a person waits for ends with a sentence where no broker answers, or where it lets nobody in. */
  #refuse(error: unknown): never {
    if (!(error instanceof Error)) throw error;
    if (isRefusedLogin(error))
      throw new Fault(
        'invalid',
        'KAFKA_REFUSES',
        `Kafka at ${this.options.brokers.join(', ')} refuses this login: see REJOINDER_KAFKA_USER and REJOINDER_KAFKA_PASSWORD.`,
      );
    if (!unreachable.includes(error.name)) throw error;
    throw new Fault(
      'busy',
      'KAFKA_UNREACHABLE',
      `Kafka cannot be reached at ${this.options.brokers.join(', ')} (${error.name}): see REJOINDER_KAFKA_BROKERS.`,
    );
  }
}

/** kafkajs wraps it once for each time that it would try again. */
function isRefusedLogin(error: Error): boolean {
  if (error.name === 'KafkaJSSASLAuthenticationError') return true;
  return error.cause instanceof Error && error.cause !== error && isRefusedLogin(error.cause);
}

function refuseOther(topic: string, partitions: number): void {
  const wanted = (topics as Record<string, Topic>)[topic]!.partitions;
  if (partitions === wanted) return;
  throw new Fault('conflict', 'PARTITIONS_CHANGED', `${topic} has ${partitions} partitions, not ${wanted}: their number never changes.`);
}

/** A new topic is known some time before its partitions take anything. */
async function untilLed(ask: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await ask();
      return;
    } catch (error) {
      if (attempt === leaderTries) throw error;
      await delay(leaderWaitMs);
    }
  }
}

const definedOf = <T extends object>(given: T): Partial<T> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
