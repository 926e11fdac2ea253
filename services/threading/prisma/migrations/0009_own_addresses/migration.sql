-- Further addresses of a mailbox by their hashes: own ones, as that of the inbox is.
alter table own_address add column other_hashes bytea[] not null default '{}';
