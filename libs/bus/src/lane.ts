// One partition as a consumer works on it: one batch at a time, tried again until it is handled, stopped between two tries.
import { backoffMs, delay } from '@rejoinder/base/wait';
import type { LoggedEvent } from './event.js';
import type { Subscription, TopicPartition } from './event-log.js';
import type { Limiter } from './limiter.js';
import type { BusLogger } from './logger.js';

const firstRetryMs = 100;
const maxRetryMs = 10_000;

/** What the lanes of one consumer share. */
export interface LaneSurroundings {
  subscription: Pick<Subscription, 'group' | 'handle'>;
  /** Bounds the batches in hand of all lanes; one that waits for its next try holds no slot. */
  limiter: Limiter;
  logger: BusLogger;
}

/** A partition held by this member. It is thrown away when the partition is lost; one that comes back gets a new lane. */
export class Lane {
  readonly #abandoned = new AbortController();
  #inHand: Promise<unknown> = Promise.resolve();
  #held = false;
  #resume: () => void = () => undefined;
  #trouble: string | undefined;

  constructor(
    readonly at: TopicPartition,
    private readonly around: LaneSurroundings,
  ) {}

  /** Fires when the partition is lost or the consumer closes. */
  get abandoned(): AbortSignal {
    return this.#abandoned.signal;
  }

  /** Why its batch does not get through, if so. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * Takes a batch, hands it over until it is handled, then commits it. Answers the batch, empty if there was none to take; undefined if the lane was
   * abandoned before it was handled.
   */
  async run(take: () => Promise<LoggedEvent[]>, commit: (batch: LoggedEvent[]) => Promise<void>): Promise<LoggedEvent[] | undefined> {
    let batch: LoggedEvent[] | undefined;
    for (let attempt = 1; ; attempt++) {
      if (!(await this.#turn())) return undefined;
      const trial = this.#try(async () => {
        batch ??= await take();
        if (batch.length === 0) return;
        await this.around.subscription.handle(batch, this.abandoned);
        await commit(batch);
      });
      this.#inHand = trial;
      if (await trial) return batch;
      if (this.abandoned.aborted) return undefined;
      await delay(backoffMs(attempt, firstRetryMs, maxRetryMs), this.abandoned);
    }
  }

  /** Begins nothing more until it is released; resolves once nothing is in hand. */
  async hold(): Promise<void> {
    this.#held = true;
    await this.#inHand;
  }

  release(): void {
    this.#held = false;
    this.#resume();
  }

  /** The partition is no longer ours, or the consumer closes: what is in hand is told by its signal, nothing more begins. */
  abandon(): void {
    this.#abandoned.abort();
    this.release();
  }

  /** Waits for a slot and for the lane not to be held; false once it is abandoned. */
  async #turn(): Promise<boolean> {
    for (;;) {
      if (this.#held && !this.abandoned.aborted) await new Promise<void>((resolve) => (this.#resume = resolve));
      if (!(await this.around.limiter.take(this.abandoned))) return false;
      if (!this.#held) return true;
      this.around.limiter.give();
    }
  }

  async #try(work: () => Promise<void>): Promise<boolean> {
    const { subscription, limiter, logger } = this.around;
    try {
      await work();
      this.#trouble = undefined;
      return true;
    } catch (error) {
      if (!this.abandoned.aborted) {
        this.#trouble = `${subscription.group} does not get past a batch of ${this.at.topic}/${this.at.partition}`;
        logger.warn({ error, group: subscription.group, ...this.at }, 'batch not handled; it comes again');
      }
      return false;
    } finally {
      limiter.give();
    }
  }
}
