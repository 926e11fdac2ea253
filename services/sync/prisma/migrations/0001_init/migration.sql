-- What one IMAP account is to us: its session's state, folders with cursors, observed headers with their locations, captured text.

-- Who owns a partition of the commands topic: a write of a pod that lost it reads an epoch that is not its own.
create table owner (
  partition integer primary key,
  epoch bigint not null
);
select retain('owner', 'state');
do $$ begin
  execute format('grant select, insert, update on owner to %I', 'rejoinder_' || current_schema() || '_worker');
end $$;

-- An inbox that is to be held here, from StartInbox to StopInbox.
create table session (
  like work including defaults,
  inbox_id uuid primary key,
  partition integer not null,
  -- wanted: hold it; stopped: do not; removing: delete all of it.
  wanted text not null check (wanted in ('hold', 'stopped', 'removing')),
  credential_version bigint not null,
  attachments boolean not null,
  history_days integer not null,
  log_folder text not null default '',
  -- As GetProgressResponse.state and reason.
  state text not null default 'waiting',
  reason text not null default '',
  next_try_at timestamptz,
  -- First refusal of the credential of this episode; the second, a minute later, is AuthenticationFailed.
  refused_at timestamptz,
  -- Ends of the session without a success between them: what the wait before the next try grows with.
  failures integer not null default 0,
  -- Keyed hash of the inbox's own address, known from its first login on: a copy of our own send must come from one of these.
  address_hash bytea,
  command_sequence bigint not null default 0
);
create index on session (partition);
select retain('session', 'state');
select fence('session');
select workable('session');

create table folder (
  folder_id uuid primary key,
  tenant_id uuid not null,
  inbox_id uuid not null references session on delete cascade,
  path text not null,
  role text not null,
  uid_validity bigint not null,
  -- Everything from here up is new and has been observed; below is history.
  uid_next bigint not null,
  highest_modseq bigint,
  -- First UIDNEXT ever seen: what lies below is history, taken newest first.
  history_start bigint not null,
  -- Next history UID to take is below this; 1 when done.
  history_next bigint not null,
  -- Below this, audits look no more: its locations are older than the metadata limit.
  uid_floor bigint not null default 1,
  seen bigint not null default 0,
  total bigint not null default 0,
  unique (inbox_id, path)
);
select retain('folder', 'state');
select fence('folder');

-- R2: header fields of every mail, sealed under `headers:<day>`; what can be asked without opening them is hashed.
create table mail_header (
  tenant_id uuid not null,
  mail_id uuid not null,
  inbox_id uuid not null,
  ingested_at timestamptz not null,
  ingested_day date not null,
  message_id_hash bytea,
  size_bytes bigint not null,
  received_at timestamptz not null,
  sealed bytea not null
) partition by range (ingested_at);
create index on mail_header (tenant_id, message_id_hash);
create index on mail_header (tenant_id, mail_id);
create index on mail_header (inbox_id);
select retain('mail_header', 'R2', 'ingested_at');
select fence('mail_header');

-- R2: where mails lie. The same mail may lie in many places.
create table location (
  tenant_id uuid not null,
  mail_id uuid not null,
  inbox_id uuid not null,
  folder_id uuid not null,
  uid_validity bigint not null,
  uid bigint not null,
  ingested_at timestamptz not null,
  gone_at timestamptz
) partition by range (ingested_at);
create index on location (tenant_id, mail_id);
create index on location (folder_id, uid_validity, uid);
select retain('location', 'R2', 'ingested_at');
select fence('location');

-- One per tracked mail: to be read, or read. Its text is in raw_body.
create table capture (
  like work including defaults,
  mail_id uuid not null,
  -- wanted, captured, failed, dropped.
  state text not null,
  only_if_quoting boolean not null default false,
  revision bigint not null,
  thread_id uuid,
  asked_at timestamptz not null,
  -- Partitions of the commands topic whose owners may claim it: those of its candidate inboxes.
  partitions integer[] not null,
  inbox_ids uuid[] not null,
  primary key (tenant_id, mail_id)
);
create index on capture using gin (partitions) where due_at is not null;
select retain('capture', 'graph');
select fence('capture');
select workable('capture');

-- One per attachment that may be fetched: streamed to the attachment service.
create table part (
  like work including defaults,
  attachment_id uuid not null,
  mail_id uuid not null,
  part_id text not null,
  encoding text not null,
  content_type text not null,
  declared_size_bytes bigint not null,
  -- File name, sealed under `headers:<day>` of sealed_day.
  sealed_name bytea not null,
  sealed_day date not null,
  inline boolean not null,
  content_id text not null default '',
  -- pending, stored, rejected, gone.
  state text not null,
  partitions integer[] not null,
  primary key (tenant_id, attachment_id)
);
create index on part (tenant_id, mail_id);
select retain('part', 'graph');
select fence('part');
select workable('part');

-- R1: text of captured mail, sealed under `raw:<day>`.
create table raw_body (
  tenant_id uuid not null,
  mail_id uuid not null,
  captured_at timestamptz not null,
  captured_day date not null,
  sealed bytea not null
) partition by range (captured_at);
create index on raw_body (tenant_id, mail_id);
select retain('raw_body', 'R1', 'captured_at');
select fence('raw_body');

-- Copies to be filed in the folder with \Sent. append_started: search before a second try.
create table sent_copy (
  like work including defaults,
  send_id uuid not null,
  mail_id uuid not null,
  inbox_id uuid not null,
  partition integer not null,
  -- wanted, append_started, filed, found, failed.
  state text not null,
  primary key (tenant_id, send_id)
);
select retain('sent_copy', 'state');
select fence('sent_copy');
select workable('sent_copy');

-- Message-IDs that were tracked before anybody had seen them, looked for in each inbox.
create table search (
  like work including defaults,
  search_id uuid not null,
  inbox_id uuid not null,
  partition integer not null,
  message_id_hash bytea not null,
  until timestamptz not null,
  primary key (tenant_id, search_id)
);
select retain('search', 'state');
select fence('search');
select workable('search');

-- Mails that were forgotten: whatever comes later for them is refused.
create table tombstone (
  tenant_id uuid not null,
  mail_id uuid not null,
  forgotten_at timestamptz not null,
  primary key (tenant_id, mail_id)
);
select retain('tombstone', 'tombstone');
select fence('tombstone');
