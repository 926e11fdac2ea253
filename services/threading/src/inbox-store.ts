// The tenant's own inboxes: whose address is whose, and which are gone.
import { given, bytesText } from '@rejoinder/runtime/rows';
import type { Tx } from './tx.js';
import { askForRecheck } from './verdict/verdict-store.js';

export interface OwnAddress {
  tenantId: string;
  inboxId: string;
  hash: Buffer;
}

/** Writes own addresses; mails with an address that is new are judged again. */
export async function saveOwnAddresses(tx: Tx, rows: OwnAddress[], now: Date): Promise<void> {
  const columns = '"tenantId" uuid, "inboxId" uuid, address bytea';
  const sql = `with given as materialized (select distinct on ("tenantId", "inboxId") * from ${given(1, columns)}),
    fresh as (select "tenantId", address from given where not exists (select from own_address o where o.tenant_id = "tenantId" and o.address_hash = address)),
    saved as (insert into own_address (tenant_id, inbox_id, address_hash) select "tenantId", "inboxId", address from given
      on conflict (tenant_id, inbox_id) do update set address_hash = excluded.address_hash)
  insert into recheck (tenant_id, mail_id) select n.tenant_id, n.mail_id from fresh
    join node n on n.tenant_id = fresh."tenantId" and (n.from_hash = fresh.address or fresh.address = any (n.recipient_hashes)) on conflict do nothing`;
  const json = JSON.stringify(rows.map(({ tenantId, inboxId, hash }) => ({ tenantId, inboxId, address: bytesText(hash) })));
  const rechecks = await tx.$executeRawUnsafe(sql, json);
  if (rechecks > 0) await askForRecheck(tx, [...new Set(rows.map(({ tenantId }) => tenantId))], now);
}

/** Nothing is asked of a removed inbox; its address stays own. */
export async function removeInboxes(tx: Tx, inboxIds: string[]): Promise<void> {
  await tx.ownAddress.updateMany({ where: { inboxId: { in: inboxIds } }, data: { removed: true } });
}

/** Inboxes that can be asked. */
export async function liveInboxes(tx: Tx, tenantId: string): Promise<string[]> {
  const rows = await tx.ownAddress.findMany({ where: { tenantId, removed: false }, select: { inboxId: true } });
  return rows.map(({ inboxId }) => inboxId);
}
