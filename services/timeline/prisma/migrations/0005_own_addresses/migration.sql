-- Further addresses of a mailbox, in lower case: own ones, as that of the inbox is.
alter table own_address
  add column others text[] not null default '{}',
  -- Revision of the inbox that they were told with.
  add column settings_revision bigint not null default 0;
