// What a tenant says of mail that nobody but its own people is on, and the mails it is about.
import type { Tx } from '../tx.js';
import { askForRecheck } from '../verdict/verdict-store.js';

export interface InternalRule {
  tenantId: string;
  /** Of the tenant's settings. */
  revision: number;
  isLogged: boolean;
  until: Date | null;
}

/**
 * Takes the rule if it is newer than the one that is known. Internal mail that cites something is judged again where the rule is another now, also what came
 * before: so that what is tracked does not hang on whether a mail or the rule came first.
 */
export async function putInternal(tx: Tx, { tenantId, revision, isLogged, until }: InternalRule, now: Date): Promise<void> {
  const sql = `with before as materialized (select log_internal, internal_until from tenant_graph where tenant_id = $1::uuid and logging_revision < $2::bigint),
    told as (update tenant_graph g set log_internal = $3::boolean, internal_until = $4::timestamptz, logging_revision = $2::bigint from before where g.tenant_id = $1::uuid),
    own as materialized (select coalesce(array_agg(hash), '{}') as hashes from own_address, unnest(array_append(other_hashes, address_hash)) hash where tenant_id = $1::uuid)
  insert into recheck (tenant_id, mail_id) select n.tenant_id, n.mail_id from before, own, node n
    where (before.log_internal, before.internal_until) is distinct from ($3::boolean, $4::timestamptz) and n.tenant_id = $1::uuid
      and cardinality(n.chain_hashes) > 0 and n.recipient_hashes <@ own.hashes and (n.from_hash = '' or n.from_hash = any (own.hashes)) on conflict do nothing`;
  if ((await tx.$executeRawUnsafe(sql, tenantId, revision, isLogged, until)) > 0) await askForRecheck(tx, [tenantId], now);
}
