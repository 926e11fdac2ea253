-- The keyring: wrapped keys by tenant, purpose and day, in a database of its own whose backups live 7 days at most.
-- Runs with search_path set to keyring. Only this schema's owner, and the functions it owns, see past the fences below.

-- Purposes are a closed list. Keys of a daily purpose are shredded by day, the others live as long as their tenant.
create table purpose (
  name text primary key,
  daily boolean not null,
  -- Days before this one are shredded: their keys are gone, and no new ones are made.
  gone_before date not null default '-infinity'
);

-- The life of a tenant (or of a hold, which is sealed under a root of its own): written once with its first key, then a tombstone.
create table root (
  tenant_id uuid primary key,
  created_at timestamptz not null default now(),
  dead_at timestamptz
);

-- Each key is random: none can be derived from another, so that a deleted row is a key that is gone.
create table key (
  tenant_id uuid not null references root,
  purpose text not null references purpose,
  day date not null,
  -- 32 bytes, wrapped by the key-encryption key named beside them, bound to tenant, purpose and day.
  wrapped bytea not null check (length(wrapped) between 48 and 8192),
  kek_id text not null check (length(kek_id) between 1 and 2048),
  created_at timestamptz not null default now(),
  primary key (tenant_id, purpose, day)
);
create index on key (purpose, day);
-- What was deleted leaves the pages with the next vacuum: soon, not once a fifth of the table is dead.
alter table key set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1);

-- Every insert passes here: under a dead root, and for a shredded day, it inserts nothing. The locks make a mint and the death of
-- its root, or the shredding of its day, come one after the other.
create function guard_mint() returns trigger language plpgsql security definer set search_path = pg_catalog, keyring, pg_temp as $$
declare
  must_be_daily boolean;
begin
  insert into keyring.root (tenant_id) values (new.tenant_id) on conflict do nothing;
  perform from keyring.root where tenant_id = new.tenant_id and dead_at is null for share;
  if not found then return null; end if;
  select daily into must_be_daily from keyring.purpose where name = new.purpose and new.day >= gone_before for share;
  if not found then return null; end if;
  if must_be_daily = (new.day = 'infinity') then
    raise exception 'keys of % are made % day', new.purpose, case when must_be_daily then 'by' else 'without a' end using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger guard_mint before insert on key for each row execute function guard_mint();

-- Ends a tenant or a hold for ever: the tombstone stays, also where there was no key yet; all keys go.
create function kill(doomed uuid, at timestamptz) returns void language plpgsql security definer set search_path = pg_catalog, keyring, pg_temp as $$
begin
  insert into keyring.root (tenant_id, dead_at) values (doomed, at)
    on conflict (tenant_id) do update set dead_at = coalesce(root.dead_at, excluded.dead_at);
  delete from keyring.key where tenant_id = doomed;
end $$;
revoke execute on function guard_mint(), kill(uuid, timestamptz) from public;

alter table purpose enable row level security;
alter table root enable row level security;
alter table key enable row level security;

-- Roles belong to the whole cluster: another database may be making them at this moment. Making them takes the login's own rights.
do $$
declare
  owner text := current_user;
  holder text;
begin
  perform set_config('role', 'none', true);
  foreach holder in array array['gateway', 'connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'retention'] loop
    begin
      execute format('create role %I nologin', 'rejoinder_' || holder || '_keys');
    exception when duplicate_object or unique_violation then null;
    end;
    if not pg_has_role(session_user, 'rejoinder_' || holder || '_keys', 'set') then
      execute format('grant %I to session_user', 'rejoinder_' || holder || '_keys');
    end if;
  end loop;
  perform set_config('role', owner, true);
end $$;

-- Who holds which purpose, by name: a service sees, makes and shreds keys of its own purposes and no others.
create function entrust(target text, is_daily boolean, variadic holders text[]) returns void language plpgsql as $$
declare
  holder text;
begin
  insert into purpose (name, daily) values (target, is_daily);
  foreach holder in array holders loop
    execute format('create policy %I on purpose for select to %I using (name = %L)', holder || ' sees ' || target, 'rejoinder_' || holder || '_keys', target);
    execute format('create policy %I on key for select to %I using (purpose = %L)', holder || ' sees ' || target, 'rejoinder_' || holder || '_keys', target);
    execute format('create policy %I on key for insert to %I with check (purpose = %L)', holder || ' makes ' || target, 'rejoinder_' || holder || '_keys', target);
    -- A key without a day ends with its root alone.
    if is_daily then
      execute format('create policy %I on purpose for update to %I using (name = %L)', holder || ' shreds ' || target, 'rejoinder_' || holder || '_keys', target);
      execute format('create policy %I on key for delete to %I using (purpose = %L)', holder || ' shreds ' || target, 'rejoinder_' || holder || '_keys', target);
    end if;
  end loop;
end $$;
revoke execute on function entrust(text, boolean, text[]) from public;

do $$
declare
  holder text;
begin
  foreach holder in array array['gateway', 'connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'retention'] loop
    execute format('grant usage on schema %I to %I', current_schema(), 'rejoinder_' || holder || '_keys');
    execute format('grant select, insert, delete on key to %I', 'rejoinder_' || holder || '_keys');
    execute format('grant select, update (gone_before) on purpose to %I', 'rejoinder_' || holder || '_keys');
    perform entrust('letters:' || holder, true, holder);
  end loop;
  foreach holder in array array['sync', 'attachment', 'sending', 'timeline'] loop
    perform entrust('hold:' || holder, false, holder);
  end loop;
end $$;

select entrust('ids', false, 'sync', 'threading', 'sending', 'timeline', 'connections', 'retention');
select entrust('raw', true, 'sync');
select entrust('headers', true, 'sync');
select entrust('sent', true, 'sending');
select entrust('sends', false, 'sending');
select entrust('text', false, 'timeline');
select entrust('files', false, 'attachment');
select entrust('credentials', false, 'connections');

-- Retention alone ends tenants and holds, once every owner has receipted.
grant execute on function kill(uuid, timestamptz) to rejoinder_retention_keys;
