// The worker: claims due rows in bounded batches, fairly over tenants and fresh before historical, and gives each to one function.
import { context, propagation } from '@opentelemetry/api';
import { newId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { backoffMs, delay } from '@rejoinder/base/wait';
import type { Transactions } from '@rejoinder/bus/sql';
import type { Logger } from './logging.js';

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
  /** Longer than the work's own time-outs together: after it another worker may take the row. */
  leaseMs: number;
  /** The slow poll under the wakes. */
  pollMs?: number;
  /** Does the work and saves its effects; the signal fires on drain deadline or lost lease. What it throws is tried again with backoff. */
  work: (job: Job, signal: AbortSignal) => Promise<WorkOutcome>;
}

export interface WorkerSurroundings {
  database: Transactions;
  clock: Clock;
  logger: Logger;
  /** Registers for wakes of the service; answers how to stop. */
  onWake: (callback: () => void) => () => void;
}

interface ClaimedRow {
  tenant_id: string;
  key: string;
  attempts: number;
  historical: boolean;
  traceparent: string | null;
}

const firstRetryMs = 1_000;
const maxRetryMs = 300_000;
const slowPollMs = 5_000;
const shortestPauseMs = 5;

/** Tenants with work are found one index probe each; of each come its first rows, then all are interleaved so that no tenant waits for another's thousands.
 * What makes a row claimable is asked again where it is locked: another pod may have finished it since it was found. */
const claimSql = (table: string, key: string, where: string) => `
with recursive tenant as (
  (select tenant_id from ${table} where due_at is not null order by tenant_id limit 1)
  union all
  select (select w.tenant_id from ${table} w where w.due_at is not null and w.tenant_id > tenant.tenant_id order by w.tenant_id limit 1)
  from tenant where tenant.tenant_id is not null
), candidate as (
  select w.* from tenant, lateral (
    select tenant_id, ${key} as key, historical, due_at, row_number() over (order by historical, due_at) as turn from ${table} w
    where w.tenant_id = tenant.tenant_id and due_at <= $1::timestamptz and (lease_until is null or lease_until < clock_timestamp()) and ${where}
    order by historical, due_at limit $2::int
  ) w
), chosen as (
  select w.tenant_id, w.${key} as key from ${table} w join candidate c on w.tenant_id = c.tenant_id and w.${key} = c.key
  where w.due_at <= $1::timestamptz and (w.lease_until is null or w.lease_until < clock_timestamp())
  order by c.historical, c.turn, c.due_at limit $2::int for update of w skip locked
)
update ${table} w set lease_until = lease.ends, due_at = lease.ends, lease_token = $4::uuid, attempts = w.attempts + 1
from chosen, (select clock_timestamp() + $3::int * interval '1 millisecond' as ends) lease
where w.tenant_id = chosen.tenant_id and w.${key} = chosen.key
returning w.tenant_id, w.${key}::text as key, w.attempts, w.historical, w.traceparent`;

/** When the next row that nobody holds is due: retries and other pods' clocks are not left to the slow poll. */
const nextSql = (table: string, where: string) => `
select w.due_at from ${table} w where due_at is not null and (lease_until is null or lease_until < clock_timestamp()) and ${where} order by due_at limit 1`;

/** A claim moved due_at to the end of its lease: where it stands elsewhere by now, somebody has asked for the row again meanwhile. */
const settleSql = (table: string, key: string) => `
update ${table} set due_at = case when due_at = lease_until then $4::timestamptz else due_at end, lease_until = null, lease_token = null, last_reason = $5,
  attempts = case when $4::timestamptz is null then 0 else attempts end
where tenant_id = $1::uuid and ${key}::text = $2 and lease_token = $3::uuid`;

/** Runs until stopped; a stop waits for the rows in hand and claims no more. */
export class Worker {
  readonly #stop = new AbortController();
  readonly #abort = new AbortController();
  readonly #inHand = new Set<Promise<void>>();
  #claiming: Promise<void> = Promise.resolve();
  #woken: () => void = () => undefined;
  #wakePending = true;
  #failure: string | undefined;

  constructor(
    private readonly options: WorkerOptions,
    private readonly around: WorkerSurroundings,
  ) {}

  start(): void {
    const off = this.around.onWake(() => this.wake());
    this.#claiming = this.#run().finally(off);
  }

  /** There may be work. */
  wake(): void {
    this.#wakePending = true;
    this.#woken();
  }

  /** Claims no more, waits for what is in hand, at most graceMs; then the signal of each work fires. */
  async stop(graceMs: number): Promise<void> {
    this.#stop.abort();
    this.#woken();
    const limit = setTimeout(() => this.#abort.abort(), graceMs);
    await this.#claiming;
    await Promise.all(this.#inHand);
    clearTimeout(limit);
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
        const { claimed, nextDueAt } = free > 0 ? await this.#claim(free) : { claimed: [] };
        for (const { job, token } of claimed) this.#take(job, token);
        failures = 0;
        this.#failure = undefined;
        await this.#pause(this.#idleMs(nextDueAt));
      } catch (error) {
        failures++;
        this.#failure = `${this.options.name} cannot claim work`;
        this.around.logger.warn({ worker: this.options.name, error }, 'cannot claim work');
        await delay(backoffMs(failures, 200, 10_000), this.#stop.signal);
      }
    }
  }

  async #claim(limit: number): Promise<{ claimed: { job: Job; token: string }[]; nextDueAt?: Date }> {
    const { table, key, filter, leaseMs } = this.options;
    const token = newId();
    const [where, more] = filter ? [filter.where, [filter.value()]] : ['true', []];
    const values = [this.around.clock.now(), limit, leaseMs, token, ...more];
    return this.around.database.read('all_tenants', async (tx) => {
      const rows = await tx.$queryRawUnsafe<ClaimedRow[]>(claimSql(table, key, where), ...values);
      const claimed = rows.map((row) => ({ token, job: toJob(row) }));
      if (claimed.length === limit) return { claimed };
      const next = await tx.$queryRawUnsafe<{ due_at: Date }[]>(nextSql(table, where.replaceAll('$5', '$1')), ...more);
      return { claimed, nextDueAt: next[0]?.due_at };
    });
  }

  /** Until the next row is due, at least a moment (it may be locked by another just now), at most the slow poll. */
  #idleMs(nextDueAt: Date | undefined): number {
    const pollMs = this.options.pollMs ?? slowPollMs;
    if (nextDueAt === undefined) return pollMs;
    const untilDue = nextDueAt.getTime() - this.around.clock.now().getTime();
    return Math.min(pollMs, Math.max(untilDue + 1, shortestPauseMs));
  }

  #take(job: Job, token: string): void {
    const settled = this.#work(job, token)
      .catch((error: unknown) => this.around.logger.warn({ worker: this.options.name, error }, 'outcome not saved; the lease will end'))
      .finally(() => {
        this.#inHand.delete(settled);
        this.wake();
      });
    this.#inHand.add(settled);
  }

  async #work(job: Job, token: string): Promise<void> {
    const started = this.around.clock.now();
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(this.options.leaseMs)]);
    const traced = propagation.extract(context.active(), { traceparent: job.traceparent });
    let outcome: WorkOutcome;
    try {
      outcome = await context.with(traced, () => this.options.work(job, signal));
    } catch (error) {
      this.around.logger.warn({ worker: this.options.name, error, attempts: job.attempts }, 'work failed; it will be tried again');
      outcome = again(new Date(started.getTime() + backoffMs(job.attempts, firstRetryMs, maxRetryMs)), 'failed');
    }
    const { table, key } = this.options;
    const due = outcome.kind === 'again' ? outcome.at : null;
    const reason = outcome.kind === 'done' ? null : outcome.reason;
    await this.around.database.read({ tenants: [job.tenantId] }, (tx) =>
      tx.$executeRawUnsafe(settleSql(table, key), job.tenantId, job.key, token, due, reason),
    );
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
    key: row.key,
    attempts: row.attempts,
    historical: row.historical,
    traceparent: row.traceparent ?? undefined,
  };
}
