-- The reference graph of each tenant by keyed hashes, threads, and what is tracked. No text, no address.

-- Locked first by every write of a tenant: the graph changes one batch at a time. Due while mails wait in recheck.
create table tenant_graph (
  like work including defaults,
  primary key (tenant_id)
);
select retain('tenant_graph', 'graph');
select fence('tenant_graph');
select workable('tenant_graph');

-- Mails to be judged again outside the batch that changed their ground; only citers beyond its bound and bearers of a new own address.
create table recheck (
  tenant_id uuid not null,
  mail_id uuid not null,
  primary key (tenant_id, mail_id)
);
select retain('recheck', 'graph');
select fence('recheck');

create table thread (
  tenant_id uuid not null,
  thread_id uuid not null,
  -- Where this thread went when it was merged.
  merged_into uuid,
  made_at timestamptz not null,
  primary key (tenant_id, thread_id)
);
create index on thread (tenant_id, merged_into) where merged_into is not null;
select retain('thread', 'graph');
select fence('thread');

-- One per mail that was observed or sent.
create table node (
  tenant_id uuid not null,
  mail_id uuid not null,
  -- Its Message-ID; a send may have a second one, which its provider gave it. Empty where the mail has none.
  id_hashes bytea[] not null,
  -- What it answers, oldest first.
  chain_hashes bytea[] not null,
  -- Empty where the mail does not say.
  from_hash bytea not null,
  recipient_hashes bytea[] not null,
  base_subject_hash bytea not null,
  kind text not null,
  historical boolean not null,
  -- Known once the text was read for a verdict; null before.
  carries_quote boolean,
  -- Null only inside the transaction that makes the row.
  thread_id uuid,
  -- sent, logged, api: why it is a root; null if it is none.
  root text,
  send_id uuid,
  -- untracked, asking (the verdict hangs on its text), tracked.
  verdict text not null default 'untracked',
  -- no, yes, unread: whether it has left the conversation it cites.
  cut text not null default 'no',
  -- The tracked mail that it answers.
  answers_mail_id uuid,
  -- So many of the last ids of its chain hold it in its thread.
  joined integer not null default 0,
  -- Rises with every verdict.
  revision bigint not null default 0,
  -- Revision of the last CaptureMail, and what became of it: captured, failed, forgotten (also of own sends: a person deleted it); null while it waits.
  capture_revision bigint not null default 0,
  capture text,
  inbox_ids uuid[] not null,
  seen_at timestamptz not null,
  primary key (tenant_id, mail_id)
);
create index on node (tenant_id, thread_id);
create index on node (seen_at) where verdict <> 'tracked';
select retain('node', 'graph');
select fence('node');

-- Which mails bear an id. More than one: senders choose Message-IDs.
create table bearer (
  tenant_id uuid not null,
  id_hash bytea not null,
  mail_id uuid not null,
  primary key (tenant_id, id_hash, mail_id)
);
select retain('bearer', 'graph');
select fence('bearer');

-- Who cites an id, seen or not.
create table citation (
  tenant_id uuid not null,
  cited_hash bytea not null,
  mail_id uuid not null,
  primary key (tenant_id, cited_hash, mail_id)
);
select retain('citation', 'graph');
select fence('citation');

-- Message-IDs that a person tracked; a ghost until a mail with that id is observed. Due when the search is over.
create table tracked_id (
  like work including defaults,
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
create index on tracked_id (tenant_id, mail_id);
select retain('tracked_id', 'graph');
select fence('tracked_id');
select workable('tracked_id');

-- Addresses of the tenant's own inboxes, hashed. They stay own after the inbox is removed, so that old verdicts stand.
create table own_address (
  tenant_id uuid not null,
  inbox_id uuid not null,
  address_hash bytea not null,
  removed boolean not null default false,
  primary key (tenant_id, inbox_id)
);
select retain('own_address', 'state');
select fence('own_address');
