// The statements of workers over any table made `like work`: claim and look ahead, renew, settle.

/** Tenants with work are found one index probe each; of each come its first rows, then all are interleaved so that no tenant waits for another's thousands.
 * What makes a row claimable is asked again where it is locked: another pod may have finished it since it was found.
 * Answers at least one row, which says when the next row that nobody holds is due: retries and other pods' clocks are not left to the slow poll. */
export const claimSql = (table: string, key: string, where: string) => `
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
), claimed as (
  update ${table} w set lease_until = lease.ends, due_at = lease.ends, lease_token = $4::uuid, attempts = w.attempts + 1
  from chosen, (select clock_timestamp() + $3::int * interval '1 millisecond' as ends) lease
  where w.tenant_id = chosen.tenant_id and w.${key} = chosen.key
  returning w.tenant_id, w.${key}::text as key, w.attempts, w.historical, w.traceparent
), next as (
  select w.due_at from ${table} w
  where due_at is not null and (lease_until is null or lease_until < clock_timestamp()) and ${where}
    and not exists (select 1 from chosen where w.tenant_id = chosen.tenant_id and w.${key} = chosen.key)
  order by due_at limit 1
)
select claimed.*, (select due_at from next) as next_due_at from (select 1) as always left join claimed on true`;

/** With due_at, which a claim has moved to the end of its lease, unless somebody has asked for the row again meanwhile. */
export const renewSql = (table: string, key: string) => `
update ${table} set lease_until = lease.ends, due_at = case when due_at = lease_until then lease.ends else due_at end
from (select clock_timestamp() + $4::int * interval '1 millisecond' as ends) lease
where tenant_id = $1::uuid and ${key}::text = $2 and lease_token = $3::uuid returning 1`;

/** A claim moved due_at to the end of its lease: where it stands elsewhere by now, somebody has asked for the row again meanwhile. */
export const settleSql = (table: string, key: string) => `
update ${table} set due_at = case when due_at = lease_until then $4::timestamptz else due_at end, lease_until = null, lease_token = null, last_reason = $5,
  attempts = case when $4::timestamptz is null then 0 else attempts end
where tenant_id = $1::uuid and ${key}::text = $2 and lease_token = $3::uuid returning due_at`;
