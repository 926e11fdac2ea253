-- Links by which owners give their inbox a new password; gone once it has one.
create table reconnect_link (
  -- Of the token, which is not kept.
  token_sha256 bytea primary key,
  tenant_id uuid not null,
  inbox_id uuid not null references inbox on delete cascade,
  made_at timestamptz not null,
  expires_at timestamptz not null,
  -- Passwords that were tried by it since then.
  attempts integer not null default 0,
  attempts_since timestamptz
);
create index on reconnect_link (tenant_id, inbox_id, made_at);
select retain('reconnect_link', 'state');
select fence('reconnect_link');
