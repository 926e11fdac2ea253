-- Whether a tenant logs mail among its own people, for what comes by its logging addresses; a tenant that has no row was never told of any.
create table tenant_logging (
  tenant_id uuid primary key,
  log_internal boolean not null,
  -- Of the tenant's settings.
  revision bigint not null
);
select retain('tenant_logging', 'state');
select fence('tenant_logging');
