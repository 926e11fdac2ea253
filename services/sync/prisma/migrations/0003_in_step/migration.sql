-- What was known of a folder when it was last in step with the server, so that a look costs what has changed and not what is there; audits; the connection log.

alter table folder
  -- EXISTS when highest_modseq was taken: a server without QRESYNC tells of expunged mails by nothing else.
  add column exists_count bigint,
  -- When its UIDs were last compared with locations, one by one.
  add column audited_at timestamptz,
  drop column uid_floor;

-- A person asked for this mail to be logged, and threading was told so.
alter table location add column logged boolean not null default false;

-- R2: what was ingested before marked_at has UIDs below uid_next. A location and the marks of its day are dropped together, so audits look no deeper than the
-- least mark that is left: what lies below may have been known once. (By its name it is dropped before locations.)
create table folder_mark (
  tenant_id uuid not null,
  folder_id uuid not null,
  uid_validity bigint not null,
  uid_next bigint not null,
  marked_at timestamptz not null
) partition by range (marked_at);
create index on folder_mark (folder_id, uid_validity);
select retain('folder_mark', 'R2', 'marked_at');
select fence('folder_mark');

-- R2: what became of an inbox's sessions, for who asks why something came late.
create table connection_log (
  tenant_id uuid not null,
  inbox_id uuid not null,
  logged_at timestamptz not null,
  -- logged_in, ended, uid_validity, gap.
  what text not null,
  -- Code of the error catalogue; empty where nothing failed.
  reason text not null default '',
  folder_role text not null default '',
  mails bigint not null default 0
) partition by range (logged_at);
create index on connection_log (tenant_id, inbox_id, logged_at desc);
select retain('connection_log', 'R2', 'logged_at');
select fence('connection_log');
