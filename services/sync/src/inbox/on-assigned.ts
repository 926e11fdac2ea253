// Takes what Kafka's group coordinator, or the local log, says this pod owns, a few inboxes at a time where somebody serves them still; and gives it away, when the pod is to end, as another takes it.
import { Controller, Inject, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { backoffMs, delay } from '@rejoinder/base/wait';
import { OnAssigned } from '@rejoinder/bus/on';
import { Drain } from '@rejoinder/runtime/drain';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { Holders } from './holders.js';
import { Owner } from './owner-store.js';
import { SessionStore } from './session-store.js';

/** With so many inboxes on their way the next partition is left to its holder, which serves it still: logging in takes what there is of a processor. */
const mostStarting = 3;
/** One that takes longer waits for its server, and holds up no other. */
const startMs = 2_000;
/** After so long the rest is taken at once: its holder has not much longer. */
const gentleMs = 10_000;
const lookMs = 20;
const retryMs = [100, 5_000] as const;
/** How often a pod that is to end looks whether its partitions have been taken. */
const takenLookMs = 200;
/** A successor that takes nothing more for so long will not. */
const quietMs = 2_000;

@Controller()
export class AssignedHandler implements OnModuleInit, OnModuleDestroy {
  readonly #closed = new AbortController();
  #assigned: number[] = [];
  /** Of these, still to be taken. */
  #queue: number[] = [];
  #taking: Promise<void> | undefined;
  #isHandingOver = false;
  #lastTaken = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly owner: Owner,
    private readonly sessions: SessionStore,
    private readonly holders: Holders,
    private readonly drain: Drain,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.drain.unready.addEventListener('abort', () => void this.#giveAway(), { once: true });
    this.drain.add((deadline) => this.#given(deadline));
  }

  async onModuleDestroy(): Promise<void> {
    this.#closed.abort();
    await this.#taking;
    // Nobody serves what is left: whoever takes it need not wait for its turn.
    const isLeft = this.#isHandingOver && this.owner.partitions().length > 0;
    if (isLeft) await this.owner.handOver(false).catch((error: unknown) => this.logger.warn({ error }, 'partitions are left unsaid'));
  }

  @OnAssigned('rejoinder.sync.commands.v1')
  async assigned(partitions: number[]): Promise<void> {
    this.#assigned = partitions;
    this.owner.keepOnly(partitions);
    // Not waited for, or the heartbeat would: what is lost is fenced already.
    void this.holders.letGoUnless((partition) => this.owner.owns(partition));
    this.#queue = partitions.filter((partition) => !this.owner.owns(partition));
    this.#taking ??= this.#take().finally(() => (this.#taking = undefined));
  }

  async #take(): Promise<void> {
    const until = performance.now() + gentleMs;
    const starting = new Map<string, number>();
    for (let failures = 0; this.#queue.length > 0 && !this.#isEnding;) {
      try {
        const served = performance.now() < until ? await this.owner.handedOver(this.#queue) : [];
        const alone = this.#queue.filter((partition) => !served.includes(partition));
        const next = alone.length > 0 ? alone : served.slice(0, 1);
        await this.owner.take(next, this.clock.now());
        // Another assignment may have come meanwhile.
        this.owner.keepOnly(this.#assigned);
        this.#queue = this.#queue.filter((partition) => !next.includes(partition));
        for (const partition of next)
          for (const inboxId of await this.sessions.wantedIn(partition)) starting.set(inboxId, performance.now());
        failures = 0;
      } catch (error) {
        failures++;
        this.logger.warn({ error }, 'an assignment was not taken; it is tried again');
        await delay(backoffMs(failures, ...retryMs), this.#closed.signal);
      }
      await this.#fewStarting(starting, until);
    }
    this.logger.info({ partitions: this.owner.partitions().length }, 'partitions assigned');
  }

  async #fewStarting(starting: Map<string, number>, until: number): Promise<void> {
    const isOver = ([inboxId, since]: [string, number]) => performance.now() - since > startMs || this.holders.live(inboxId) !== undefined;
    for (; performance.now() < until && !this.#isEnding; await delay(lookMs)) {
      for (const [inboxId] of [...starting].filter(isOver)) starting.delete(inboxId);
      if (starting.size < mostStarting) return;
    }
  }

  get #isEnding(): boolean {
    return this.drain.unready.aborted || this.#closed.signal.aborted;
  }

  /** It leaves its group and serves each inbox until another pod has taken it. */
  async #giveAway(): Promise<void> {
    while (!this.#closed.signal.aborted && this.owner.partitions().length > 0) {
      try {
        if (!this.#isHandingOver) await this.owner.handOver(true);
        this.#isHandingOver = true;
        await delay(takenLookMs, this.#closed.signal);
        if ((await this.owner.keepUntaken()) > 0) this.#lastTaken = performance.now();
        void this.holders.letGoUnless((partition) => this.owner.owns(partition));
      } catch (error) {
        this.logger.warn({ error }, 'partitions cannot be handed over yet');
        await delay(takenLookMs, this.#closed.signal);
      }
    }
  }

  /** All has been taken, or nobody is there to take it. */
  async #given(deadline: AbortSignal): Promise<string[]> {
    while (!deadline.aborted && this.owner.partitions().length > 0 && performance.now() - this.#lastTaken < quietMs)
      await delay(lookMs, deadline);
    return [];
  }
}
