-- The host an inbox is read from: at another one the same numbers of mails may be those of other mails.
alter table session add column server text not null default '';
