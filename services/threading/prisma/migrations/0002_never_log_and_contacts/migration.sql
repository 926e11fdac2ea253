-- Whose mail is never logged, and whose is logged where an inbox captures all mail of contacts: by keyed hashes alone.
alter table node
  -- Domains of From, To and Cc with those above them.
  add column domain_hashes bytea[] not null default '{}',
  -- When the mailbox got it; null for what only our sender has told of.
  add column received_at timestamptz,
  -- Tracked for that a contact is on it, and for nothing else: whoever cites it is not tracked for that.
  add column by_contact boolean not null default false;

-- Addresses and domains. The whole list of a tenant is of one revision.
create table never_log (
  tenant_id uuid not null,
  entry_hash bytea not null,
  -- When it was put on the list: what was captured before stays.
  since timestamptz not null,
  primary key (tenant_id, entry_hash)
);
select retain('never_log', 'state');
select fence('never_log');

alter table tenant_graph add column never_log_revision bigint not null default 0;

create table contact_address (
  tenant_id uuid not null,
  address_hash bytea not null,
  primary key (tenant_id, address_hash)
);
select retain('contact_address', 'state');
select fence('contact_address');

alter table own_address
  -- The inbox captures all mail of contacts that was received from then on; null where it captures tracked mail alone.
  add column capture_since timestamptz,
  -- Revision of the inbox that this was told with.
  add column settings_revision bigint not null default 0;
