-- Inbox accounts, their credentials (sealed) and the state of receiving and of sending.
create table inbox (
  inbox_id uuid primary key,
  tenant_id uuid not null,
  address text not null,
  display_name text not null default '',
  imap_host text not null,
  imap_port integer not null,
  imap_security text not null check (imap_security in ('tls', 'starttls')),
  smtp_host text not null,
  smtp_port integer not null,
  smtp_security text not null check (smtp_security in ('tls', 'starttls')),
  receiving text not null check (receiving in ('connected', 'needs_reconnect', 'paused')),
  receiving_reason text not null default '',
  sending text not null check (sending in ('ready', 'needs_reconnect', 'paused')),
  sending_reason text not null default '',
  capture text not null check (capture in ('tracked', 'all')),
  attachments boolean not null,
  history_days integer not null,
  log_folder text not null default '',
  credential_version bigint not null,
  -- Rises with every change of state: ce_sequence of its events.
  revision bigint not null default 1,
  connected_at timestamptz not null
);
-- One inbox per address and tenant.
create unique index on inbox (tenant_id, lower(address));
select retain('inbox', 'state');
select fence('inbox');

-- Username and password, sealed under `credentials`; the row is deleted with the inbox.
create table credential (
  inbox_id uuid primary key references inbox on delete cascade,
  tenant_id uuid not null,
  version bigint not null,
  sealed bytea not null
);
select retain('credential', 'state');
select fence('credential');
