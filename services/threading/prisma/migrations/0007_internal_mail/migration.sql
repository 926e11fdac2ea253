-- What the tenant says of mail that nobody but its own people is on.
alter table tenant_graph
  add column log_internal boolean not null default false,
  -- Where it is not logged any more: what was captured of it before then stays. Null where it never was.
  add column internal_until timestamptz,
  -- Revision of the tenant's settings that this was told with.
  add column logging_revision bigint not null default 0;
