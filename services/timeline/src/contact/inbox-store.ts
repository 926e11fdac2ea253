// Addresses of the tenant's own inboxes.
import { given, rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';

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
  if (fresh.length === 0) return;
  const replace = `update mail set to_place = true, version = version + 1, due_at = $2::timestamptz, lease_until = null, lease_token = null where (tenant_id, mail_id) in (
      select m.tenant_id, m.mail_id from ${given(1, '"tenantId" uuid, address text')} join contact_address c on c.tenant_id = given."tenantId" and c.address = given.address
      join engagement e on e.tenant_id = c.tenant_id and e.contact_id = c.contact_id join mail m on m.tenant_id = e.tenant_id and m.mail_id = e.mail_id
      order by m.tenant_id, m.mail_id for update of m)`;
  await tx.$executeRawUnsafe(replace, JSON.stringify(fresh), now);
}

/** Own addresses of a tenant in lower case. */
export async function ownAddresses(tx: Tx, tenantId: string): Promise<Set<string>> {
  const rows = await tx.ownAddress.findMany({ where: { tenantId }, select: { address: true } });
  return new Set(rows.map(({ address }) => address.toLowerCase()));
}
