-- The last time that a tenant wanted the logged mail of people on its never-log list deleted, and how far that is.
create table never_log_deletion (
  like work including defaults,
  entry_hashes bytea[] not null,
  -- Revision of the list that has them: mails are deleted once it is known here, so that none comes after.
  list_revision bigint not null,
  mails bigint not null,
  deleted bigint not null default 0,
  -- By mail_id, all up to this one are deleted.
  last_mail_id uuid,
  asked_at timestamptz not null,
  done_at timestamptz,
  primary key (tenant_id)
);
select retain('never_log_deletion', 'state');
select fence('never_log_deletion');
select workable('never_log_deletion');
