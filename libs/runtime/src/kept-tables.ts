// A schema's register of retention, and the daily partitions that lie behind it.
import type pg from 'pg';

/** A pool, or one connection: whoever holds one must not wait for another. */
export type Asked = Pick<pg.Pool | pg.PoolClient | pg.Client, 'query'>;

/** A table as its schema's register of retention has it. */
export interface KeptTable {
  tableName: string;
  retentionClass: string;
  dayColumn: string | null;
}

/** One table behind a daily one: attached, between the two steps of a detach, or left over from a drop that was broken off. */
export interface DayPartition {
  name: string;
  /** Undefined where its name says none: somebody else made it. */
  day?: Date;
  state: 'attached' | 'detaching' | 'left';
}

/** Every table of the schema's register. */
export async function keptTables(pool: Asked, schema: string): Promise<KeptTable[]> {
  const { rows } = await pool.query<{ table_name: string; class: string; day_column: string | null }>(
    `select table_name, class, day_column from ${schema}.kept order by 1`,
  );
  return rows.map((row) => ({ tableName: row.table_name, retentionClass: row.class, dayColumn: row.day_column }));
}

/** The partitions of a table and what is left over of them, those without a day first, then oldest first. */
export async function daysOf(pool: Asked, schema: string, table: string): Promise<DayPartition[]> {
  const sql = `select c.relname as name, case when i.inhrelid is null then 'left' when i.inhdetachpending then 'detaching' else 'attached' end as state
    from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_inherits i on i.inhrelid = c.oid
    where n.nspname = $1 and c.relkind = 'r' and (i.inhparent = to_regclass($2) or (i.inhparent is null and c.relname ~ $3))`;
  const { rows } = await pool.query<{ name: string; state: DayPartition['state'] }>(sql, [
    schema,
    `${schema}.${table}`,
    `^${table}_[0-9]{8}$`,
  ]);
  const days = rows.map(({ name, state }) => ({ name, state, day: dayIn(name.slice(table.length)) }));
  return days.sort((a, b) => (a.day?.getTime() ?? 0) - (b.day?.getTime() ?? 0));
}

function dayIn(suffix: string): Date | undefined {
  const digits = /^_(\d{4})(\d{2})(\d{2})$/.exec(suffix);
  if (!digits) return undefined;
  const day = new Date(`${digits[1]}-${digits[2]}-${digits[3]}T00:00:00Z`);
  return Number.isNaN(day.getTime()) ? undefined : day;
}
