-- Whom a send was written to, so that a delivery report can speak of them alone; empty of sends from before.
alter table send add column recipient_hashes bytea[] not null default '{}';

-- What delivery reports say became of a send: one row for each recipient of whom there is a report, the gravest.
create table recipient_report (
  tenant_id uuid not null,
  send_id uuid not null,
  recipient_hash bytea not null,
  -- hard_bounce, soft_bounce, delivered, delayed, unclear.
  outcome text not null,
  status text not null,
  -- What says so: it is taken back with that mail.
  report_mail_id uuid not null,
  reported_at timestamptz not null,
  -- The address, under `sends`.
  sealed bytea not null,
  primary key (tenant_id, send_id, recipient_hash)
);
create index on recipient_report (tenant_id, report_mail_id);
select retain('recipient_report', 'R3');
select fence('recipient_report');
