-- Which folders are looked at, what the server told of last, and how far back each folder has been read.
alter table session
  -- Folders to look at beside INBOX and Sent; none: the usual ones.
  add column folders text[] not null default '{}',
  -- The folders of the last LIST: [{"path", "role", "mails", "lookedAt", "always"}].
  add column listing jsonb not null default '[]';

alter table folder
  -- False while it is there and not chosen: its cursor stays, and what comes meanwhile is history once it is chosen again.
  add column looked_at boolean not null default true,
  -- History is taken, or being taken, of mail since then; null before it was first listed.
  add column history_since timestamptz,
  -- While more history is taken than before: mail since then has been taken.
  add column had_since timestamptz;

update folder f set history_since = case when s.history_days > 0 then now() - s.history_days * interval '1 day' else 'epoch'::timestamptz end
  from session s where s.inbox_id = f.inbox_id;
