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

/**
 * Marks every event written since then and placed before now as not placed, oldest first, in bounded batches; the relay does the rest.
 * They keep their ids and sequences, so that who has seen them changes nothing. Answers how many.
 */
export async function republish(database: Transactions, since: Date, signal?: AbortSignal): Promise<number> {
  const [{ now }] = await database.read('all_tenants', (tx) => tx.$queryRawUnsafe<[{ now: Date }]>('select clock_timestamp() as now'));
  let total = 0;
  for (let after = '-1'; !signal?.aborted;) {
    const [{ count, last }] = await database.write('all_tenants', (tx) =>
      tx.$queryRawUnsafe<[{ count: number; last: string | null }]>(unplace, since, after, now, batchRows),
    );
    total += count;
    if (last === null) break;
    after = last;
  }
  return total;
}
