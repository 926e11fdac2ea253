-- Since when a side of an inbox needs a new credential, and the trace in which that was found: what is told to who asks for help.
alter table inbox add column stopped_since timestamptz, add column trace_id text not null default '';
