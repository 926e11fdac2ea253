// Keeps the feed: public events in one order that every reader can go by.
import type { Tx } from '../people/tenant-store.js';
import type { Facts } from './facts.js';

export interface NewFeedRow {
  tenantId: string;
  eventId: string;
  type: string;
  facts: Facts & { time: string };
}

export interface FeedRow {
  seq: number;
  tenantId: string;
  eventId: string;
  type: string;
  facts: Facts & { time: string };
}

interface Raw {
  seq: bigint;
  tenant_id: string;
  event_id: string;
  type: string;
  facts: FeedRow['facts'];
}

/**
 * Held by one writer at a time, from before its first seq is drawn until it has committed: so rows become visible in the order of their
 * seq, and whoever has read up to one has missed none below it. Without this a row could come up behind a reader's back.
 */
const lockSql = `select pg_advisory_xact_lock(hashtextextended('rejoinder gateway feed', 0))::text`;

const columns = 'seq, tenant_id::text as tenant_id, event_id::text as event_id, type, facts';

/** An event that is there already is left out: under the lock nobody else can be adding it. */
const insertSql = `
insert into feed (came_at, tenant_id, event_id, type, facts)
select $1::timestamptz, e.tenant_id, e.event_id, e.type, e.facts::jsonb
from (select distinct on (event_id) * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[])
  with ordinality as e(tenant_id, event_id, type, facts, turn) order by event_id, turn) as e
where not exists (select 1 from feed f where f.event_id = e.event_id)
order by e.turn
returning ${columns}`;

/** Answers the rows that are new, in order. */
export async function addToFeed(tx: Tx, cameAt: Date, rows: NewFeedRow[]): Promise<FeedRow[]> {
  const locked = tx.$queryRawUnsafe(lockSql);
  const adding = tx.$queryRawUnsafe<Raw[]>(
    insertSql,
    cameAt,
    rows.map((row) => row.tenantId),
    rows.map((row) => row.eventId),
    rows.map((row) => row.type),
    rows.map((row) => JSON.stringify(row.facts)),
  );
  const [, added] = await Promise.all([locked, adding]);
  return added.map(toRow).sort((one, other) => one.seq - other.seq);
}

/** Of all tenants. */
export async function feedAfter(tx: Tx, seq: number, limit: number): Promise<FeedRow[]> {
  const sql = `select ${columns} from feed where seq > $1::bigint order by seq limit $2::int`;
  return (await tx.$queryRawUnsafe<Raw[]>(sql, seq, limit)).map(toRow);
}

export async function feedOfTenantAfter(tx: Tx, tenantId: string, seq: number, limit: number): Promise<FeedRow[]> {
  const sql = `select ${columns} from feed where tenant_id = $1::uuid and seq > $2::bigint order by seq limit $3::int`;
  return (await tx.$queryRawUnsafe<Raw[]>(sql, tenantId, seq, limit)).map(toRow);
}

/** First and last seq that are there, over all tenants; undefined while there is none. */
export async function feedEnds(tx: Tx): Promise<{ first: number; last: number } | undefined> {
  const sql = 'select (select seq from feed order by seq limit 1) as first, (select seq from feed order by seq desc limit 1) as last';
  const [ends] = await tx.$queryRawUnsafe<{ first: bigint | null; last: bigint | null }[]>(sql);
  return ends?.first == null || ends.last == null ? undefined : { first: Number(ends.first), last: Number(ends.last) };
}

const toRow = ({ seq, tenant_id: tenantId, event_id: eventId, type, facts }: Raw): FeedRow => ({
  ...{ seq: Number(seq), tenantId, eventId, type, facts },
});
