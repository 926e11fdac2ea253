// Contacts in PostgreSQL: one per address and tenant, whatever its case.
import { newId } from '@rejoinder/base/id';
import type { MailKey } from '../mail/mail-store.js';
import { withoutTag } from '@rejoinder/mail/addresses';
import { keyOf, withoutTags, type Match, type Person } from './match.js';
import { given, rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';

export interface ContactRow {
  contactId: string;
  address: string;
  name: string;
  revision: number;
}

export interface ShownContact extends ContactRow {
  lastActivityAt: string | null;
  engagements: number;
}

/** Makes the contacts that are missing; answers those it made. In order of addresses, so that two mails cannot wait for each other. */
export async function makeContacts(tx: Tx, tenantId: string, people: Person[], now: Date): Promise<ContactRow[]> {
  if (people.length === 0) return [];
  const rows = people
    .map(({ address, name }) => ({ contactId: newId(), address, name }))
    .sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  const sql = `insert into contact (tenant_id, contact_id, address, name, made_at)
    select $2::uuid, "contactId", address, name, $3::timestamptz from ${given(1, '"contactId" uuid, address text, name text')} on conflict do nothing
    returning contact_id as "contactId", address, name, revision::int`;
  return tx.$queryRawUnsafe<ContactRow[]>(sql, JSON.stringify(rows), tenantId, now);
}

/** Who has a tag in the address and is a contact without it, as that contact. Of most mails nothing is asked. */
export async function byMailbox(tx: Tx, tenantId: string, match: Match): Promise<Match> {
  const keys = [...match.made, ...match.known].map(keyOf).flatMap((key) => (withoutTag(key) === undefined ? [] : [key, withoutTag(key)!]));
  if (keys.length === 0) return match;
  const sql = 'select lower(address) as key from contact where tenant_id = $1::uuid and lower(address) = any ($2::text[])';
  const rows = await rowsOf<{ key: string }>(tx, sql, tenantId, keys);
  const contacts = new Set(rows.map(({ key }) => key));
  return { ...match, made: withoutTags(match.made, contacts), known: withoutTags(match.known, contacts) };
}

/** The contacts with one of these addresses, locked, and whether a person deleted the mail from them. */
export function contactsOn(tx: Tx, { tenantId, mailId }: MailKey, keys: string[]): Promise<{ contactId: string; isDeleted: boolean }[]> {
  const sql = `with locked as materialized (select contact_id from contact where tenant_id = $1::uuid and lower(address) = any ($3::text[]) order by contact_id for no key update)
    select contact_id as "contactId", exists (select from tombstone t where t.tenant_id = $1::uuid and t.contact_id = locked.contact_id and t.mail_id = $2::uuid) as "isDeleted" from locked`;
  return tx.$queryRawUnsafe(sql, tenantId, mailId, keys);
}

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
  const rename = `update contact set name = $3, revision = revision + 1 where tenant_id = $1::uuid and lower(address) = $2 and $3 <> '' and name <> $3
    returning contact_id as "contactId", address, name, revision::int`;
  const [renamed] = await tx.$queryRawUnsafe<ContactRow[]>(rename, tenantId, keyOf(person), person.name);
  if (renamed) return { ...renamed, became: 'renamed' };
  const find = `select contact_id as "contactId", address, name, revision::int from contact where tenant_id = $1::uuid and lower(address) = $2`;
  const [found] = await tx.$queryRawUnsafe<ContactRow[]>(find, tenantId, keyOf(person));
  return { ...found!, became: 'found' };
}

const shown = `c.contact_id as "contactId", c.address, c.name, c.revision, c.last_activity_at as "lastActivityAt",
  (select count(*) from engagement e where e.tenant_id = c.tenant_id and e.contact_id = c.contact_id) as engagements`;

export async function contactById(tx: Tx, tenantId: string, contactId: string): Promise<ShownContact | undefined> {
  const sql = `select ${shown} from contact c where c.tenant_id = $1::uuid and c.contact_id = $2::uuid`;
  return (await rowsOf<ShownContact>(tx, sql, tenantId, contactId))[0];
}

/** Where a page of contacts begins: after this one. */
export interface ContactCursor {
  lastActivityAt: string | null;
  contactId: string;
}

/** Newest activity first, those without any last; own addresses are nobody's contacts. The query matches the start of an address or a name. */
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
    and ($2 = '' or starts_with(lower(c.address), $2) or starts_with(lower(c.name), $2))
    and not exists (select from own_address o where o.tenant_id = c.tenant_id and lower(o.address) = lower(c.address))
    order by c.last_activity_at desc nulls last, c.contact_id limit $5::int`;
  return rowsOf<ShownContact>(tx, sql, tenantId, query.toLowerCase(), after?.lastActivityAt ?? null, after?.contactId ?? null, limit);
}
