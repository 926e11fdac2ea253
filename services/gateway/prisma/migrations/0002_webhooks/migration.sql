-- Webhooks: addresses outside that public events are told to, and each telling of one.
create table webhook (
  like work including defaults,
  webhook_id uuid not null,
  url text not null,
  -- The kinds of events that are told; all where none is named.
  events text[] not null,
  -- on; paused by a person: what comes waits; off by ourselves, for the reason beside it: nothing more is kept for it.
  state text not null check (state in ('on', 'paused', 'off')),
  reason text not null default '',
  made_at timestamptz not null,
  -- Sealed under its version; the one before signs as well until then.
  sealed_secret bytea not null,
  secret_version integer not null,
  sealed_secret_before bytea,
  secret_before_until timestamptz,
  -- How often running nothing was taken, and until when it is left alone for that.
  failures integer not null default 0,
  wait_until timestamptz,
  -- Since when nothing but failures came of it.
  failing_since timestamptz,
  -- Since when events were left out, as too many were waiting.
  left_out_since timestamptz,
  primary key (tenant_id, webhook_id)
);
select retain('webhook', 'state');
select fence('webhook');
select workable('webhook');

-- Written in the transaction that adds the event to the feed; what is told is read from there.
create table webhook_delivery (
  tenant_id uuid not null,
  webhook_id uuid not null,
  event_id uuid not null,
  made_at timestamptz not null,
  -- Of the event in the feed.
  seq bigint not null,
  type text not null,
  historical boolean not null,
  state text not null check (state in ('waiting', 'taken', 'given_up')),
  -- When it was made or asked for again: it is tried for some days from then.
  asked_at timestamptz not null,
  -- Not before.
  try_at timestamptz not null,
  tries integer not null default 0,
  tried_at timestamptz,
  -- Of the last answer; null where there was none.
  status integer,
  reason text not null default '',
  primary key (tenant_id, webhook_id, event_id, made_at)
) partition by range (made_at);
create index on webhook_delivery (tenant_id, webhook_id, historical, try_at, seq) where state = 'waiting';
create index on webhook_delivery (tenant_id, webhook_id, seq);
select retain('webhook_delivery', 'wire', 'made_at');
select fence('webhook_delivery');
