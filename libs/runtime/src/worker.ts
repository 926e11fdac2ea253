// The worker: claims due rows in bounded batches, fairly over tenants and fresh before historical, and gives each to one function.
import { newId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { backoffMs, delay } from '@rejoinder/base/wait';
import type { Transactions } from '@rejoinder/bus/sql';
import { keepLease, shortLeaseMs, type Lease } from './lease.js';
import type { Logger } from './logging.js';
import { inSpan } from './trace.js';
import { claimSql, renewSql, settleSql } from './work-sql.js';

/** What became of one row; there is nothing else. */
export type WorkOutcome = { kind: 'done' } | { kind: 'again'; at: Date; reason: string } | { kind: 'gave_up'; reason: string };

export const workDone: WorkOutcome = { kind: 'done' };
export const again = (at: Date, reason: string): WorkOutcome => ({ kind: 'again', at, reason });
export const gaveUp = (reason: string): WorkOutcome => ({ kind: 'gave_up', reason });

/** A claimed row: its key and what the worker columns say. */
export interface Job {
  tenantId: string;
  key: string;
  attempts: number;
  historical: boolean;
  traceparent?: string;
}

export interface WorkerOptions {
  /** For logs and health, such as capture. */
  name: string;
  /** A table made `like work`, with primary key (tenant_id, key). */
  table: string;
  key: string;
  /** SQL that a row must also satisfy to be claimed, such as "partition = any ($5::int[])"; its parameter is value(). */
  filter?: { where: string; value: () => unknown };
  /** Rows in work at once in this process. */
  concurrency: number;
  /** The longest that a row is held, so longer than the work's own time-outs together: after it another worker may take the row. */
  leaseMs: number;
  /** How long a claim lasts unless it is renewed, which it is until leaseMs: the row of a process that died is free after this. */
  renewedLeaseMs?: number;
  /** The slow poll under the wakes. */
  pollMs?: number;
  /**
   * Does the work and saves its effects; the signal fires on drain deadline or lost lease. What it throws is tried again with backoff. Work of several
   * steps begins none once `stopping` has fired: this process is to end.
   */
  work: (job: Job, signal: AbortSignal, stopping: AbortSignal) => Promise<WorkOutcome>;
}

export interface WorkerSurroundings {
  database: Transactions;
  clock: Clock;
  logger: Logger;
  /** Registers for commits that write to a table of the service; answers how to stop. */
  onWake: (table: string, callback: () => void) => () => void;
}

interface ClaimedRow {
  /** Null in the one row that only says when the next is due. */
  key: string | null;
  tenant_id: string;
  attempts: number;
  historical: boolean;
  traceparent: string | null;
  next_due_at: Date | null;
}

const firstRetryMs = 1_000;
const maxRetryMs = 300_000;
const slowPollMs = 5_000;
const shortestPauseMs = 5;
/** What work whose signal has fired is given to save its outcome. */
const abortedMs = 2_000;

/** Runs until stopped; a stop waits for the rows in hand and claims no more. */
export class Worker {
  readonly #stop = new AbortController();
  readonly #abort = new AbortController();
  readonly #inHand = new Set<Promise<void>>();
  #claiming: Promise<void> = Promise.resolve();
  #woken: () => void = () => undefined;
  #wakePending = true;
  /** There may be more due than there were hands for. */
  #isBehind = false;
  #failure: string | undefined;

  constructor(
    private readonly options: WorkerOptions,
    private readonly around: WorkerSurroundings,
  ) {}

  start(): void {
    const off = this.around.onWake(this.options.table, () => this.wake());
    this.#claiming = this.#run().finally(off);
  }

  /** There may be work. */
  wake(): void {
    this.#wakePending = true;
    this.#woken();
  }

  /**
   * Claims no more and waits for what is in hand. When the signal fires, that of each work does too, and what does not heed it is left behind: its
   * lease ends by itself. Answers what did not end by its own.
   */
  async stop(deadline: AbortSignal): Promise<string[]> {
    this.#stop.abort();
    this.#woken();
    const over = new AbortController();
    const ended = this.#claiming.then(() => Promise.all(this.#inHand)).then(() => over.abort());
    let cut: string[] = [];
    const atDeadline = () => {
      cut = Array.from({ length: this.#inHand.size }, () => `work of ${this.options.name}`);
      this.#abort.abort();
    };
    deadline.addEventListener('abort', atDeadline, { once: true });
    const late = new Promise<void>((resolve) => deadline.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([ended, late.then(() => delay(abortedMs, over.signal))]);
    deadline.removeEventListener('abort', atDeadline);
    return cut;
  }

  /** The reason why nothing can be claimed, if so. */
  health(): string | undefined {
    return this.#failure;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted;) {
      this.#wakePending = false;
      try {
        const free = this.options.concurrency - this.#inHand.size;
        const claimedAt = performance.now();
        const { jobs, token, nextDueAt } = free > 0 ? await this.#claim(free) : { jobs: [], token: '' };
        for (const job of jobs) this.#take(job, token, claimedAt);
        this.#isBehind = jobs.length === Math.max(free, 0);
        failures = 0;
        this.#failure = undefined;
        if (!this.#isBehind || this.#inHand.size >= this.options.concurrency) await this.#pause(this.#idleMs(nextDueAt));
      } catch (error) {
        failures++;
        this.#failure = `${this.options.name} cannot claim work`;
        this.around.logger.warn({ worker: this.options.name, error }, 'cannot claim work');
        await delay(backoffMs(failures, 200, 10_000), this.#stop.signal);
      }
    }
  }

  async #claim(limit: number): Promise<{ jobs: Job[]; token: string; nextDueAt?: Date }> {
    const { table, key, filter } = this.options;
    const token = newId();
    const [where, more] = filter ? [filter.where, [filter.value()]] : ['true', []];
    const values = [this.around.clock.now(), limit, this.#claimMs, token, ...more];
    const rows = await this.around.database.single<ClaimedRow>(claimSql(table, key, where), ...values);
    return { jobs: rows.filter((row) => row.key !== null).map(toJob), token, nextDueAt: rows[0]?.next_due_at ?? undefined };
  }

  /** Until the next row is due, at least a moment (it may be locked by another just now), at most the slow poll. */
  #idleMs(nextDueAt: Date | undefined): number {
    const pollMs = this.options.pollMs ?? slowPollMs;
    if (nextDueAt === undefined) return pollMs;
    const untilDue = nextDueAt.getTime() - this.around.clock.now().getTime();
    return Math.min(pollMs, Math.max(untilDue + 1, shortestPauseMs));
  }

  #take(job: Job, token: string, claimedAt: number): void {
    const settled = this.#work(job, token, this.#keep(job, token, claimedAt))
      .catch((error: unknown) => this.around.logger.warn({ worker: this.options.name, error }, 'outcome not saved; the lease will end'))
      .then((askedAgain) => {
        this.#inHand.delete(settled);
        if (askedAgain !== false || this.#isBehind) this.wake();
      });
    this.#inHand.add(settled);
  }

  #keep(job: Job, token: string, claimedAt: number): Lease {
    const { name, table, key, leaseMs } = this.options;
    const renew = (ms: number) => this.around.database.single(renewSql(table, key), job.tenantId, job.key, token, ms);
    return keepLease({
      claimedAt,
      lastsMs: this.#claimMs,
      longestMs: leaseMs,
      renew: async (ms) => (await renew(ms)).length === 1,
      failed: (error) => this.around.logger.warn({ worker: name, error }, 'cannot renew a lease'),
    });
  }

  /** Whether the row is to be worked on again: as the work said, or as somebody asked meanwhile. */
  async #work(job: Job, token: string, lease: Lease): Promise<boolean> {
    const started = this.around.clock.now();
    const signal = AbortSignal.any([this.#abort.signal, lease.lost]);
    let outcome: WorkOutcome;
    try {
      outcome = await inSpan(`${this.options.name} work`, job.traceparent, () => this.options.work(job, signal, this.#stop.signal));
    } catch (error) {
      this.around.logger.warn({ worker: this.options.name, error, attempts: job.attempts }, 'work failed; it will be tried again');
      outcome = again(new Date(started.getTime() + backoffMs(job.attempts, firstRetryMs, maxRetryMs)), 'failed');
    } finally {
      lease.end();
    }
    const { table, key } = this.options;
    const due = outcome.kind === 'again' ? outcome.at : null;
    const reason = outcome.kind === 'done' ? null : outcome.reason;
    const settled = await this.around.database.single<{ due_at: Date | null }>(
      settleSql(table, key),
      job.tenantId,
      job.key,
      token,
      due,
      reason,
    );
    return settled.some(({ due_at }) => due_at !== null);
  }

  get #claimMs(): number {
    return Math.min(this.options.renewedLeaseMs ?? shortLeaseMs, this.options.leaseMs);
  }

  #pause(ms: number): Promise<void> {
    if (this.#wakePending || this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#woken = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function toJob(row: ClaimedRow): Job {
  return {
    tenantId: row.tenant_id,
    key: row.key!,
    attempts: row.attempts,
    historical: row.historical,
    traceparent: row.traceparent ?? undefined,
  };
}
