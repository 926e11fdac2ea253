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
  let after: string | null = '-1';
  while (after !== null) {
    const step = await unplaceAfter(database, since, after, now);
    total += step.count;
    after = signal?.aborted ? null : step.last;
  }
  return total;
}

async function unplaceAfter(
  database: Transactions,
  since: Date,
  after: string,
  now: Date,
): Promise<{ count: number; last: string | null }> {
  return database.write('all_tenants', async (tx) => {
    const rows = await tx.$queryRawUnsafe<{ count: number; last: string | null }[]>(unplace, since, after, now, batchRows);
    return rows[0]!;
  });
}
