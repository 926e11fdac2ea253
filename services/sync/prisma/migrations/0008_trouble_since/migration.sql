-- Since when no login of an inbox has worked, and the traceparent of that trouble.
alter table session add column trouble_since timestamptz, add column trouble_trace text;
