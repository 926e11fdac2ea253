// Contacts by hashed address, and the inboxes that capture all of their mail.
import { given } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';
import { askForRecheck } from '../verdict/verdict-store.js';

export interface ContactAddress {
  tenantId: string;
  /** As \x.. text. */
  hash: string;
}

const names = (node: string, hash: string) =>
  `(${node}.from_hash = ${hash} or ${hash} = any (${node}.recipient_hashes) or ${hash} = any (${node}.domain_hashes))`;

/** Writes addresses of contacts. Where all their mail is captured, what is known of those that are new is judged again. */
export async function saveContacts(tx: Tx, contacts: ContactAddress[], now: Date): Promise<void> {
  const sql = `with given as materialized (select distinct * from ${given(1, '"tenantId" uuid, hash bytea')}),
    come as (insert into contact_address (tenant_id, address_hash) select "tenantId", hash from given order by hash on conflict do nothing returning tenant_id, address_hash),
    reach as materialized (select o.tenant_id, min(o.capture_since) as since from own_address o where o.tenant_id in (select tenant_id from come) and not o.removed
      group by o.tenant_id having min(o.capture_since) is not null)
  insert into recheck (tenant_id, mail_id) select distinct n.tenant_id, n.mail_id from come join reach using (tenant_id)
    join node n on n.tenant_id = come.tenant_id and n.verdict <> 'tracked' and n.received_at >= reach.since and ${names('n', 'come.address_hash')} on conflict do nothing`;
  if ((await tx.$executeRawUnsafe(sql, JSON.stringify(contacts))) > 0) await askForRecheck(tx, tenantsOf(contacts), now);
}

export interface InboxCapture {
  tenantId: string;
  inboxId: string;
  revision: number;
  /** Null where it captures tracked mail alone. */
  since: string | null;
}

/** Takes how each inbox captures, unless something newer is known of it. What may be judged otherwise now is judged again. */
export async function saveCaptures(tx: Tx, inboxes: InboxCapture[], now: Date): Promise<void> {
  const sql = `with given as materialized (select distinct on ("inboxId") * from ${given(1, '"tenantId" uuid, "inboxId" uuid, revision bigint, since timestamptz')} order by "inboxId", revision desc),
    before as materialized (select o.tenant_id, o.inbox_id, o.capture_since from own_address o join given on o.tenant_id = given."tenantId" and o.inbox_id = given."inboxId"),
    told as (update own_address o set capture_since = given.since, settings_revision = given.revision from given
      where o.tenant_id = given."tenantId" and o.inbox_id = given."inboxId" and o.settings_revision < given.revision returning o.tenant_id, o.inbox_id, o.capture_since),
    changed as (select told.* from told join before using (tenant_id, inbox_id) where told.capture_since is distinct from before.capture_since)
  insert into recheck (tenant_id, mail_id) select n.tenant_id, n.mail_id from changed join node n on n.tenant_id = changed.tenant_id and changed.inbox_id = any (n.inbox_ids)
    and (n.verdict <> 'tracked' and n.received_at >= changed.capture_since or n.by_contact and n.capture is distinct from 'captured') on conflict do nothing`;
  if ((await tx.$executeRawUnsafe(sql, JSON.stringify(inboxes))) > 0) await askForRecheck(tx, tenantsOf(inboxes), now);
}

const tenantsOf = (rows: { tenantId: string }[]): string[] => [...new Set(rows.map(({ tenantId }) => tenantId))];
