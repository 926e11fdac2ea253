-- A mail that is tracked for its contacts stands on their timelines, and makes no contact of the others on it.
alter table mail
  add column known_only boolean not null default false,
  -- Revision of the MailTracked that said so: a capture tells of no reason.
  add column reason_revision bigint not null default 0;
