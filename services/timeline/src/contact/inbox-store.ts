// Addresses of the tenant's own inboxes: those they sign in by, and what others their mailboxes have.
import { given, rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';
import { placeUnplaced } from './rules-store.js';

export interface OwnAddress {
  tenantId: string;
  inboxId: string;
  address: string;
}

/** Writes own addresses. Mails that stand on a contact with an address that is own from now on are placed anew. */
export async function saveOwnAddresses(tx: Tx, rows: OwnAddress[], now: Date): Promise<void> {
  const json = JSON.stringify(rows);
  const types = '"tenantId" uuid, "inboxId" uuid, address text';
  const fresh = await rowsOf<{ tenantId: string; address: string }>(
    tx,
    `select "tenantId", lower(address) as address from ${given(1, types)} where not exists
      (select from own_address o where o.tenant_id = "tenantId" and lower(o.address) = lower(given.address))`,
    json,
  );
  const insert = `insert into own_address (tenant_id, inbox_id, address) select distinct on ("tenantId", "inboxId") "tenantId", "inboxId", address from ${given(1, types)}
    on conflict (tenant_id, inbox_id) do update set address = excluded.address`;
  await tx.$executeRawUnsafe(insert, json);
  await placeMailsOf(tx, fresh, now);
}

export interface OtherAddresses {
  tenantId: string;
  inboxId: string;
  /** Of the inbox, as it was told last. */
  revision: number;
  /** In lower case. */
  others: string[];
}

/**
 * Takes what other addresses mailboxes have, unless something newer is known. Mails that stand on a contact with an address that is own from now on are placed
 * anew; and where one is own no more, those that stand nowhere for that.
 */
export async function saveOtherAddresses(tx: Tx, inboxes: OtherAddresses[], now: Date): Promise<void> {
  const sql = `with given as materialized (select distinct on ("inboxId") * from ${given(1, '"tenantId" uuid, "inboxId" uuid, revision bigint, others text[]')} order by "inboxId", revision desc),
    before as materialized (select o.* from own_address o join given on o.tenant_id = given."tenantId" and o.inbox_id = given."inboxId"),
    told as (update own_address o set others = given.others, settings_revision = given.revision from given
      where o.tenant_id = given."tenantId" and o.inbox_id = given."inboxId" and o.settings_revision < given.revision returning o.tenant_id, o.inbox_id, o.others)
    select distinct told.tenant_id as "tenantId", other as address, other = any (told.others) as "isOwn" from told join before using (tenant_id, inbox_id), unnest(told.others || before.others) other
      where (other = any (told.others)) is distinct from (other = any (before.others))`;
  const changed = await tx.$queryRawUnsafe<{ tenantId: string; address: string; isOwn: boolean }[]>(sql, JSON.stringify(inboxes));
  await placeMailsOf(
    tx,
    changed.filter(({ isOwn }) => isOwn),
    now,
  );
  const freed = new Set(changed.filter(({ isOwn }) => !isOwn).map(({ tenantId }) => tenantId));
  for (const tenantId of freed) await placeUnplaced(tx, tenantId, now);
}

/** Mails that stand on a contact with one of these addresses are placed anew. */
async function placeMailsOf(tx: Tx, fresh: { tenantId: string; address: string }[], now: Date): Promise<void> {
  if (fresh.length === 0) return;
  const replace = `update mail set to_place = true, version = version + 1, due_at = $2::timestamptz, lease_until = null, lease_token = null where (tenant_id, mail_id) in (
      select m.tenant_id, m.mail_id from ${given(1, '"tenantId" uuid, address text')} join contact_address c on c.tenant_id = given."tenantId" and c.address = given.address
      join engagement e on e.tenant_id = c.tenant_id and e.contact_id = c.contact_id join mail m on m.tenant_id = e.tenant_id and m.mail_id = e.mail_id
      order by m.tenant_id, m.mail_id for update of m)`;
  await tx.$executeRawUnsafe(replace, JSON.stringify(fresh), now);
}

/** Own addresses of a tenant in lower case. */
export async function ownAddresses(tx: Tx, tenantId: string): Promise<Set<string>> {
  const rows = await tx.ownAddress.findMany({ where: { tenantId }, select: { address: true, others: true } });
  return new Set(rows.flatMap(({ address, others }) => [address.toLowerCase(), ...others]));
}
