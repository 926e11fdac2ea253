-- Mails that stand in the way: their header fields or their text cannot be had, since the server refuses them or the connection breaks over them each time.

-- R2: passed over by cursors, and asked for again by audits until they are read or gone.
create table unread_mail (
  tenant_id uuid not null,
  inbox_id uuid not null,
  folder_id uuid not null,
  uid_validity bigint not null,
  uid bigint not null,
  found_at timestamptz not null,
  tried_at timestamptz not null
) partition by range (found_at);
create index on unread_mail (inbox_id);
create index on unread_mail (folder_id, uid_validity, uid);
select retain('unread_mail', 'R2', 'found_at');
select fence('unread_mail');

-- How often the session ended over it.
alter table capture add column breaks integer not null default 0;
alter table part add column breaks integer not null default 0;
