-- What the settings of a tenant say of whom a mail stands with; a tenant that has no row was never told of any.
create table logging_rules (
  tenant_id uuid primary key,
  -- everyone, written_to, nobody.
  make_contacts text not null,
  -- Mail that nobody but own people are on stands with each of them; where it does no more, that which was known before internal_until.
  log_internal boolean not null,
  internal_until timestamptz,
  -- Of the tenant's settings.
  revision bigint not null
);
select retain('logging_rules', 'state');
select fence('logging_rules');
