// Daily partitions on the owner's own clock: made ahead, and dropped before their limit together with the day keys of what lay in them.
import type pg from 'pg';
import type { Clock } from '@rejoinder/base/clock';
import { dayOf, startOfDay } from '@rejoinder/base/clock';
import { delay } from '@rejoinder/base/wait';
import type { DayKeys } from './day-keys.js';
import { daysOf, keptTables, type Asked, type DayPartition, type KeptTable } from './kept-tables.js';
import type { Logger } from './logging.js';

/** How long each class may live at the most, in days; classes that only deletion ends are absent. */
export interface KeptDays {
  R1: number;
  R2: number;
  wire: number;
}

const daysAhead = 4;
const dropBeforeLimitMs = 4 * 3_600_000;
const everyMs = 3_600_000;
/** After a round that a long reader kept from its end. */
const retryMs = 60_000;
const makeTimeoutMs = 5_000;
const dropTimeoutMs = 200;
const dropTries = 5;
const dayMs = 86_400_000;

/** What a drop that meets a reader, another pod's keeper or its own broken-off detach may run into; all of it is looked at again. */
const lockTimeout = '55P03';
const detachPending = '55000';
const notAPartition = '42P01';
const deadlock = '40P01';

/** Keeps the daily tables of one schema. */
export class PartitionKeeper {
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #failure: string | undefined;

  constructor(
    private readonly schema: string,
    private readonly pool: pg.Pool,
    private readonly clock: Clock,
    private readonly days: KeptDays,
    private readonly logger: Logger,
    private readonly keys?: DayKeys,
  ) {}

  /** Makes what is needed before anything is written, then keeps at it every hour. */
  async start(): Promise<void> {
    await this.keep();
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  health(): string | undefined {
    return this.#failure;
  }

  /** One round: the coming days exist, the expired ones are gone. What cannot be dropped now, as a reader holds on to it, is left for the next round, and told by health(). */
  async keep(): Promise<void> {
    const held: string[] = [];
    for (const table of await keptTables(this.pool, this.schema)) {
      if (!table.dayColumn) continue;
      await this.#makeAhead(table.tableName);
      held.push(...(await this.#dropExpired(table)));
    }
    await this.#dropKeys();
    this.#failure = held.length > 0 ? `${held.length} expired daily partitions are still there` : undefined;
    if (held.length > 0) this.logger.warn({ schema: this.schema, partitions: held }, this.#failure);
  }

  async #run(): Promise<void> {
    for (;;) {
      await delay(this.#failure === undefined ? everyMs : retryMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.keep();
      } catch (error) {
        this.#failure = 'daily partitions cannot be kept';
        this.logger.error({ error, schema: this.schema }, this.#failure);
      }
    }
  }

  /** Attached, not made as partitions: that would need the parent for itself alone and wait behind its readers, with every writer behind it. */
  async #makeAhead(table: string): Promise<void> {
    const wanted = Array.from({ length: daysAhead + 2 }, (_, index) => startOfDay(this.clock.now(), index - 1));
    const missing = await this.#missing(this.pool, table, wanted);
    if (missing.length === 0) return;
    await this.#asOwner(async (client) => {
      await client.query('begin');
      await client.query(`set local lock_timeout = ${makeTimeoutMs}`);
      await client.query('select pg_advisory_xact_lock(hashtext($1))', [`rejoinder partitions ${this.schema}`]);
      for (const day of await this.#missing(client, table, missing)) {
        const name = `${this.schema}.${partitionName(table, day)}`;
        await client.query(`create table if not exists ${name} (like ${this.schema}.${table} including all excluding identity)`);
        await client.query(
          `alter table ${this.schema}.${table} attach partition ${name} for values from ('${dayOf(day)}') to ('${dayOf(startOfDay(day, 1))}')`,
        );
      }
      await client.query('commit');
    });
  }

  async #missing(asked: Asked, table: string, wanted: Date[]): Promise<Date[]> {
    const attached = (await daysOf(asked, this.schema, table)).filter((one) => one.state !== 'left').map(({ name }) => name);
    return wanted.filter((day) => !attached.includes(partitionName(table, day)));
  }

  /** Answers the partitions that are still there. */
  async #dropExpired({ tableName, retentionClass }: KeptTable): Promise<string[]> {
    const first = this.#firstKept(retentionClass);
    const held: string[] = [];
    for (const { name, day } of await daysOf(this.pool, this.schema, tableName)) {
      if (!day || day >= first) continue;
      const about = { schema: this.schema, partition: name, class: retentionClass };
      try {
        if (await this.#drop(tableName, name)) this.logger.info(about, 'dropped a day');
        else held.push(name);
      } catch (error) {
        this.logger.error({ ...about, error }, 'a day cannot be dropped');
        held.push(name);
      }
    }
    return held;
  }

  /** The first day that may stay: what began on it is still some hours from the limit. A day that is not over always stays. */
  #firstKept(retentionClass: string): Date {
    const limitDays = this.days[retentionClass as keyof KeptDays];
    if (limitDays === undefined) throw new Error(`${this.schema}: class ${retentionClass} has no limit and cannot be kept by day`);
    const latest = this.clock.now().getTime() - limitDays * dayMs + dropBeforeLimitMs;
    return new Date(Math.min(startOfDay(new Date(latest), 1).getTime(), startOfDay(this.clock.now()).getTime()));
  }

  /** Keys go whether or not their partitions could: without them nothing there can be opened, in backups neither. */
  async #dropKeys(): Promise<void> {
    for (const [purpose, retentionClass] of Object.entries(this.keys?.purposes ?? {})) {
      await this.keys?.dropBefore(purpose, dayOf(this.#firstKept(retentionClass)));
    }
  }

  /** Detached first and without blocking: a plain DROP would queue behind a reader and hold up every writer behind it. */
  #drop(table: string, partition: string): Promise<boolean> {
    return this.#asOwner(async (client) => {
      await client.query(`set lock_timeout = ${dropTimeoutMs}`);
      for (let attempt = 1; attempt <= dropTries; attempt++) {
        const found = (await daysOf(client, this.schema, table)).find(({ name }) => name === partition);
        if (!found) return true;
        try {
          await this.#dropStep(client, table, found);
        } catch (error) {
          const { code } = error as { code?: string };
          if (![lockTimeout, detachPending, notAPartition, deadlock].includes(code ?? '')) throw error;
          await delay(dropTimeoutMs, this.#stop.signal);
        }
      }
      return false;
    });
  }

  async #dropStep(client: pg.PoolClient, table: string, { name, state }: DayPartition): Promise<void> {
    const partition = `${this.schema}.${name}`;
    if (state === 'attached') await client.query(`alter table ${this.schema}.${table} detach partition ${partition} concurrently`);
    if (state === 'detaching') await client.query(`alter table ${this.schema}.${table} detach partition ${partition} finalize`);
    await client.query(`drop table if exists ${partition}`);
  }

  async #asOwner<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(`set role rejoinder_${this.schema}_owner`);
      return await work(client);
    } finally {
      // A connection that cannot be made as it was is not given back.
      await client.query('rollback; reset role; reset lock_timeout').catch((error: Error) => (broken = error));
      client.release(broken);
    }
  }
}

const partitionName = (table: string, day: Date) => `${table}_${dayOf(day).replaceAll('-', '')}`;
