-- The keys that wrap may be exchanged: which of them are needed is asked by every process, at its start and every few seconds.
create index on key (kek_id);

-- From one id to the next, whatever their number of keys; of all purposes, since an id tells nothing of what was wrapped by it.
create function kek_ids() returns setof text language sql stable security definer set search_path = pg_catalog, keyring, pg_temp as $$
  with recursive found as (
    (select kek_id from keyring.key order by kek_id limit 1)
    union all
    select (select kek_id from keyring.key where kek_id > found.kek_id order by kek_id limit 1) from found where found.kek_id is not null
  )
  select kek_id from found where kek_id is not null
$$;
revoke execute on function kek_ids() from public;

do $$
declare
  holder text;
begin
  foreach holder in array array['gateway', 'connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'retention'] loop
    execute format('grant execute on function kek_ids() to %I', 'rejoinder_' || holder || '_keys');
  end loop;
end $$;
