// The age of the graph: deletes what is past its limit, and tells the oldest that is left.
import { rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';

/** Deletes mails seen before the limit that are not tracked, with what they bear and cite, and threads that held nothing else. Answers how many mails. */
export async function deleteNodes(tx: Tx, seenBefore: Date, limit: number): Promise<number> {
  const sql = `with doomed as materialized (
      select tenant_id, mail_id, id_hashes, chain_hashes, thread_id from node where verdict <> 'tracked' and seen_at < $1::timestamptz order by seen_at limit $2::int for update skip locked
    ), unborne as (delete from bearer b using doomed d where b.tenant_id = d.tenant_id and b.id_hash = any (d.id_hashes) and b.mail_id = d.mail_id),
    uncited as (delete from citation c using doomed d where c.tenant_id = d.tenant_id and c.cited_hash = any (d.chain_hashes) and c.mail_id = d.mail_id),
    deleted as (delete from node n using doomed d where n.tenant_id = d.tenant_id and n.mail_id = d.mail_id returning n.tenant_id, n.mail_id, n.thread_id),
    emptied as (
      select distinct tenant_id, thread_id from deleted e where not exists (select from node n where n.tenant_id = e.tenant_id and n.thread_id = e.thread_id
        and not exists (select from doomed d where d.tenant_id = n.tenant_id and d.mail_id = n.mail_id))
    ), unthreaded as (delete from thread t using emptied e where t.tenant_id = e.tenant_id and (t.thread_id = e.thread_id or t.merged_into = e.thread_id))
    select count(*)::int as count from deleted`;
  const [found] = await tx.$queryRawUnsafe<{ count: number }[]>(sql, seenBefore, limit);
  return found!.count;
}

export interface OldestNodes {
  untracked: string | null;
  all: string | null;
}

/** When the oldest mail was seen: of those that are not tracked, and of all. */
export async function oldestNodes(tx: Tx): Promise<OldestNodes> {
  const sql = `select (select min(seen_at) from node where verdict <> 'tracked') as untracked, (select min(seen_at) from node) as "all"`;
  return (await rowsOf<OldestNodes>(tx, sql))[0]!;
}
