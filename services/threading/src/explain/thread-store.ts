// Threads as they are shown: what one is called now, and its mails in order.
import { rowsOf } from '@rejoinder/runtime/rows';
import { judgedColumns } from '../graph/graph-store.js';
import type { GraphMail } from '../graph/graph.js';
import type { Tx } from '../tx.js';

/** The thread of this name, or the one that it went into. */
export async function threadNow(tx: Tx, tenantId: string, threadId: string): Promise<string | undefined> {
  const sql = 'select coalesce(merged_into, thread_id) as "threadId" from thread where tenant_id = $1::uuid and thread_id = $2::uuid';
  return (await rowsOf<{ threadId: string }>(tx, sql, tenantId, threadId))[0]?.threadId;
}

/** Mails of a thread in the order in which mailboxes got them; of our own sends, when they were sent. */
export function threadMails(tx: Tx, tenantId: string, threadId: string, after: string | undefined, limit: number): Promise<GraphMail[]> {
  const at = 'coalesce(n.received_at, n.seen_at)';
  const sql = `select ${judgedColumns} from node n where n.tenant_id = $1::uuid and n.thread_id = $2::uuid
      and ($3::uuid is null or (${at}, n.mail_id) > (select ${at}, n.mail_id from node n where n.tenant_id = $1::uuid and n.mail_id = $3::uuid))
    order by ${at}, n.mail_id limit $4::int`;
  return rowsOf<GraphMail>(tx, sql, tenantId, threadId, after ?? null, limit);
}
