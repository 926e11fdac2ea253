-- The reference graph of each tenant by keyed hashes, threads, and what is tracked. No text, no address.

-- Locked first by every write of a tenant: the graph changes one batch at a time.
create table tenant_graph (
  tenant_id uuid primary key
);
select retain('tenant_graph', 'graph');
select fence('tenant_graph');

create table thread (
  tenant_id uuid not null,
  thread_id uuid not null,
  -- Where this thread went when it was merged.
  merged_into uuid,
  made_at timestamptz not null,
  primary key (tenant_id, thread_id)
);
select retain('thread', 'graph');
select fence('thread');

-- One per mail that was observed or sent.
create table node (
  tenant_id uuid not null,
  mail_id uuid not null,
  message_id_hash bytea,
  chain_hashes bytea[] not null,
  from_hash bytea not null,
  recipient_hashes bytea[] not null,
  base_subject_hash bytea not null,
  forward boolean not null,
  kind text not null,
  -- Known once the text was read for a verdict; null before.
  carries_quote boolean,
  thread_id uuid not null,
  -- sent, logged, api: why it is a root; null if it is none.
  root text,
  send_id uuid,
  tracked boolean not null default false,
  cut boolean not null default false,
  -- Rises with every verdict.
  revision bigint not null default 0,
  inbox_ids uuid[] not null,
  seen_at timestamptz not null,
  primary key (tenant_id, mail_id)
);
create index on node (tenant_id, message_id_hash);
create index on node (tenant_id, thread_id);
create index on node (seen_at) where not tracked;
select retain('node', 'graph');
select fence('node');

-- Who cites an id, seen or not.
create table citation (
  tenant_id uuid not null,
  cited_hash bytea not null,
  mail_id uuid not null,
  primary key (tenant_id, cited_hash, mail_id)
);
select retain('citation', 'graph');
select fence('citation');

-- Message-IDs that a person tracked; a ghost until a mail with that id is observed.
create table tracked_id (
  tenant_id uuid not null,
  tracked_id uuid not null,
  message_id_hash bytea not null,
  mail_id uuid,
  -- searching, tracked, captured, not_found, refused.
  state text not null,
  reason text not null default '',
  asked_at timestamptz not null,
  primary key (tenant_id, tracked_id),
  unique (tenant_id, message_id_hash)
);
select retain('tracked_id', 'graph');
select fence('tracked_id');

-- Addresses of the tenant's own inboxes, hashed.
create table own_address (
  tenant_id uuid not null,
  inbox_id uuid not null,
  address_hash bytea not null,
  primary key (tenant_id, inbox_id)
);
select retain('own_address', 'state');
select fence('own_address');
