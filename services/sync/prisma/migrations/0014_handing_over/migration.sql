-- Its holder is to end and serves the inboxes of this partition until another has taken it.
alter table owner add column handing_over boolean not null default false;
