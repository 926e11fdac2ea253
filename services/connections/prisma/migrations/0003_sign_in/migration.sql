-- Sign-in at a provider's page (OAuth 2.0): sign-ins that have begun, and who of several processes refreshes an access token.

-- The provider of the settings at whose page the person signed in; empty for a password.
alter table inbox add column oauth_provider text not null default '';

-- One refresh at a time: whoever holds this until then. A refresh token that is used twice may cost the whole grant.
alter table credential add column refresh_lease uuid, add column refresh_lease_until timestamptz;

-- Used once, and gone after minutes. What it is about (verifier, nonce, address, settings) is sealed under `credentials`.
create table sign_in (
  tenant_id uuid not null,
  state_hash bytea not null,
  -- Who began it, as the gateway knows them: a hash.
  caller text not null,
  sealed bytea not null,
  expires_at timestamptz not null,
  primary key (tenant_id, state_hash)
);
create index on sign_in (expires_at);
select retain('sign_in', 'state');
select fence('sign_in');
