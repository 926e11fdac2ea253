-- What an inbox looks at, what holds for all inboxes of a tenant, and whose mail is never logged.
alter table inbox
  -- Folders to look at beside INBOX and Sent; none: the usual ones.
  add column folders text[] not null default '{}',
  -- Where capture is all: of mail received from then on.
  add column capture_since timestamptz;

create table tenant_settings (
  tenant_id uuid primary key,
  attachments boolean not null default true,
  -- Of inboxes that are connected without a word about it.
  capture text not null default 'tracked' check (capture in ('tracked', 'all')),
  -- Rises with every change of the never-log list: ce_sequence of its event.
  revision bigint not null default 0
);
select retain('tenant_settings', 'state');
select fence('tenant_settings');

-- Addresses and domains in lower case, as people typed them; other services know them by hashes.
create table never_log (
  tenant_id uuid not null,
  entry text not null,
  since timestamptz not null,
  primary key (tenant_id, entry)
);
select retain('never_log', 'state');
select fence('never_log');
