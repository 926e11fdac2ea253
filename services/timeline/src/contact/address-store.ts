// Other addresses of contacts in PostgreSQL, and what moves where a contact goes into another.
import { rowsOf } from '@rejoinder/runtime/rows';
import { engagementColumns, engagementJoins, type EngagementRow } from '../engagement/engagement-store.js';
import type { Tx } from '../tx.js';
import { contactColumns, type ContactRow } from './contact-store.js';

/** Whose address (in lower case) it is. */
export async function ownerOf(tx: Tx, tenantId: string, address: string): Promise<string | undefined> {
  const sql = 'select contact_id as "contactId" from contact_address where tenant_id = $1::uuid and address = $2';
  return (await tx.$queryRawUnsafe<{ contactId: string }[]>(sql, tenantId, address))[0]?.contactId;
}

/** Takes an address for a contact; false where it is somebody's. Before contacts are locked, as whoever makes contacts does. */
export async function takeAddress(tx: Tx, tenantId: string, contactId: string, address: string, now: Date): Promise<boolean> {
  const sql =
    'insert into contact_address (tenant_id, address, contact_id, added_at) values ($1::uuid, $2, $3::uuid, $4::timestamptz) on conflict do nothing';
  return (await tx.$executeRawUnsafe(sql, tenantId, address, contactId, now)) > 0;
}

/** False where the contact does not have it. */
export async function dropAddress(tx: Tx, tenantId: string, contactId: string, address: string): Promise<boolean> {
  const sql = 'delete from contact_address where tenant_id = $1::uuid and contact_id = $2::uuid and address = $3';
  return (await tx.$executeRawUnsafe(sql, tenantId, contactId, address)) > 0;
}

/** Locks these contacts in order of their ids; false where one of them went into another meanwhile. */
export async function lockLiving(tx: Tx, tenantId: string, contactIds: string[]): Promise<boolean> {
  const sql = `select merged_into is null as "isLiving" from contact where tenant_id = $1::uuid and contact_id = any ($2::uuid[]) order by contact_id for no key update`;
  return (await tx.$queryRawUnsafe<{ isLiving: boolean }[]>(sql, tenantId, contactIds)).every(({ isLiving }) => isLiving);
}

/** Raises a contact's revision after its addresses have changed; answers it as it is to be told. */
export async function raiseContact(tx: Tx, tenantId: string, contactId: string): Promise<ContactRow> {
  const sql = `update contact c set revision = revision + 1 where c.tenant_id = $1::uuid and c.contact_id = $2::uuid returning ${contactColumns}`;
  return (await tx.$queryRawUnsafe<ContactRow[]>(sql, tenantId, contactId))[0]!;
}

/** The mails on a contact's timeline, in order of their ids; at most so many. */
export async function mailsOn(tx: Tx, tenantId: string, contactId: string, limit: number): Promise<string[]> {
  const sql =
    'select mail_id as "mailId" from engagement where tenant_id = $1::uuid and contact_id = $2::uuid order by mail_id limit $3::int';
  return (await tx.$queryRawUnsafe<{ mailId: string }[]>(sql, tenantId, contactId, limit)).map(({ mailId }) => mailId);
}

/** In order of their ids, as everybody locks mails; nothing of them is read. */
export async function lockMailIds(tx: Tx, tenantId: string, mailIds: string[]): Promise<void> {
  const sql = 'select from mail where tenant_id = $1::uuid and mail_id = any ($2::uuid[]) order by mail_id for update';
  await tx.$executeRawUnsafe(sql, tenantId, mailIds);
}

/** Engagements of one contact whose mail stands with the other as well. */
export function doubles(tx: Tx, tenantId: string, contactId: string, otherId: string): Promise<EngagementRow[]> {
  const sql = `select ${engagementColumns} from engagement e ${engagementJoins} where e.tenant_id = $1::uuid and e.contact_id = $2::uuid
    and exists (select from engagement o where o.tenant_id = $1::uuid and o.contact_id = $3::uuid and o.mail_id = e.mail_id)`;
  return rowsOf<EngagementRow>(tx, sql, tenantId, contactId, otherId);
}

/** Moves what stands with one contact to another; answers it as it is to be told. */
export async function moveEngagements(tx: Tx, tenantId: string, from: string, into: string): Promise<EngagementRow[]> {
  const sql = `update engagement e set contact_id = $3::uuid, revision = e.revision + 1
    from mail m left join thread_merge t on t.tenant_id = m.tenant_id and t.thread_id = m.thread_id
    where e.tenant_id = $1::uuid and e.contact_id = $2::uuid and m.tenant_id = e.tenant_id and m.mail_id = e.mail_id returning ${engagementColumns}`;
  return tx.$queryRawUnsafe<EngagementRow[]>(sql, tenantId, from, into);
}

/** What was deleted from one contact is deleted from the other too, but for what stands there: a person has left it. */
export async function moveTombstones(tx: Tx, tenantId: string, from: string, into: string): Promise<void> {
  const move = `insert into tombstone (tenant_id, contact_id, mail_id, deleted_at)
    select tenant_id, $3::uuid, mail_id, deleted_at from tombstone where tenant_id = $1::uuid and contact_id = $2::uuid on conflict do nothing`;
  await tx.$executeRawUnsafe(move, tenantId, from, into);
  const lift = `delete from tombstone t where t.tenant_id = $1::uuid and (t.contact_id = $2::uuid or t.contact_id = $3::uuid
    and exists (select from engagement e where e.tenant_id = $1::uuid and e.contact_id = $3::uuid and e.mail_id = t.mail_id))`;
  await tx.$executeRawUnsafe(lift, tenantId, from, into);
}

/** Gives one contact's addresses to another, which takes its name too where it has none. Of the one that is gone nothing is kept but where it went; answers its last revision. */
export async function moveContact(tx: Tx, tenantId: string, from: string, into: string): Promise<number> {
  const addresses = 'update contact_address set contact_id = $3::uuid where tenant_id = $1::uuid and contact_id = $2::uuid';
  await tx.$executeRawUnsafe(addresses, tenantId, from, into);
  const name = `update contact c set name = f.name from contact f where c.tenant_id = $1::uuid and c.contact_id = $3::uuid and c.name = ''
    and f.tenant_id = $1::uuid and f.contact_id = $2::uuid`;
  await tx.$executeRawUnsafe(name, tenantId, from, into);
  const end = `update contact set address = null, name = '', last_activity_at = null, merged_into = $3::uuid, revision = revision + 1
    where tenant_id = $1::uuid and contact_id = $2::uuid returning revision::int as revision`;
  return (await tx.$queryRawUnsafe<{ revision: number }[]>(end, tenantId, from, into))[0]!.revision;
}
