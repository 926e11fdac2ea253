-- Several addresses of one contact, and contacts that went into another.
create table contact_address (
  tenant_id uuid not null,
  -- In lower case; the contact's first address is here as well.
  address text not null,
  contact_id uuid not null,
  added_at timestamptz not null,
  primary key (tenant_id, address)
);
create index on contact_address (tenant_id, contact_id);
select retain('contact_address', 'R3');

-- A contact that went into another keeps its id and nothing of the person; the other may go into a third later.
alter table contact
  add column merged_into uuid,
  alter column address drop not null,
  add constraint contact_is_one check ((address is null) = (merged_into is not null));

-- An address is of one contact, first or not: whoever makes a contact takes its address here, and makes none where it is taken. The release before
-- this one makes contacts too while it is replaced.
create function claim_address() returns trigger language plpgsql set search_path from current as $$
begin
  insert into contact_address (tenant_id, address, contact_id, added_at) values (new.tenant_id, lower(new.address), new.contact_id, new.made_at)
    on conflict do nothing;
  return case when found then new end;
end $$;
create trigger claim_address before insert on contact for each row execute function claim_address();

-- The fence holds for the owner as well, who would see no contact.
alter table contact no force row level security;
insert into contact_address (tenant_id, address, contact_id, added_at) select tenant_id, lower(address), contact_id, made_at from contact;
alter table contact force row level security;
select fence('contact_address');
