// The partitions that a member of a local group holds: each is read to the end of the log as far as that is known.
import { within } from '@rejoinder/base/wait';
import type { Subscription, TopicPartition } from './event-log.js';
import { Lane } from './lane.js';
import { Limiter } from './limiter.js';
import type { Claim } from './local-group.js';
import { OffsetLost, type LocalReader } from './local-reader.js';
import type { Appended } from './local-tail.js';
import type { BusLogger } from './logger.js';

interface Held {
  lane: Lane;
  next: bigint;
  end: bigint;
  draining: boolean;
}

export interface LanesSurroundings {
  subscription: Subscription;
  reader: LocalReader;
  logger: BusLogger;
  concurrency: number;
  /** Under which the partitions are held. */
  memberId: () => string;
  /** Somebody else holds it by now, or a crash has undone where it stood. */
  onTaken(at: TopicPartition): void;
  /** It cannot go on. */
  onStop(at: TopicPartition, error: unknown): void;
}

export const placeOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;

export class LocalLanes {
  readonly #held = new Map<string, Held>();
  readonly #limiter: Limiter;

  constructor(private readonly around: LanesSurroundings) {
    this.#limiter = new Limiter(around.concurrency);
  }

  /** Why partitions do not get on, if so. */
  get trouble(): string | undefined {
    return [...this.#held.values()].map(({ lane }) => lane.trouble).find((trouble) => trouble !== undefined);
  }

  all(): TopicPartition[] {
    return [...this.#held.values()].map(({ lane }) => lane.at);
  }

  /** The log has grown. */
  reaches(at: TopicPartition, end: bigint): void {
    const held = this.#held.get(placeOf(at));
    if (!held || held.end >= end) return;
    held.end = end;
    this.#drain(held);
  }

  /** How far each partition has been committed. */
  committed(): Map<string, bigint> {
    return new Map([...this.#held].map(([place, { next }]) => [place, next]));
  }

  /**
   * Begins a partition, unless it is held already: then its lane knows better where it stands, but if the claim is behind what was committed before it was
   * read: a crash of the database has undone that.
   */
  begin({ topic, partition, next, end }: Claim, committed: bigint | undefined): void {
    const place = placeOf({ topic, partition });
    if (this.#held.has(place)) {
      if (committed === undefined || committed <= next) return;
      this.lose({ topic, partition });
    }
    const { subscription, logger } = this.around;
    const held = { lane: new Lane({ topic, partition }, { subscription, limiter: this.#limiter, logger }), next, end, draining: false };
    this.#held.set(place, held);
    this.#drain(held);
  }

  lose(at: TopicPartition): void {
    this.#held.get(placeOf(at))?.lane.abandon();
    this.#held.delete(placeOf(at));
  }

  loseAll(): void {
    for (const at of this.all()) this.lose(at);
  }

  /** Begins nothing more of these; resolves once nothing of them is in hand. */
  async hold(of: TopicPartition[]): Promise<void> {
    await Promise.all(of.map((at) => this.#held.get(placeOf(at))?.lane.hold()));
  }

  /** The same for all, but waits no longer than that. */
  async holdAll(graceMs: number): Promise<void> {
    await within(graceMs, 'the batches in hand', this.hold(this.all())).catch(() => undefined);
  }

  #drain(held: Held): void {
    if (held.draining) return;
    held.draining = true;
    this.#read(held)
      .catch((error: unknown) => this.around.onStop(held.lane.at, error))
      .finally(() => (held.draining = false));
  }

  async #read(held: Held): Promise<void> {
    const { lane } = held;
    const { reader, memberId, onTaken } = this.around;
    while (held.next < held.end && !lane.abandoned.aborted) {
      let lost: OffsetLost | undefined;
      let taken: Appended[] = [];
      const batch = await lane.run(
        async () => {
          taken = await reader
            .fetch(lane.at, held.next)
            .catch((error: unknown) => (error instanceof OffsetLost ? ((lost = error), []) : Promise.reject(error)));
          return taken.map(({ event }) => event);
        },
        async () => {
          if (!(await reader.commit(lane.at, held.next, taken.at(-1)!, memberId()))) onTaken(lane.at);
        },
      );
      if (lost) throw lost;
      if (!batch) return;
      if (batch.length === 0) held.end = held.next;
      else held.next = batch.at(-1)!.offset + 1n;
    }
  }
}
