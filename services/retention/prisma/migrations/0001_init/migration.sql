-- The ledger of proofs: when it was asked, and what the verdict was. Policies, holds and erasures come with their own migration.
create table proof (
  proof_id uuid not null,
  proved_at timestamptz not null,
  holds boolean not null,
  verdicts jsonb not null,
  primary key (proof_id, proved_at)
) partition by range (proved_at);
select retain('proof', 'R2', 'proved_at');
do $$ begin
  execute format('grant select, insert on proof to %I', 'rejoinder_' || current_schema() || '_worker');
end $$;

-- What is done on this service's own clock, once for all its pods. A duty belongs to no tenant: its tenant is the id of all zeros.
create table duty (
  like work including defaults,
  duty text not null,
  primary key (tenant_id, duty)
);
-- Before the fence, which keeps the owner out as well. The first proof comes once the other services had time to start.
insert into duty (tenant_id, duty, due_at) values ('00000000-0000-0000-0000-000000000000', 'prove', now() + interval '15 minutes');
select retain('duty', 'state');
select fence('duty');
select workable('duty');
