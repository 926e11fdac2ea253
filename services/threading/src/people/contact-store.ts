// Contacts by hashed address.
import { given } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';
import { askForRecheck } from '../verdict/verdict-store.js';

/** The addresses of a contact by their hashes, as \x.. text; none of one that is no more. */
export interface ContactHashes {
  tenantId: string;
  contactId: string;
  revision: number;
  hashes: string[];
}

const names = (node: string, hash: string) =>
  `(${node}.from_hash = ${hash} or ${hash} = any (${node}.recipient_hashes) or ${hash} = any (${node}.domain_hashes))`;

const nobody = `'00000000-0000-0000-0000-000000000000'::uuid`;

/**
 * Takes the addresses of contacts, unless something newer is known of them. Where all mail of contacts is captured, what is known of an address that is
 * theirs from now on is judged again; and so is what was to be captured for one that is nobody's any more.
 */
export async function saveContacts(tx: Tx, contacts: ContactHashes[], now: Date): Promise<void> {
  const sql = `with given as materialized (select distinct on ("tenantId", "contactId") * from ${given(1, '"tenantId" uuid, "contactId" uuid, revision bigint, hashes text[]')}
      order by "tenantId", "contactId", revision desc),
    told as (insert into contact as c (tenant_id, contact_id, revision) select "tenantId", "contactId", revision from given
      on conflict (tenant_id, contact_id) do update set revision = excluded.revision where c.revision < excluded.revision returning tenant_id, contact_id),
    theirs as materialized (select tenant_id, contact_id, hash::bytea as hash from told join given on "tenantId" = tenant_id and "contactId" = contact_id, unnest(hashes) hash),
    gone as (delete from contact_address a using told t where a.tenant_id = t.tenant_id and a.contact_id = t.contact_id
      and not exists (select from theirs w where w.tenant_id = a.tenant_id and w.contact_id = a.contact_id and w.hash = a.address_hash) returning a.*),
    named as (delete from contact_address a using theirs w where a.tenant_id = w.tenant_id and a.address_hash = w.hash and a.contact_id = ${nobody}),
    come as (insert into contact_address (tenant_id, address_hash, contact_id) select tenant_id, hash, contact_id from theirs on conflict do nothing returning *),
    fresh as materialized (select tenant_id, address_hash from come
      where not exists (select from contact_address a where a.tenant_id = come.tenant_id and a.address_hash = come.address_hash)),
    freed as materialized (select tenant_id, address_hash from gone
      where not exists (select from contact_address a where a.tenant_id = gone.tenant_id and a.address_hash = gone.address_hash and a.contact_id <> gone.contact_id)
        and not exists (select from theirs w where w.tenant_id = gone.tenant_id and w.hash = gone.address_hash)),
    reach as materialized (select o.tenant_id, min(o.capture_since) as since from own_address o where o.tenant_id in (select tenant_id from fresh) and not o.removed
      group by o.tenant_id having min(o.capture_since) is not null)
  insert into recheck (tenant_id, mail_id) select n.tenant_id, n.mail_id from fresh join reach using (tenant_id)
      join node n on n.tenant_id = fresh.tenant_id and n.verdict <> 'tracked' and n.received_at >= reach.since and ${names('n', 'fresh.address_hash')}
    union select n.tenant_id, n.mail_id from freed join node n on n.tenant_id = freed.tenant_id and n.by_contact and n.capture is distinct from 'captured'
      and ${names('n', 'freed.address_hash')} on conflict do nothing`;
  if ((await tx.$executeRawUnsafe(sql, JSON.stringify(contacts))) > 0) await askForRecheck(tx, tenantsOf(contacts), now);
}

const tenantsOf = (rows: { tenantId: string }[]): string[] => [...new Set(rows.map(({ tenantId }) => tenantId))];
