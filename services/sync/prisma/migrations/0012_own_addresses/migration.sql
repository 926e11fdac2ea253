-- Further addresses of a mailbox by their hashes: own ones, as that of the inbox is.
alter table session add column own_hashes bytea[] not null default '{}';
