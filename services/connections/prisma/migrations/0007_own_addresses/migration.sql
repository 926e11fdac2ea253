-- Further addresses of a mailbox (aliases, "send mail as"), in lower case: own ones, as that of the inbox is.
alter table inbox add column own_addresses text[] not null default '{}';
