-- Rises with each merge and split of the tenant's threads.
alter table tenant_graph add column thread_revision bigint not null default 0;
