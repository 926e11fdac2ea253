// The tenant's own inboxes: whose addresses are whose, which capture all mail of contacts, and which are gone.
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
  if (rechecks > 0) await askForRecheck(tx, tenantsOf(rows), now);
}

export interface InboxSettings {
  tenantId: string;
  inboxId: string;
  revision: number;
  /** All mail of contacts is captured since then; null where tracked mail alone is. */
  since: string | null;
  /** Further addresses of the mailbox by their hashes, as \\x.. text. */
  others: string[];
}

/**
 * Takes how each inbox captures and what other addresses its mailbox has, unless something newer is known of it. What may be judged otherwise now is judged
 * again: also the mails of an address that is own no more.
 */
export async function saveInboxSettings(tx: Tx, inboxes: InboxSettings[], now: Date): Promise<void> {
  const sql = `with given as materialized (select distinct on ("inboxId") * from ${given(1, '"tenantId" uuid, "inboxId" uuid, revision bigint, since timestamptz, others bytea[]')} order by "inboxId", revision desc),
    before as materialized (select o.tenant_id, o.inbox_id, o.capture_since, o.other_hashes from own_address o join given on o.tenant_id = given."tenantId" and o.inbox_id = given."inboxId"),
    told as (update own_address o set capture_since = given.since, other_hashes = given.others, settings_revision = given.revision from given
      where o.tenant_id = given."tenantId" and o.inbox_id = given."inboxId" and o.settings_revision < given.revision returning o.tenant_id, o.inbox_id, o.capture_since, o.other_hashes),
    changed as (select told.* from told join before using (tenant_id, inbox_id) where told.capture_since is distinct from before.capture_since),
    renamed as (select tenant_id, array_agg(hash) as hashes from (
        select told.tenant_id, unnest(told.other_hashes || before.other_hashes) as hash, told.other_hashes as now, before.other_hashes as had from told join before using (tenant_id, inbox_id)) t
      where (hash = any (now)) is distinct from (hash = any (had)) group by tenant_id)
  insert into recheck (tenant_id, mail_id) select n.tenant_id, n.mail_id from changed join node n on n.tenant_id = changed.tenant_id and changed.inbox_id = any (n.inbox_ids)
      and (n.verdict <> 'tracked' and n.received_at >= changed.capture_since or n.by_contact and n.capture is distinct from 'captured')
    union select n.tenant_id, n.mail_id from renamed join node n on n.tenant_id = renamed.tenant_id
      and (n.from_hash = any (renamed.hashes) or n.recipient_hashes && renamed.hashes) on conflict do nothing`;
  if ((await tx.$executeRawUnsafe(sql, JSON.stringify(inboxes))) > 0) await askForRecheck(tx, tenantsOf(inboxes), now);
}

const tenantsOf = (rows: { tenantId: string }[]): string[] => [...new Set(rows.map(({ tenantId }) => tenantId))];

/** Nothing is asked of a removed inbox; its addresses stay own. */
export async function removeInboxes(tx: Tx, inboxIds: string[]): Promise<void> {
  await tx.ownAddress.updateMany({ where: { inboxId: { in: inboxIds } }, data: { removed: true } });
}

/** Inboxes that can be asked. */
export async function liveInboxes(tx: Tx, tenantId: string): Promise<string[]> {
  const rows = await tx.ownAddress.findMany({ where: { tenantId, removed: false }, select: { inboxId: true } });
  return rows.map(({ inboxId }) => inboxId);
}
