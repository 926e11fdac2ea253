// Contacts in PostgreSQL: made, found by any of their addresses, locked, listed.
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import type { MailKey } from '../mail/mail-store.js';
import { withoutTag } from '@rejoinder/mail/addresses';
import { keyOf, withoutTags, type Match, type Person } from './match.js';
import { given, rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';

export interface ContactRow {
  contactId: string;
  /** The first; the others are in lower case. */
  address: string;
  otherAddresses: string[];
  name: string;
  revision: number;
}

export interface ShownContact extends ContactRow {
  lastActivityAt: string | null;
  engagements: number;
}

/** What the statements of contacts answer of one. */
export const contactColumns = `c.contact_id as "contactId", c.address, c.name, c.revision::int as revision,
  array(select a.address from contact_address a where a.tenant_id = c.tenant_id and a.contact_id = c.contact_id and a.address <> lower(c.address)
    order by a.added_at, a.address) as "otherAddresses"`;
const contactOf = `(select a.contact_id from contact_address a where a.tenant_id = $1::uuid and a.address = $2)`;

/**
 * Makes the contacts whose address is nobody's; answers those it made. In order of addresses, so that two mails cannot wait for each other. Addresses
 * are taken before contacts are locked, by everybody.
 */
export async function makeContacts(tx: Tx, tenantId: string, people: Person[], now: Date): Promise<ContactRow[]> {
  if (people.length === 0) return [];
  const rows = people
    .map(({ address, name }) => ({ contactId: newId(), address, name }))
    .sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  const sql = `insert into contact (tenant_id, contact_id, address, name, made_at)
    select $2::uuid, "contactId", address, name, $3::timestamptz from ${given(1, '"contactId" uuid, address text, name text')}
    where not exists (select from contact_address a where a.tenant_id = $2::uuid and a.address = lower(given.address)) on conflict do nothing
    returning contact_id as "contactId", address, name, revision::int, '{}'::text[] as "otherAddresses"`;
  return tx.$queryRawUnsafe<ContactRow[]>(sql, JSON.stringify(rows), tenantId, now);
}

/** Who has a tag in the address and is a contact without it, as that contact. Of most mails nothing is asked. */
export async function byMailbox(tx: Tx, tenantId: string, match: Match): Promise<Match> {
  const keys = [...match.made, ...match.known].map(keyOf).flatMap((key) => (withoutTag(key) === undefined ? [] : [key, withoutTag(key)!]));
  if (keys.length === 0) return match;
  const sql = 'select address as key from contact_address where tenant_id = $1::uuid and address = any ($2::text[])';
  const rows = await rowsOf<{ key: string }>(tx, sql, tenantId, keys);
  const contacts = new Set(rows.map(({ key }) => key));
  return { ...match, made: withoutTags(match.made, contacts), known: withoutTags(match.known, contacts) };
}

export interface ContactOnMail {
  contactId: string;
  /** One of the addresses is theirs; else the mail only stands with them. */
  isMeant: boolean;
  /** A person deleted the mail from them. */
  isDeleted: boolean;
}

/**
 * The contacts with one of these addresses and those on whom the mail stands, locked. Where one of them went into another while we waited, all begins
 * anew: that other may not be locked after those that we hold.
 */
export async function contactsOn(tx: Tx, { tenantId, mailId }: MailKey, keys: string[]): Promise<ContactOnMail[]> {
  const sql = `with locked as materialized (select c.contact_id, c.merged_into from contact c where c.tenant_id = $1::uuid and c.contact_id in (
      select contact_id from contact_address where tenant_id = $1::uuid and address = any ($3::text[])
      union all select contact_id from engagement where tenant_id = $1::uuid and mail_id = $2::uuid) order by c.contact_id for no key update of c)
    select contact_id as "contactId", merged_into is not null as "isGone",
      exists (select from contact_address a where a.tenant_id = $1::uuid and a.contact_id = locked.contact_id and a.address = any ($3::text[])) as "isMeant",
      exists (select from tombstone t where t.tenant_id = $1::uuid and t.contact_id = locked.contact_id and t.mail_id = $2::uuid) as "isDeleted" from locked`;
  const rows = await tx.$queryRawUnsafe<(ContactOnMail & { isGone: boolean })[]>(sql, tenantId, mailId, keys);
  if (rows.some(({ isGone }) => isGone)) throw contactBusy();
  return rows;
}

/** Locks the contacts on whom these mails stand, as everybody does before engagements are touched. Under the mails' locks, so none of them can go into another. */
export async function lockContactsOf(tx: Tx, mails: MailKey[]): Promise<void> {
  const sql = `select from contact where (tenant_id, contact_id) in (select e.tenant_id, e.contact_id from engagement e
      join ${given(1, '"tenantId" uuid, "mailId" uuid')} on e.tenant_id = "tenantId" and e.mail_id = "mailId") order by tenant_id, contact_id for no key update`;
  await tx.$executeRawUnsafe(sql, JSON.stringify(mails.map(({ tenantId, mailId }) => ({ tenantId, mailId }))));
}

/** Others were at the same contact: in a new transaction it will go. */
export const contactBusy = () => new Fault('busy', 'CONTACT_BUSY', 'This contact is being changed by another; try again.', 1_000);
export const isContactBusy = (error: unknown) => error instanceof Fault && error.code === contactBusy().code;

/** Last activity is that of what stands on the timeline now. */
export async function touchContacts(tx: Tx, tenantId: string, contactIds: string[]): Promise<void> {
  if (contactIds.length === 0) return;
  const sql = `update contact c set last_activity_at = latest.at from (select contact_id, (select max(e.occurred_at) from engagement e where e.tenant_id = $1::uuid and e.contact_id = t.contact_id) as at
    from unnest($2::uuid[]) t (contact_id)) latest
    where c.tenant_id = $1::uuid and c.contact_id = latest.contact_id and c.last_activity_at is distinct from latest.at`;
  await tx.$executeRawUnsafe(sql, tenantId, [...new Set(contactIds)].sort());
}

export type PutContact = ContactRow & { became: 'made' | 'renamed' | 'found' };

/** Makes a contact, or gives the one with this address a name it is given. */
export async function putContact(tx: Tx, tenantId: string, person: Person, now: Date): Promise<PutContact> {
  const [made] = await makeContacts(tx, tenantId, [person], now);
  if (made) return { ...made, became: 'made' };
  const rename = `update contact c set name = $3, revision = revision + 1 where c.tenant_id = $1::uuid and c.contact_id = ${contactOf} and c.merged_into is null
    and $3 <> '' and c.name <> $3 returning ${contactColumns}`;
  const [renamed] = await tx.$queryRawUnsafe<ContactRow[]>(rename, tenantId, keyOf(person), person.name);
  if (renamed) return { ...renamed, became: 'renamed' };
  const find = `select ${contactColumns} from contact c where c.tenant_id = $1::uuid and c.contact_id = ${contactOf}`;
  const [found] = await tx.$queryRawUnsafe<ContactRow[]>(find, tenantId, keyOf(person));
  if (!found) throw contactBusy();
  return { ...found, became: 'found' };
}

const shown = `${contactColumns}, c.last_activity_at as "lastActivityAt",
  (select count(*) from engagement e where e.tenant_id = c.tenant_id and e.contact_id = c.contact_id) as engagements`;

/** The contact of this id, or the one that it went into, which may have gone into another later: never in a circle, since what is gone takes in no more. */
export async function contactById(tx: Tx, tenantId: string, contactId: string): Promise<ShownContact | undefined> {
  const sql = `with recursive way as (select contact_id, merged_into from contact where tenant_id = $1::uuid and contact_id = $2::uuid
      union all select c.contact_id, c.merged_into from way join contact c on c.tenant_id = $1::uuid and c.contact_id = way.merged_into)
    select ${shown} from contact c where c.tenant_id = $1::uuid and c.contact_id = (select contact_id from way where merged_into is null)`;
  return (await rowsOf<ShownContact>(tx, sql, tenantId, contactId))[0];
}

/** Contacts that have one of these addresses, which are in lower case. */
export function contactsWith(tx: Tx, tenantId: string, addresses: string[]): Promise<ShownContact[]> {
  const sql = `select ${shown} from contact c where c.tenant_id = $1::uuid
    and c.contact_id in (select contact_id from contact_address where tenant_id = $1::uuid and address = any ($2::text[]))`;
  return rowsOf<ShownContact>(tx, sql, tenantId, addresses);
}

/** Where a page of contacts begins: after this one. */
export interface ContactCursor {
  lastActivityAt: string | null;
  contactId: string;
}

/** Newest activity first, those without any last; own addresses are contacts only where mail among own people stands with them. The query matches the start of an address or a name. */
export function listContacts(
  tx: Tx,
  tenantId: string,
  query: string,
  after: ContactCursor | undefined,
  limit: number,
): Promise<ShownContact[]> {
  const isAfter = `coalesce(c.last_activity_at, '-infinity') < coalesce($3::timestamptz, '-infinity')
    or coalesce(c.last_activity_at, '-infinity') = coalesce($3::timestamptz, '-infinity') and c.contact_id > $4::uuid`;
  const sql = `select ${shown} from contact c where c.tenant_id = $1::uuid and ($4::uuid is null or ${isAfter})
    and ($2 = '' or starts_with(lower(c.name), $2)
      or exists (select from contact_address a where a.tenant_id = c.tenant_id and a.contact_id = c.contact_id and starts_with(a.address, $2)))
    and (c.last_activity_at is not null or exists (select from contact_address a where a.tenant_id = c.tenant_id and a.contact_id = c.contact_id
      and not exists (select from own_address o where o.tenant_id = a.tenant_id and (lower(o.address) = a.address or a.address = any (o.others)))))
    order by c.last_activity_at desc nulls last, c.contact_id limit $5::int`;
  return rowsOf<ShownContact>(tx, sql, tenantId, query.toLowerCase(), after?.lastActivityAt ?? null, after?.contactId ?? null, limit);
}
