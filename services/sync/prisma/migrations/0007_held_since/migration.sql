-- Nothing was ingested of an inbox before it was first held: older days need not be looked into for it.
alter table session add column held_since timestamptz not null default '2000-01-01';
