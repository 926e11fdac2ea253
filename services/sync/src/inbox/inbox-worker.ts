// Brings what is held into line with what is wanted: opens sessions, ends them, and removes what was kept of inboxes that are gone.
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { Holders } from './holders.js';
import { Owner } from './owner-store.js';
import { RemovalStore } from './removal-store.js';
import { SessionStore } from './session-store.js';

const concurrency = 20;
const leaseMs = 120_000;
/** The wait before a session is tried again ends by this poll. */
const pollMs = 500;
const reviveEveryMs = 60_000;

@Injectable()
export class InboxWorker implements OnModuleInit, OnModuleDestroy {
  #net: NodeJS.Timeout | undefined;

  constructor(
    private readonly workers: Workers,
    private readonly owner: Owner,
    private readonly sessions: SessionStore,
    private readonly removals: RemovalStore,
    private readonly holders: Holders,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.workers.add({
      name: 'inbox',
      table: 'session',
      key: 'inbox_id',
      filter: { where: 'partition = any ($5::int[])', value: () => this.owner.partitions() },
      concurrency,
      leaseMs,
      pollMs,
      work: (job, signal) => this.#work(job, signal),
    });
    this.#net = setInterval(() => void this.#revive(), reviveEveryMs);
  }

  onModuleDestroy(): void {
    clearInterval(this.#net);
  }

  async #revive(): Promise<void> {
    try {
      await this.sessions.revive(this.owner.partitions(), this.holders.held());
    } catch (error) {
      this.logger.warn({ error }, 'could not look for sessions that are not held');
    }
  }

  async #work({ tenantId, key: inboxId }: Job, signal: AbortSignal): Promise<WorkOutcome> {
    const row = await this.sessions.find(tenantId, inboxId);
    if (!row) return workDone;
    // A claim knows no epochs. Made due for the pod that has just taken it, the row must not be done here.
    if (!(await this.owner.isStill(row.partition))) return again(this.clock.now(), 'another pod has taken it');
    if (row.wanted === 'hold') {
      await this.holders.hold(row);
      return workDone;
    }
    await this.holders.letGo(inboxId);
    if (row.wanted === 'removing') {
      await this.removals.remove(row, signal);
      this.logger.info({ inboxId }, 'inbox removed');
    }
    return workDone;
  }
}
