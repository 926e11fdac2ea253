-- Sends, the text of sent mail, and for each inbox the outlet that a worker claims: one SMTP session per mailbox.
create table send (
  tenant_id uuid not null,
  send_id uuid not null,
  inbox_id uuid not null,
  mail_id uuid not null,
  idempotency_key text,
  -- Of the request, to tell a repetition from a misuse of the key.
  request_sha256 bytea not null,
  -- accepted, sending (data_started may be set), sent, failed, unconfirmed, cancelled.
  state text not null,
  reason text not null default '',
  message_id text not null,
  attempts integer not null default 0,
  due_at timestamptz,
  -- A send that the server does not take is given up a day after this.
  first_tried_at timestamptz,
  -- Set and committed before the first byte of DATA: from here on it may have been sent.
  data_started_at timestamptz,
  -- Its copy was seen in the sending inbox, so it was sent whatever the server told us.
  copy_seen_at timestamptz,
  copy_in_sent boolean not null default false,
  accepted_at timestamptz not null,
  settled_at timestamptz,
  attachment_ids uuid[] not null,
  -- Rises with every change of state: ce_sequence.
  revision bigint not null default 1,
  traceparent text,
  primary key (tenant_id, send_id)
);
create unique index on send (tenant_id, idempotency_key) where idempotency_key is not null;
create index on send (tenant_id, inbox_id, accepted_at) where state in ('accepted', 'sending', 'unconfirmed');
create index on send (tenant_id, mail_id);
select retain('send', 'R3');
select fence('send');

-- What a send says, sealed under `sends`: kept while it is not settled, then moved to raw_mail with the day of settling.
create table send_content (
  tenant_id uuid not null,
  send_id uuid not null,
  sealed bytea not null,
  primary key (tenant_id, send_id)
);
select retain('send_content', 'state');
select fence('send_content');

-- R1: text of settled sends, sealed under `sent:<day>`.
create table raw_mail (
  tenant_id uuid not null,
  mail_id uuid not null,
  send_id uuid not null,
  settled_at timestamptz not null,
  settled_day date not null,
  sealed bytea not null
) partition by range (settled_at);
create index on raw_mail (tenant_id, mail_id);
create index on raw_mail (tenant_id, send_id);
select retain('raw_mail', 'R1', 'settled_at');
select fence('raw_mail');

-- One per inbox that may send.
create table outlet (
  like work including defaults,
  inbox_id uuid not null,
  -- ready, paused, needs_reconnect, removed.
  state text not null,
  connections_revision bigint not null default 0,
  credential_version bigint not null default 0,
  -- First refusal of the credential running; a second one a minute later tells of it.
  refused_at timestamptz,
  primary key (tenant_id, inbox_id)
);
select retain('outlet', 'state');
select fence('outlet');
select workable('outlet');

create table tombstone (
  tenant_id uuid not null,
  mail_id uuid not null,
  forgotten_at timestamptz not null,
  primary key (tenant_id, mail_id)
);
select retain('tombstone', 'tombstone');
select fence('tombstone');
