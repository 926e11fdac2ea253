// Daily partitions on the owner's own clock: made ahead, dropped before their limit, and asked for their oldest item.
import type pg from 'pg';
import type { Clock } from '@rejoinder/base/clock';
import { dayOf, startOfDay } from '@rejoinder/base/clock';
import { delay } from '@rejoinder/base/wait';
import type { Logger } from './logging.js';

/** How long each class may live at the most, in days; classes that only deletion ends are absent. */
export interface KeptDays {
  R1: number;
  R2: number;
  wire: number;
}

/** A table as its schema's register of retention has it. */
export interface KeptTable {
  tableName: string;
  retentionClass: string;
  dayColumn: string | null;
}

const daysAhead = 14;
const dropBeforeLimitMs = 4 * 3_600_000;
const everyMs = 3_600_000;
const lockTimeoutMs = 200;
const dropTries = 25;
const dayMs = 86_400_000;

interface Partition {
  name: string;
  day: Date;
}

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

  /** One round: the coming days exist, the expired ones are gone. */
  async keep(): Promise<void> {
    for (const table of await keptTables(this.pool, this.schema)) {
      if (!table.dayColumn) continue;
      await this.#makeAhead(table.tableName);
      await this.#dropExpired(table);
    }
  }

  async #run(): Promise<void> {
    for (;;) {
      await delay(everyMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.keep();
        this.#failure = undefined;
      } catch (error) {
        this.#failure = 'daily partitions cannot be kept';
        this.logger.error({ error, schema: this.schema }, this.#failure);
      }
    }
  }

  async #makeAhead(table: string): Promise<void> {
    const existing = new Set((await this.#partitions(table)).map((partition) => partition.name));
    const missing: Date[] = [];
    for (let ahead = -1; ahead <= daysAhead; ahead++) {
      const day = startOfDay(this.clock.now(), ahead);
      if (!existing.has(partitionName(table, day))) missing.push(day);
    }
    const sql = missing.map((day) => {
      const [from, to] = [dayOf(day), dayOf(startOfDay(day, 1))];
      return `create table if not exists ${this.schema}.${partitionName(table, day)} partition of ${this.schema}.${table} for values from ('${from}') to ('${to}')`;
    });
    if (sql.length > 0) await this.#asOwner((client) => client.query(sql.join(';\n')));
  }

  async #dropExpired({ tableName, retentionClass }: KeptTable): Promise<void> {
    const limitDays = this.days[retentionClass as keyof KeptDays];
    if (limitDays === undefined) throw new Error(`${this.schema}.${tableName} is kept by day but class ${retentionClass} has no limit`);
    const latest = this.clock.now().getTime() - limitDays * dayMs + dropBeforeLimitMs;
    for (const { name, day } of await this.#partitions(tableName)) {
      if (day.getTime() > latest) continue;
      await this.#drop(tableName, name);
      this.logger.info({ schema: this.schema, partition: name, class: retentionClass }, 'dropped a day');
    }
  }

  /** Detached first and without blocking: a plain DROP would queue behind a reader and hold up every writer behind it. */
  async #drop(table: string, partition: string): Promise<void> {
    await this.#asOwner(async (client) => {
      await client.query(`set lock_timeout = ${lockTimeoutMs}`);
      for (let attempt = 1; ; attempt++) {
        try {
          if (await isAttached(client, this.schema, partition)) {
            await client.query(`alter table ${this.schema}.${table} detach partition ${this.schema}.${partition} concurrently`);
          }
          await client.query(`drop table if exists ${this.schema}.${partition}`);
          return;
        } catch (error) {
          const { code } = error as { code?: string };
          if (attempt === dropTries) throw error;
          // 55000: a detach that was broken off has to be finished first.
          if (code === '55000')
            await client
              .query(`alter table ${this.schema}.${table} detach partition ${this.schema}.${partition} finalize`)
              .catch(() => undefined);
          else if (code !== '55P03') throw error;
          await delay(lockTimeoutMs, this.#stop.signal);
        }
      }
    });
  }

  async #partitions(table: string): Promise<Partition[]> {
    return partitionsOf(this.pool, this.schema, table);
  }

  async #asOwner<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query(`set role rejoinder_${this.schema}_owner`);
      return await work(client);
    } finally {
      await client.query('reset role; reset lock_timeout').catch(() => undefined);
      client.release();
    }
  }
}

const partitionName = (table: string, day: Date) => `${table}_${dayOf(day).replaceAll('-', '')}`;

async function isAttached(client: pg.PoolClient, schema: string, partition: string): Promise<boolean> {
  const sql = `select 1 from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2`;
  return (await client.query(sql, [schema, partition])).rowCount! > 0;
}

/** Every table of the schema's register. */
export async function keptTables(pool: pg.Pool, schema: string): Promise<KeptTable[]> {
  const { rows } = await pool.query<{ table_name: string; class: string; day_column: string | null }>(
    `select table_name, class, day_column from ${schema}.kept order by 1`,
  );
  return rows.map((row) => ({ tableName: row.table_name, retentionClass: row.class, dayColumn: row.day_column }));
}

/** The days a table has, attached or left over from a drop that was broken off, oldest first. */
export async function partitionsOf(pool: pg.Pool, schema: string, table: string): Promise<Partition[]> {
  const sql = `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relkind = 'r' and c.relname ~ $2 order by 1`;
  const { rows } = await pool.query<{ name: string }>(sql, [schema, `^${table}_[0-9]{8}$`]);
  return rows.map(({ name }) => ({ name, day: new Date(name.slice(-8).replace(/(....)(..)(..)/, '$1-$2-$3T00:00:00Z')) }));
}
