// The statements of the local log, in schema bus. Leases run by the database's clock, appended_at by the clock given in.

/**
 * Offsets without gaps: the rows of log_end are locked in one order, and a topic that is missing is refused. Parameters: columns, appended_at, notification,
 * and whether its commit need not wait for the disk.
 */
export const appendSql = `
with e as (
  select * from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::bytea[]) with ordinality as e(topic, partition, key, headers, value, n)
), ends as (
  select topic, partition, next_offset from bus.log_end
  where (topic, partition) in (select topic, partition from e) order by topic, partition for update
), numbered as (
  select e.*, ends.next_offset + row_number() over (partition by e.topic, e.partition order by e.n) - 1 as "offset"
  from e left join ends on ends.topic = e.topic and ends.partition = e.partition
), placed as (
  insert into bus.log (topic, partition, "offset", appended_at, key, headers, value)
  select topic, partition, "offset", $6::timestamptz, key, headers::jsonb, value from numbered
), moved as (
  update bus.log_end as l set next_offset = n.next_offset
  from (select topic, partition, max("offset") + 1 as next_offset from numbered group by topic, partition) as n
  where l.topic = n.topic and l.partition = n.partition
  returning l.topic, l.partition, l.next_offset::text as "end"
)
select *, pg_notify('rejoinder_bus', 'e/' || $7 || '/' || topic || '/' || partition || '/' || "end"), case when $8::bool then set_config('synchronous_commit', 'off', true) end from moved`;

/** Whether the log reaches beyond an offset. Parameters: topic, partition, offset. */
export const reachesSql = `select 1 from bus.log_end where topic = $1 and partition = $2 and next_offset > $3::bigint`;

/** Parameters: topic, partition, from, rows, bytes. The first row always, then as many as fit. */
export const fetchSql = `
select "offset"::text, appended_at::text as "appendedAt", key, headers, value from (
  select *, sum(octet_length(value)) over (order by "offset") - octet_length(value) as bytes_before from (
    select "offset", appended_at, key, headers, value from bus.log where topic = $1 and partition = $2 and "offset" >= $3::bigint order by "offset" limit $4
  ) as first_rows
) as counted
where bytes_before < $5 order by counted."offset"`;

/**
 * Nothing is changed if another holds the partition by now, or if the place is not where this member left it: then a crash has undone commits, and perhaps
 * what they stood for. Nor if the last event is not the one that was read, by when it was appended: then a crash has cut the log off while it was in hand,
 * and other events stand there, or will. The commit does not wait for the disk: what a crash undoes of it is delivered again.
 * Parameters: group, topic, partition, next offset, member, offset before, when the last was appended.
 */
export const commitSql = `
update bus.position set next_offset = $4::bigint where "group" = $1 and topic = $2 and partition = $3 and member_id = $5::uuid and next_offset = $6::bigint
  and exists (select 1 from bus.log where topic = $2 and partition = $3 and "offset" = $4::bigint - 1 and appended_at = $7::timestamptz)
returning set_config('synchronous_commit', 'off', true)`;

/** One look for all members of a process: keeps them alive, and says who is there, what is free and where the log ends. Parameters: members, groups, ttl ms. */
export const lookSql = `
with beat as (
  update bus.member set alive_until = clock_timestamp() + $3::int * interval '1 millisecond' where member_id = any ($1::uuid[]) returning member_id
)
select
  (select coalesce(json_agg(member_id), '[]') from beat) as alive,
  (select coalesce(json_agg(json_build_object('group', "group", 'members', members)), '[]') from (
    select "group", array_agg(member_id::text order by member_id) filter (where alive_until > clock_timestamp() or member_id = any ($1::uuid[])) as members
    from bus.member where "group" = any ($2::text[]) group by "group") as m) as groups,
  (select coalesce(json_agg(distinct m."group"), '[]') from bus.member m join bus.position p on p."group" = m."group" and p.topic = any (m.topics)
    where m.member_id = any ($1::uuid[]) and p.member_id is null) as free,
  (select coalesce(json_agg(json_build_object('topic', topic, 'partition', partition, 'end', next_offset::text)), '[]') from bus.log_end) as ends`;

/** Membership changes of a group happen one after the other. */
export const lockSql = `select pg_advisory_xact_lock(hashtextextended('rejoinder bus ' || $1, 0))`;

/** Who is deleted is gone for good: a member that comes back late finds itself missing and joins anew, so none holds a partition without knowing. */
export const expireSql = `delete from bus.member where "group" = $1 and alive_until < clock_timestamp()`;

export const joinSql = `
insert into bus.member ("group", member_id, topics, alive_until) values ($1, $2::uuid, $3::text[], clock_timestamp() + $4::int * interval '1 millisecond')
on conflict ("group", member_id) do update set alive_until = excluded.alive_until`;

/** A new group starts at the oldest event that is still there. */
export const positionsSql = `
insert into bus.position ("group", topic, partition, next_offset)
select $1, e.topic, e.partition, coalesce(
  (select l."offset" from bus.log l where l.topic = e.topic and l.partition = e.partition order by l."offset" limit 1), e.next_offset)
from bus.log_end e where e.topic = any ($2::text[])
  and not exists (select 1 from bus.position p where p."group" = $1 and p.topic = e.topic and p.partition = e.partition)
on conflict do nothing`;

export const membersSql = `select member_id::text as id, topics from bus.member where "group" = $1`;

/** The holder only if it is still a member. */
export const holdersSql = `
select p.topic, p.partition, p.next_offset::text as next, e.next_offset::text as "end", m.member_id::text as holder
from bus.position p join bus.log_end e on e.topic = p.topic and e.partition = p.partition left join bus.member m on m."group" = p."group" and m.member_id = p.member_id
where p."group" = $1 and p.topic = any ($2::text[])`;

const among = `(topic, partition) in (select * from unnest($2::text[], $3::int[]))`;

export const claimSql = `update bus.position set member_id = $4::uuid where "group" = $1 and ${among}`;

/** Gives partitions back and tells the group. Parameters: group, topics, partitions, member, notification. */
export const giveBackSql = `
with given as (update bus.position set member_id = null where "group" = $1 and ${among} and member_id = $4::uuid)
select pg_notify('rejoinder_bus', $5)`;

export const leaveSql = `
with gone as (delete from bus.member where "group" = $1 and member_id = $2::uuid),
given as (update bus.position set member_id = null where "group" = $1 and member_id = $2::uuid)
select pg_notify('rejoinder_bus', $3)`;

export const ensureSql = `
insert into bus.log_end (topic, partition)
select t.topic, p.partition from unnest($1::text[], $2::int[]) as t(topic, partitions), lateral generate_series(0, t.partitions - 1) as p(partition)
on conflict do nothing`;

/** The first event of each partition: no index on time is needed. */
export const oldestSql = `
select min(first.appended_at) as oldest from bus.log_end e cross join lateral (
  select l.appended_at from bus.log l where l.topic = e.topic and l.partition = e.partition order by l."offset" limit 1
) as first`;

/** Offsets whose event is gone go to the oldest one still there, or to the end. */
export const skipLostSql = `
update bus.position as p set next_offset = greatest(p.next_offset, coalesce(first."offset", e.next_offset))
from bus.log_end e left join lateral (
  select l."offset" from bus.log l where l.topic = e.topic and l.partition = e.partition order by l."offset" limit 1
) as first on true
where p."group" = $1 and e.topic = p.topic and e.partition = p.partition and p.next_offset < coalesce(first."offset", e.next_offset)
returning p.topic, p.partition`;
