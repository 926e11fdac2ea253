// The relay of one service's outbox: takes what is not yet on the wire, fresh before historical, and places it in order.
import { newId } from '@rejoinder/base/id';
import { backoffMs, delay } from '@rejoinder/base/wait';
import type { TopicName } from '@rejoinder/contracts/topics';
import type { OutboundEvent } from './event.js';
import type { EventLog } from './event-log.js';
import type { BusLogger } from './logger.js';
import { maxEventBytes } from './outbox.js';
import { markSql, releaseSql, takeSql } from './relay-sql.js';
import type { Transactions } from './sql.js';

export interface RelayOptions {
  service: string;
  database: Transactions;
  log: Pick<EventLog, 'publish'>;
  logger: BusLogger;
  /** How long the service's lease row is taken for, by the database's clock. */
  leaseMs?: number;
  /** The slow look under the wakes. */
  pollMs?: number;
}

interface TakenRow {
  leased: boolean;
  lease_left_ms: number | null;
  seq: string | null;
  written_at: Date;
  tenant_id: string;
  event_id: string;
  topic: string;
  key: string;
  type: string;
  sequence: string;
  historical: boolean;
  traceparent: string | null;
  value: Uint8Array;
}

/** Rows in hand, and until when by this process's own clock they may be published. */
interface Taken {
  rows: TakenRow[];
  publishUntil: number;
  /** Another relay holds the lease for so long. */
  deniedForMs?: number;
}

const batchRows = 500;
const batchBytes = 4_000_000;
const defaultLeaseMs = 3_000;
const defaultPollMs = 3_000;
const firstRetryMs = 100;
const maxRetryMs = 10_000;

/** One per process and service; the lease row lets one of all processes publish at a time. Delivery is at least once. */
export class Relay {
  readonly #holder = newId();
  readonly #stop = new AbortController();
  readonly #leaseMs: number;
  readonly #source: string;
  #running: Promise<void> = Promise.resolve();
  #wakePending = true;
  #woken: () => void = () => undefined;
  #failure: string | undefined;

  constructor(private readonly options: RelayOptions) {
    this.#leaseMs = options.leaseMs ?? defaultLeaseMs;
    this.#source = `/rejoinder/${options.service}`;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** There may be new rows: call it after a commit. */
  wake(): void {
    this.#wakePending = true;
    this.#woken();
  }

  /** Ends after the batch in hand and gives the lease back. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#woken();
    await this.#running;
  }

  /** Why nothing gets onto the wire, if so. */
  health(): string | undefined {
    return this.#failure;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted;) {
      this.#wakePending = false;
      try {
        const { isMore, deniedForMs } = await this.#relayBatch();
        failures = 0;
        this.#failure = undefined;
        if (!isMore) await this.#pause(Math.min(deniedForMs ?? Infinity, this.options.pollMs ?? defaultPollMs));
      } catch (error) {
        failures++;
        this.#failure = `the outbox of ${this.options.service} cannot be relayed`;
        this.options.logger.warn({ error, service: this.options.service, failures }, 'outbox not relayed; trying again');
        await delay(backoffMs(failures, firstRetryMs, maxRetryMs), this.#stop.signal);
      }
    }
    await this.#giveBack();
  }

  async #relayBatch(): Promise<{ isMore: boolean; deniedForMs?: number }> {
    const { rows, publishUntil, deniedForMs } = await this.#take();
    if (rows.length === 0) return { isMore: false, deniedForMs };
    const leftMs = publishUntil - performance.now();
    if (leftMs <= 0) {
      this.options.logger.warn({ service: this.options.service }, 'the relay slept through its lease; nothing was published');
      return { isMore: true };
    }
    await this.#publish(rows, leftMs);
    await this.#markPlaced(rows);
    return { isMore: isFull(rows) };
  }

  /** The lease decides whether it may begin. Once begun it is waited for, however long: rows that got there and are not marked would go out again and again. */
  async #publish(rows: TakenRow[], leftMs: number): Promise<void> {
    const slow = setTimeout(() => (this.#failure = `publishing for ${this.options.service} takes longer than its lease`), leftMs);
    try {
      await this.options.log.publish(rows.map((row) => this.#toEvent(row)));
    } finally {
      clearTimeout(slow);
    }
  }

  /** Renews the lease with the rows in one statement. The local deadline counts from before it was sent, so it ends before the lease does. */
  async #take(): Promise<Taken> {
    const publishUntil = performance.now() + this.#leaseMs;
    const rows = await this.options.database.single<TakenRow>(takeSql, this.#holder, this.#leaseMs, batchRows, batchBytes);
    const [first] = rows;
    if (!first?.leased) return { rows: [], publishUntil, deniedForMs: first?.lease_left_ms ?? undefined };
    return { rows: rows.filter((row) => row.seq !== null), publishUntil };
  }

  #toEvent(row: TakenRow): OutboundEvent {
    return {
      topic: row.topic as TopicName,
      key: row.key,
      type: row.type,
      id: row.event_id,
      tenantId: row.tenant_id,
      source: this.#source,
      time: row.written_at,
      sequence: BigInt(row.sequence),
      historical: row.historical,
      traceparent: row.traceparent ?? undefined,
      value: row.value,
    };
  }

  async #markPlaced(rows: TakenRow[]): Promise<void> {
    const times = rows.map((row) => row.written_at.getTime());
    const [from, to] = [new Date(Math.min(...times) - 1), new Date(Math.max(...times) + 1)];
    const [historical, seqs] = [rows.map((row) => row.historical), rows.map((row) => row.seq)];
    await this.options.database.single(markSql, historical, seqs, from, to);
  }

  async #giveBack(): Promise<void> {
    try {
      await this.options.database.single(releaseSql, this.#holder);
    } catch (error) {
      this.options.logger.debug({ error, service: this.options.service }, 'the lease of the relay was not given back; it ends by itself');
    }
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

/** There may be more behind it: the batch came to one of its limits. */
function isFull(rows: TakenRow[]): boolean {
  const bytes = rows.reduce((sum, { value }) => sum + value.length, 0);
  return rows.length === batchRows || bytes + maxEventBytes > batchBytes;
}
