-- What a person is told of a mailbox: which of the folders they chose are not there, and since when how much has been read.
alter table session
  -- Paths of the settings that the last LIST did not have.
  add column missing_folders text[] not null default '{}',
  -- When this session began to read, and how many mails had been seen of its folders then.
  add column reading_since timestamptz,
  add column seen_before bigint not null default 0;
