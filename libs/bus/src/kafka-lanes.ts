// The partitions that a member of a Kafka group holds, each with its lane.
import { within } from '@rejoinder/base/wait';
import type { Subscription, TopicPartition } from './event-log.js';
import type { Holding } from './kafka-assigner.js';
import { Lane } from './lane.js';
import { Limiter } from './limiter.js';
import type { BusLogger } from './logger.js';

export interface Held {
  lane: Lane;
  /** What comes next, once anything was read. */
  next?: string;
  /** Lets kafkajs fetch it again, while it is handled aside. */
  resume?: () => void;
}

export const placeOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;

export class KafkaLanes {
  readonly #held = new Map<string, Held>();
  readonly #limiter: Limiter;

  constructor(
    private readonly subscription: Subscription,
    concurrency: number,
    private readonly logger: BusLogger,
  ) {
    this.#limiter = new Limiter(concurrency);
  }

  get(at: TopicPartition): Held | undefined {
    return this.#held.get(placeOf(at));
  }

  all(): TopicPartition[] {
    return [...this.#held.values()].map(({ lane }) => lane.at);
  }

  /** Why partitions do not get on, if so. */
  get trouble(): string | undefined {
    return [...this.#held.values()].map(({ lane }) => lane.trouble).find((trouble) => trouble !== undefined);
  }

  /** As the assigner tells the group's leader. */
  holding(generation: number): Holding {
    const partitions: Record<string, number[]> = {};
    for (const { topic, partition } of this.all()) (partitions[topic] ??= []).push(partition);
    return { generation, partitions };
  }

  /** Lets go of what is no longer held, goes on with what stays, begins what is new. */
  assign(assignment: Record<string, number[]>): void {
    const all = Object.entries(assignment).flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })));
    const places = new Set(all.map(placeOf));
    for (const at of this.all()) if (!places.has(placeOf(at))) this.lose(at);
    for (const at of all) {
      const held = this.get(at);
      if (held) held.lane.release();
      else
        this.#held.set(placeOf(at), {
          lane: new Lane(at, { subscription: this.subscription, limiter: this.#limiter, logger: this.logger }),
        });
    }
  }

  lose(at: TopicPartition): void {
    const held = this.get(at);
    this.#held.delete(placeOf(at));
    held?.lane.abandon();
    held?.resume?.();
  }

  loseAll(): void {
    for (const at of this.all()) this.lose(at);
  }

  /** Begins nothing more, and waits for what is in hand, for so long at the most. Meanwhile beats as often as told. */
  async hold(graceMs: number, beatMs: number, beat: () => Promise<void>): Promise<void> {
    const beating = setInterval(() => void beat().catch(() => undefined), beatMs);
    try {
      const lanes = [...this.#held.values()].map(({ lane }) => lane.hold());
      await within(graceMs, 'the batches in hand', Promise.all(lanes)).catch(() => undefined);
    } finally {
      clearInterval(beating);
    }
  }
}
