// Puts events of the outbox on the wire again: for consumers that lost their place, or a log that was lost.
import type { Transactions } from './sql.js';

const batchRows = 1_000;

const unplace = `
with again as (
  select seq, written_at from outbox
  where written_at >= $1::timestamptz and seq > $2::text::bigint and placed_at is not null and placed_at < $3::timestamptz
  order by seq limit $4::int
), marked as (
  update outbox o set placed_at = null from again where o.seq = again.seq and o.written_at = again.written_at returning o.seq
)
select count(*)::int as count, max(seq)::text as last from marked`;

export interface Republished {
  count: number;
  /** When the oldest event of the outbox was written: there is nothing before it. Undefined if it is empty. */
  oldest?: Date;
}

/**
 * Marks every event written since then and placed before now as not placed, oldest first, in bounded batches; the relay does the rest.
 * They keep their ids and sequences, so that who has seen them changes nothing.
 */
export async function republish(database: Pick<Transactions, 'single'>, since: Date): Promise<Republished> {
  const [start] = await database.single<{ now: Date; oldest: Date | null }>(
    'select clock_timestamp() as now, (select min(written_at) from outbox) as oldest',
  );
  let count = 0;
  for (let after: string | null = '-1'; after !== null;) {
    const [step]: Step[] = await database.single<Step>(unplace, since, after, start!.now, batchRows);
    count += step!.count;
    after = step!.last;
  }
  return { count, oldest: start!.oldest ?? undefined };
}

interface Step {
  count: number;
  last: string | null;
}
