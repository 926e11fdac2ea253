-- A record of every attachment, stored, pending or refused; its row exists before its object does.
create table attachment (
  like work including defaults,
  attachment_id uuid not null,
  -- Null for a file that a person attached to a mail not yet sent; such a row is due when it expires.
  mail_id uuid,
  state text not null check (state in ('pending', 'stored', 'rejected', 'deleting')),
  reason text not null default '',
  -- File name and content type, sealed under `files`.
  sealed_facts bytea not null,
  declared_size_bytes bigint not null,
  size_bytes bigint,
  sha256 bytea,
  -- Where the sealed bytes lie in the store; made anew for each upload, so that two never mix.
  object_key text,
  declared_at timestamptz not null,
  stored_at timestamptz,
  deleting_since timestamptz,
  primary key (tenant_id, attachment_id)
);
create index on attachment (tenant_id, mail_id);
create index on attachment (object_key) where object_key is not null;
create index on attachment (deleting_since) where state = 'deleting';
select retain('attachment', 'R3');
select fence('attachment');
select workable('attachment');

-- Objects that may lie in the store and belong to no attachment: an upload under way, due once it must have ended, or one that broke off.
create table orphan (
  like work including defaults,
  object_key text not null,
  since timestamptz not null,
  primary key (tenant_id, object_key)
);
create index on orphan (object_key);
select retain('orphan', 'R3');
select fence('orphan');
select workable('orphan');

create table tombstone (
  tenant_id uuid not null,
  mail_id uuid not null,
  forgotten_at timestamptz not null,
  primary key (tenant_id, mail_id)
);
select retain('tombstone', 'tombstone');
select fence('tombstone');
