-- What of a tenant's mail is logged, and who becomes a contact by it.
alter table tenant_settings
  add column make_contacts text not null default 'everyone' check (make_contacts in ('everyone', 'written_to', 'nobody')),
  -- Mail that nobody but own people are on.
  add column log_internal boolean not null default false,
  -- When such mail was last no longer logged; null where it never was.
  add column internal_until timestamptz;
