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

-- One per mail that any event spoke of: what is known of it so far, in whatever order the events came. Facts are sealed under `text`;
-- a worker places the mail on contacts and fetches its text.
create table mail (
  like work including defaults,
  mail_id uuid not null,
  -- Rises with every change of the row: a worker that read an older one starts anew.
  version bigint not null default 0,
  -- sync or sending: who told its facts and has its text; null while neither has.
  source text,
  send_id uuid,
  inbox_id uuid,
  -- As threading last called it; thread_merge says what it is called now.
  thread_id uuid,
  kind text not null default 'person',
  occurred_at timestamptz,
  sent_at timestamptz,
  -- Of a send: accepted, unconfirmed, failed, sent; of other mail empty.
  send_state text not null default '',
  send_reason text not null default '',
  send_revision bigint not null default 0,
  -- From, to, cc, bcc, subject, Message-ID.
  sealed_facts bytea,
  -- Text and sanitised HTML.
  sealed_text bytea,
  -- none, pending, ready, failed, gone.
  text_state text not null default 'none',
  text_truncated boolean not null default false,
  -- Highest revisions of its tracking, of its withdrawal, and of the facts.
  tracked_revision bigint not null default 0,
  untracked_revision bigint not null default 0,
  captured_revision bigint not null default 0,
  -- in, out; null until it was placed.
  direction text,
  -- The worker has to look at who is on it.
  to_place boolean not null default false,
  -- Its last engagement was deleted: nothing of it comes back.
  forgotten boolean not null default false,
  known_since timestamptz not null,
  primary key (tenant_id, mail_id)
);
create index on mail (tenant_id, thread_id);
create index on mail (known_since) where sealed_facts is not null;
select retain('mail', 'R3');
select fence('mail');
select workable('mail');

-- Its facts are null while only its state is known.
create table attachment (
  tenant_id uuid not null,
  attachment_id uuid not null,
  mail_id uuid not null,
  position integer not null default 0,
  -- Part, file name, content type, content id, sealed under `text`.
  sealed_facts bytea,
  size_bytes bigint not null default 0,
  inline boolean not null default false,
  -- pending, rejected, stored.
  state text not null default 'pending',
  reason text not null default '',
  primary key (tenant_id, attachment_id)
);
create index on attachment (tenant_id, mail_id);
select retain('attachment', 'R3');
select fence('attachment');

-- Threads that are no more, and what each is called now.
create table thread_merge (
  tenant_id uuid not null,
  thread_id uuid not null,
  merged_into uuid not null,
  primary key (tenant_id, thread_id)
);
create index on thread_merge (tenant_id, merged_into);
select retain('thread_merge', 'state');
select fence('thread_merge');

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
  -- deleted; withdrawn: called back if the mail is tracked again before the work has begun.
  because text not null,
  begun_at timestamptz,
  asked_at timestamptz not null,
  -- Owners that have answered: attachment, sync, sending, threading.
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
