-- The local sink: an event log in PostgreSQL with Kafka's words, for one machine. Schema bus.
create table log (
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  appended_at timestamptz not null,
  key text not null,
  headers jsonb not null,
  value bytea not null
) partition by range (appended_at);
create index on log (topic, partition, "offset");

-- Next offset of each partition; the row is locked while appending, so offsets have no gaps and are read in order.
create table log_end (
  topic text not null,
  partition integer not null,
  next_offset bigint not null default 0,
  -- First offset that is still there; lower ones were dropped with their day.
  first_offset bigint not null default 0,
  primary key (topic, partition)
);

-- Members of consumer groups, alive until then by the database's clock. A member holds its partitions as long as its row is here.
create table member (
  "group" text not null,
  member_id uuid not null,
  topics text[] not null,
  alive_until timestamptz not null,
  primary key ("group", member_id)
);

-- Next offset each group reads, and which member holds the partition.
create table position (
  "group" text not null,
  topic text not null,
  partition integer not null,
  next_offset bigint not null,
  member_id uuid,
  primary key ("group", topic, partition)
);

-- The same register as in every service's schema: log is dropped by day.
create table kept (
  table_name text primary key,
  class text not null,
  day_column text
);
insert into kept values ('kept', 'state', null), ('log', 'wire', 'appended_at'), ('log_end', 'state', null), ('member', 'state', null), ('position', 'state', null);
