-- A person wants every folder compared with the server's at once; its session does so and takes the wish back.
alter table session add column resync boolean not null default false;
