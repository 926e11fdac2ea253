-- Contacts, their engagements, one sealed copy of each mail's text, and tombstones of what was deleted.
create table contact (
  tenant_id uuid not null,
  contact_id uuid not null,
  address text not null,
  name text not null default '',
  last_activity_at timestamptz,
  revision bigint not null default 1,
  made_at timestamptz not null,
  primary key (tenant_id, contact_id)
);
create unique index on contact (tenant_id, lower(address));
create index on contact (tenant_id, last_activity_at desc nulls last, contact_id);
select retain('contact', 'R3');
select fence('contact');

-- One per mail that is on a timeline: facts of what it says, sealed under `text`; the text itself is fetched by a worker.
create table mail (
  like work including defaults,
  mail_id uuid not null,
  -- in, out.
  direction text not null,
  -- sync or sending: who has its text.
  source text not null,
  send_id uuid,
  inbox_id uuid not null,
  thread_id uuid,
  kind text not null,
  occurred_at timestamptz not null,
  -- received; accepted, sent, failed, unconfirmed.
  state text not null,
  state_reason text not null default '',
  -- From, to, cc, subject, Message-ID.
  sealed_facts bytea not null,
  -- Text and sanitised HTML.
  sealed_text bytea,
  -- pending, ready, failed, gone.
  text_state text not null,
  text_truncated boolean not null default false,
  -- Highest tracking revision seen (threading) and highest of the send (sending).
  tracking_revision bigint not null default 0,
  send_revision bigint not null default 0,
  primary key (tenant_id, mail_id)
);
create index on mail (tenant_id, thread_id);
select retain('mail', 'R3');
select fence('mail');
select workable('mail');

create table attachment (
  tenant_id uuid not null,
  attachment_id uuid not null,
  mail_id uuid not null,
  position integer not null,
  -- File name, content type, content id, sealed under `text`.
  sealed_facts bytea not null,
  size_bytes bigint not null,
  inline boolean not null,
  -- pending, stored, rejected.
  state text not null,
  reason text not null default '',
  primary key (tenant_id, attachment_id)
);
create index on attachment (tenant_id, mail_id);
select retain('attachment', 'R3');
select fence('attachment');

-- What arrived about an attachment or a thread before its mail did.
create table early (
  tenant_id uuid not null,
  about text not null,
  fact jsonb not null,
  arrived_at timestamptz not null,
  primary key (tenant_id, about)
);
select retain('early', 'state');
select fence('early');

create table engagement (
  tenant_id uuid not null,
  engagement_id uuid not null,
  contact_id uuid not null,
  mail_id uuid not null,
  occurred_at timestamptz not null,
  revision bigint not null default 1,
  primary key (tenant_id, engagement_id),
  unique (tenant_id, contact_id, mail_id)
);
create index on engagement (tenant_id, contact_id, occurred_at desc, engagement_id);
create index on engagement (tenant_id, mail_id);
select retain('engagement', 'R3');
select fence('engagement');

-- Engagements a person deleted: the mail does not come back to that contact.
create table tombstone (
  tenant_id uuid not null,
  contact_id uuid not null,
  mail_id uuid not null,
  deleted_at timestamptz not null,
  primary key (tenant_id, contact_id, mail_id)
);
select retain('tombstone', 'tombstone');
select fence('tombstone');

-- Mails with no engagement left: Forget is called on each owner until it has answered.
create table forgetting (
  like work including defaults,
  mail_id uuid not null,
  asked_at timestamptz not null,
  -- Owners that have answered: attachment, sync, sending.
  forgotten_by text[] not null default '{}',
  done_at timestamptz,
  primary key (tenant_id, mail_id)
);
select retain('forgetting', 'tombstone');
select fence('forgetting');
select workable('forgetting');

-- Addresses of the tenant's own inboxes: they are never contacts of it.
create table own_address (
  tenant_id uuid not null,
  inbox_id uuid not null,
  address text not null,
  primary key (tenant_id, inbox_id)
);
create index on own_address (tenant_id, lower(address));
select retain('own_address', 'state');
select fence('own_address');
