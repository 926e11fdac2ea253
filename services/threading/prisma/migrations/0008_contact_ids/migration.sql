-- Which contact an address is of, so that it can be taken off: what is told of a contact takes the place of what was told before.
create table contact (
  tenant_id uuid not null,
  contact_id uuid not null,
  -- Of the last word on its addresses; one that went into another keeps it, so that an older word brings none back.
  revision bigint not null,
  primary key (tenant_id, contact_id)
);
select retain('contact', 'state');
select fence('contact');

alter table contact_address
  -- Nil of an address that was told before contacts were known by their ids.
  add column contact_id uuid not null default '00000000-0000-0000-0000-000000000000',
  drop constraint contact_address_pkey,
  add primary key (tenant_id, address_hash, contact_id);
create index on contact_address (tenant_id, contact_id);
