-- What people have said of single mails. It wins over the rules, and holds when the mail comes again: no word of a mail but its id and hashes.
create table pin (
  tenant_id uuid not null,
  mail_id uuid not null,
  -- split (it begins a thread of its own), merge (it belongs with another).
  kind text not null,
  into_mail_id uuid,
  pin_id uuid not null,
  -- Its Message-IDs: who cites one of them stops at a split also when nothing else is known of the mail any more.
  id_hashes bytea[] not null,
  -- The thread it was of when this was said.
  thread_id uuid not null,
  made_by text not null,
  made_at timestamptz not null,
  primary key (tenant_id, mail_id, kind),
  unique (tenant_id, pin_id),
  check ((kind = 'merge') = (into_mail_id is not null))
);
create index on pin (tenant_id, into_mail_id) where into_mail_id is not null;
create index on pin (tenant_id, thread_id);
select retain('pin', 'graph');
select fence('pin');
