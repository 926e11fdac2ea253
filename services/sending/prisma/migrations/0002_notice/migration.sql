-- The mail to the owner of an inbox that needs a new password: one for each episode, which is one credential that was refused.
create table notice (
  like work including defaults,
  inbox_id uuid not null,
  -- The last episode; an older one is over.
  credential_version bigint not null,
  side text not null check (side in ('receiving', 'sending')),
  reason text not null,
  asked_at timestamptz not null,
  -- Set and committed before the first byte: from here on it may have been sent, and is not sent again.
  started_at timestamptz,
  sent_at timestamptz,
  primary key (tenant_id, inbox_id)
);
select retain('notice', 'state');
select fence('notice');
select workable('notice');
