-- Mail that a member logs by hand: the address it is sent to, and what came by it.

-- One per inbox. The local part is not sealed: it must be found before the tenant is known, and alone it lets nobody log anything.
create table logging_address (
  tenant_id uuid not null,
  inbox_id uuid primary key references session on delete cascade,
  local_part text not null unique,
  made_at timestamptz not null
);
select retain('logging_address', 'state');
select fence('logging_address');

-- One per mail that was taken. No word of it stands here: that lies in intake_chunk, and this row goes with it.
create table intake (
  like work including defaults,
  intake_id uuid not null,
  inbox_id uuid not null references session on delete cascade,
  -- received: to be looked at; logged: as mail_id; quarantined: for the reason.
  state text not null check (state in ('received', 'logged', 'quarantined')),
  reason text not null default '',
  mail_id uuid,
  received_at timestamptz not null,
  -- Of the key that its chunks are sealed with.
  received_day date not null,
  size_bytes bigint not null,
  primary key (tenant_id, intake_id)
);
create index on intake (tenant_id, mail_id) where mail_id is not null;
create index on intake (inbox_id, received_at);
select retain('intake', 'state');
select fence('intake');
select workable('intake');

-- R1: its bytes in pieces of 1 MiB, sealed under `raw:<day>`.
create table intake_chunk (
  tenant_id uuid not null,
  intake_id uuid not null,
  inbox_id uuid not null,
  at integer not null,
  received_at timestamptz not null,
  sealed bytea not null
) partition by range (received_at);
create index on intake_chunk (tenant_id, intake_id, at);
create index on intake_chunk (inbox_id);
select retain('intake_chunk', 'R1', 'received_at');
select fence('intake_chunk');
