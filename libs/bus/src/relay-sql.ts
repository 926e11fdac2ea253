// The statements of the relay, for the outbox and the lease row that every service's schema has.

/**
 * Takes or renews the lease if there is anything to place, and with it the next rows: fresh first, then by seq, bounded in rows and in bytes
 * (the first row always). Answers at least one row, which says whether the lease is held. Parameters: holder, lease ms, rows, bytes.
 */
export const takeSql = `
with lease as (
  update relay_lease set holder = $1::uuid, held_until = clock_timestamp() + $2::int * interval '1 millisecond'
  where (holder = $1::uuid or held_until is null or held_until < clock_timestamp())
    and exists (select 1 from outbox where placed_at is null)
  returning 1
)
select exists (select 1 from lease) as leased,
  (select (extract(epoch from held_until - clock_timestamp()) * 1000)::float8 from relay_lease where holder <> $1::uuid and held_until > clock_timestamp()) as lease_left_ms,
  o.seq::text, o.written_at, o.tenant_id::text, o.event_id::text, o.topic, o.key, o.type, o.sequence::text, o.historical, o.traceparent, o.value
from (select 1) as always left join lateral (
  select * from (
    select *, sum(octet_length(value)) over (order by historical, seq) - octet_length(value) as bytes_before
    from (select * from outbox where placed_at is null order by historical, seq limit $3::int) as first_rows
  ) as counted
  where bytes_before < $4::int and exists (select 1 from lease)
) as o on true
order by o.historical, o.seq`;

/** Parameters: historical and seq of each row, and the bounds of written_at, which spare looking into other days. */
export const markSql = `
update outbox as o set placed_at = clock_timestamp()
from unnest($1::bool[], $2::text[]::bigint[]) as b(historical, seq)
where o.historical = b.historical and o.seq = b.seq and o.placed_at is null and o.written_at between $3::timestamptz and $4::timestamptz`;

export const releaseSql = `update relay_lease set held_until = null where holder = $1::uuid and held_until > clock_timestamp()`;
