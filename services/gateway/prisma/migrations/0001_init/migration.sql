-- Tenants, API keys (hashed), and the public feed that pages read.
create table tenant (
  tenant_id uuid primary key,
  name text not null,
  made_at timestamptz not null
);
select retain('tenant', 'state');
select fence('tenant');

create table api_key (
  tenant_id uuid not null references tenant,
  api_key_id uuid not null,
  -- First characters, to tell keys apart in a list.
  prefix text not null,
  sha256 bytea not null unique,
  name text not null,
  made_at timestamptz not null,
  primary key (tenant_id, api_key_id)
);
select retain('api_key', 'state');
select fence('api_key');

-- Public events in the order they came, ids only: every gateway pod reads them, every open page sees every event.
create sequence feed_seq;
create table feed (
  seq bigint not null default nextval('feed_seq'),
  tenant_id uuid not null,
  event_id uuid not null,
  came_at timestamptz not null,
  type text not null,
  -- Ids and states; no personal data.
  facts jsonb not null
) partition by range (came_at);
create index on feed (tenant_id, seq);
create index on feed (came_at);
-- What every pod reads on from, and what makes taking an event twice change nothing.
create index on feed (seq);
create index on feed (event_id);
select retain('feed', 'wire', 'came_at');
select fence('feed');
do $$ begin
  execute format('grant usage on sequence feed_seq to %I', 'rejoinder_' || current_schema() || '_worker');
end $$;
