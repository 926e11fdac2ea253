// One membership of a Kafka consumer group, from its join to its end: lanes for the partitions it holds, fed by kafkajs.
import {
  logLevel,
  type Broker,
  type Cluster,
  type Consumer,
  type EachBatchPayload,
  type GroupDescriptions,
  type Kafka,
  type LogEntry,
} from 'kafkajs';
import { delay, within } from '@rejoinder/base/wait';
import { decodeRecord, type RawHeaders } from './cloud-event.js';
import type { LoggedEvent } from './event.js';
import type { Subscription, TopicPartition } from './event-log.js';
import { stickyAssigner } from './kafka-assigner.js';
import { kafkaClient, type KafkaConnection } from './kafka-client.js';
import { findLostOffsets, hasLeftLog } from './kafka-offsets.js';
import { KafkaLanes, placeOf, type Held } from './kafka-lanes.js';

/** Timers of a group; together they bound how long a partition goes without a holder. */
export interface KafkaTimers {
  sessionTimeoutMs: number;
  heartbeatMs: number;
  /** How long a rebalance waits for a member that has a batch in hand. */
  rebalanceTimeoutMs: number;
}

export interface SessionSurroundings {
  connection: KafkaConnection;
  subscription: Subscription;
  timers: KafkaTimers;
  /** What a rollout replaces. */
  release: string;
  /** Client id of those whose place this process has taken: they are dead. */
  replaces: string | undefined;
  concurrency: number;
  /** A heartbeat has succeeded: what is held is confirmed. Whole, at every one, with the group's generation. */
  onBeat(held: TopicPartition[], generation: number): void;
}

/** Why a session ended by itself. */
export type SessionEnd = { kind: 'crashed'; error: Error } | { kind: 'offset_lost'; at: TopicPartition };

/** kafkajs does not declare all that a coordinator can be asked. */
type Coordinator = Broker & { leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown> };

const batchEvents = 500;
const partitionBytes = 1_000_000;
/** The broker answers at once where there is anything. What goes on aside is read on after so long at the latest; each look costs the broker 3 ms for our topics. */
const maxWaitMs = 500;
/** A batch that is handled within this time is waited for; a slower one goes on aside, so that other partitions are read meanwhile. */
const inlineMs = 100;
const closeGraceMs = 5_000;
const resetMessage = 'Offset out of range, resetting to default offset';

export class KafkaSession {
  readonly ended: Promise<SessionEnd>;
  #end!: (why: SessionEnd) => void;
  readonly #kafka: Kafka;
  readonly #consumer: Consumer;
  readonly #lanes: KafkaLanes;
  #generation = -1;
  #hasLeft = false;
  #joined = false;
  #heartbeat: () => Promise<void> = async () => undefined;

  constructor(private readonly around: SessionSurroundings) {
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#lanes = new KafkaLanes(around.subscription, around.concurrency, around.connection.logger);
    this.#kafka = kafkaClient(around.connection, {}, (entry) => this.#overhear(entry));
    const { timers, subscription } = around;
    this.#consumer = this.#kafka.consumer({
      groupId: subscription.group,
      partitionAssigners: [
        stickyAssigner(
          () => ({ ...this.#lanes.holding(this.#generation), release: around.release, startedAt: performance.timeOrigin }),
          (cluster) => this.#beforeJoins(cluster),
        ),
      ],
      sessionTimeout: timers.sessionTimeoutMs,
      heartbeatInterval: timers.heartbeatMs,
      rebalanceTimeout: timers.rebalanceTimeoutMs,
      maxWaitTimeInMs: maxWaitMs,
      maxBytesPerPartition: partitionBytes,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 15, restartOnFailure: async () => false },
    });
  }

  /** Why partitions do not get on, if so. */
  get trouble(): string | undefined {
    return this.#lanes.trouble;
  }

  async start(): Promise<void> {
    const { events } = this.#consumer;
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => this.#assigned(payload.memberAssignment as Record<string, number[]>));
    this.#consumer.on(events.HEARTBEAT, ({ payload }) => this.#beat(payload.groupGenerationId));
    this.#consumer.on(events.CRASH, ({ payload }) => this.#end({ kind: 'crashed', error: payload.error }));
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: this.around.subscription.topics, fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.around.concurrency,
      eachBatch: (payload) => this.#eachBatch(payload),
    });
  }

  /** Ends what is in hand, then leaves the group. */
  async close(): Promise<void> {
    await this.#hold(closeGraceMs);
    this.#lanes.loseAll();
    await within(closeGraceMs, 'leaving the group', this.#consumer.disconnect()).catch((error: unknown) =>
      this.around.connection.logger.warn(
        { error, group: this.around.subscription.group },
        'the group was not left in order; the session expires',
      ),
    );
  }

  /** The coordinator is looked for at every join: the one place where kafkajs can be made to wait before it. */
  #beforeJoins(cluster: Cluster): void {
    const find = cluster.findGroupCoordinator.bind(cluster);
    cluster.findGroupCoordinator = async (group) => {
      await this.#beforeJoin();
      const coordinator = await find(group);
      await this.#leaveForDead(coordinator as Coordinator);
      return coordinator;
    };
  }

  /** Before the first join: later this member is called so itself. The group would else wait until Kafka misses the dead, for as long as a session lasts. */
  async #leaveForDead(coordinator: Coordinator): Promise<void> {
    const { replaces, subscription, connection } = this.around;
    if (replaces === undefined || this.#hasLeft) return;
    this.#hasLeft = true;
    try {
      const { groups } = (await coordinator.describeGroups({ groupIds: [subscription.group] })) as GroupDescriptions;
      const dead = groups.flatMap(({ members }) => members).filter(({ clientId }) => clientId === replaces);
      for (const { memberId } of dead) await coordinator.leaveGroup({ groupId: subscription.group, memberId });
      if (dead.length > 0) connection.logger.info({ group: subscription.group }, 'left the group for the process that died in this place');
    } catch (error) {
      connection.logger.warn({ error, group: subscription.group }, 'the group was not left for a process that died; its session expires');
    }
  }

  /** Nobody takes over a partition while its batch is in hand here, and nobody reads on where events are missing. */
  async #beforeJoin(): Promise<void> {
    this.#joined = false;
    await this.#hold(this.around.timers.rebalanceTimeoutMs);
    const { group, topics } = this.around.subscription;
    const [at] = await findLostOffsets(this.#kafka, group, topics);
    if (at) {
      this.#end({ kind: 'offset_lost', at });
      throw Object.assign(new Error(`the offset has left ${placeOf(at)}`), { retriable: false });
    }
  }

  /** The broker counts heartbeats also while it rebalances, and would take a member that sends none for dead. */
  #hold(graceMs: number): Promise<void> {
    return this.#lanes.hold(graceMs, this.around.timers.heartbeatMs, () => this.#heartbeat());
  }

  #assigned(assignment: Record<string, number[]>): void {
    this.#lanes.assign(assignment);
    this.#joined = true;
  }

  #beat(generation: number): void {
    if (!this.#joined) return;
    this.#generation = generation;
    this.around.onBeat(this.#lanes.all(), generation);
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    this.#heartbeat = payload.heartbeat;
    const held = this.#lanes.get(batch);
    if (!held || batch.messages.length === 0) return;
    // The batch begins elsewhere than where this member stood: others have got on with the partition while it was taken for dead, or kafkajs has reset the offset.
    if (held.next !== undefined && BigInt(batch.messages[0]!.offset) > BigInt(held.next)) {
      const first = BigInt((batch as unknown as { fetchedOffset: string }).fetchedOffset);
      if (first > BigInt(held.next) && (await hasLeftLog(this.#kafka, batch, held.next)))
        return this.#lost({ topic: batch.topic, partition: batch.partition });
    }
    const handling = this.#work(held, payload).catch((error: unknown) => {
      this.around.connection.logger.error(
        { error, group: this.around.subscription.group, ...held.lane.at },
        'a batch was lost sight of; it comes again',
      );
      return false;
    });
    const inTime = await Promise.race([handling.then(() => true), delay(inlineMs).then(() => false)]);
    if (!inTime) this.#setAside(held, handling, payload);
  }

  /** The events of one fetch, in bounded batches; answers whether all were handled. */
  async #work(held: Held, { batch, resolveOffset }: EachBatchPayload): Promise<boolean> {
    const { topic, partition } = batch;
    // After a join kafkajs begins at the committed offset; what was handled here, but could not be committed, is not handled again.
    const fresh = batch.messages.filter(({ offset }) => held.next === undefined || BigInt(offset) >= BigInt(held.next));
    if (fresh.length === 0) await this.#commit(held, BigInt(held.next!));
    for (let from = 0; from < fresh.length; from += batchEvents) {
      const events = fresh.slice(from, from + batchEvents).map((message): LoggedEvent =>
        decodeRecord({
          topic,
          partition,
          offset: BigInt(message.offset),
          key: message.key?.toString() ?? null,
          headers: (message.headers ?? {}) as RawHeaders,
          value: message.value,
        }),
      );
      const handled = await held.lane.run(
        async () => events,
        () => this.#commit(held, events.at(-1)!.offset + 1n),
      );
      if (!handled) return false;
    }
    if (!held.lane.abandoned.aborted) resolveOffset(batch.lastOffset());
    return true;
  }

  #setAside(held: Held, handling: Promise<boolean>, { pause }: EachBatchPayload): void {
    held.resume = pause();
    void handling.finally(() => {
      if (held.lane.abandoned.aborted) return;
      held.resume?.();
      held.resume = undefined;
    });
  }

  /** A commit that fails is not worth another handling: the next one says the same and more. */
  async #commit(held: Held, next: bigint): Promise<void> {
    const { at, abandoned } = held.lane;
    held.next = String(next);
    if (abandoned.aborted) return;
    await this.#consumer
      .commitOffsets([{ ...at, offset: held.next }])
      .catch((error: unknown) =>
        this.around.connection.logger.warn({ error, group: this.around.subscription.group, ...at }, 'offset not committed'),
      );
  }

  /** kafkajs is about to go on elsewhere. */
  #overhear({ level, log }: LogEntry): void {
    if (level !== logLevel.ERROR || log.message !== resetMessage) return;
    void this.#lost({ topic: log.topic as string, partition: log.partition as number });
  }

  /** Puts the group's offset back to where it stood, so that the alarm outlives a restart; the session then ends. */
  async #lost(at: TopicPartition): Promise<void> {
    const held = this.#lanes.get(at);
    this.#lanes.lose(at);
    await delay(maxWaitMs);
    if (held?.next !== undefined) await this.#consumer.commitOffsets([{ ...at, offset: held.next }]).catch(() => undefined);
    this.#end({ kind: 'offset_lost', at });
  }
}
