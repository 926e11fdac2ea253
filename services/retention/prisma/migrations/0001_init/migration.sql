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
