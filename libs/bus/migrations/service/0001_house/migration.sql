-- What every service's schema has: fences, retention classes, work columns, the outbox and dead letters.
-- Runs with search_path set to the service's schema, as its owner role rejoinder_<service>_owner.

-- Which class of retention each table is in (DESIGN: "a table that is in no class fails the build").
create table kept (
  table_name text primary key,
  class text not null check (class in ('R1', 'R2', 'R3', 'R4', 'graph', 'tombstone', 'wire', 'state')),
  -- Partitioned by day on the column named here; partitions are made ahead and dropped before the limit.
  day_column text
);
insert into kept values ('kept', 'state', null);

create function retain(target text, retention_class text, by_day_of text default null) returns void language sql as $$
  insert into kept values (target, retention_class, by_day_of);
$$;

-- Row-level security with two roles: requests see one tenant, handlers and workers the tenants of their batch.
-- rejoinder.tenants is set for each transaction: tenant ids joined by commas, or * where a worker claims across tenants.
create function fence(target regclass) returns void language plpgsql as $$
declare
  service text := current_schema();
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format($policy$create policy requests on %s to %I using (tenant_id = nullif(current_setting('rejoinder.tenants', true), '')::uuid)$policy$,
    target, 'rejoinder_' || service || '_request');
  -- Both sides of the OR may be evaluated, so * is no list of ids; sub-selects, so that the setting is read once and not for each row.
  execute format($policy$create policy workers on %s to %I using ((select current_setting('rejoinder.tenants', true)) = '*'
    or tenant_id = any ((select string_to_array(nullif(nullif(current_setting('rejoinder.tenants', true), ''), '*'), ',')::uuid[])::uuid[]))$policy$,
    target, 'rejoinder_' || service || '_worker');
  execute format('grant select, insert, update, delete on %s to %I, %I', target,
    'rejoinder_' || service || '_request', 'rejoinder_' || service || '_worker');
end $$;

-- Template of the columns a worker needs: create table x (like work including defaults, ...).
create table work (
  tenant_id uuid not null,
  -- When it is to be worked on next; null once there is nothing left to do.
  due_at timestamptz,
  lease_until timestamptz,
  lease_token uuid,
  attempts integer not null default 0,
  historical boolean not null default false,
  -- W3C trace context of what asked for it.
  traceparent text,
  last_reason text
);
select retain('work', 'state');

-- Makes a table of work findable: by tenant, fresh before historical, oldest first.
create function workable(target regclass) returns void language plpgsql as $$
begin
  execute format('create index on %s (tenant_id, historical, due_at) where due_at is not null', target);
  execute format('create index on %s (due_at) where due_at is not null', target);
end $$;

create sequence outbox_seq;
create table outbox (
  seq bigint not null default nextval('outbox_seq'),
  written_at timestamptz not null,
  tenant_id uuid not null,
  event_id uuid not null,
  topic text not null,
  key text not null,
  type text not null,
  -- Rises with the state it speaks of: who keeps state ignores what is older.
  sequence bigint not null,
  historical boolean not null,
  traceparent text,
  value bytea not null,
  placed_at timestamptz
) partition by range (written_at);
create index on outbox (historical, seq) where placed_at is null;
create index on outbox (written_at);
select retain('outbox', 'wire', 'written_at');
select fence('outbox');
do $$ begin
  execute format('grant usage on sequence outbox_seq to %I, %I', 'rejoinder_' || current_schema() || '_request', 'rejoinder_' || current_schema() || '_worker');
end $$;

-- One relay per service: whoever holds this row until then.
create table relay_lease (
  only_row boolean primary key default true check (only_row),
  holder uuid,
  held_until timestamptz
);
insert into relay_lease default values;
select retain('relay_lease', 'state');
do $$ begin
  execute format('grant select, update on relay_lease to %I', 'rejoinder_' || current_schema() || '_worker');
end $$;

-- Records that cannot be handled, sealed, to be replayed once their reason is mended.
create table dead_letter (
  dead_letter_id uuid not null,
  died_at timestamptz not null,
  tenant_id uuid not null,
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  key text not null,
  type text not null,
  reason text not null,
  headers jsonb not null,
  sealed_value bytea not null,
  replayed_at timestamptz,
  primary key (dead_letter_id, died_at)
) partition by range (died_at);
select retain('dead_letter', 'wire', 'died_at');
select fence('dead_letter');
