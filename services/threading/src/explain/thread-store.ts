// Threads as they are shown: what one is called now, and its mails in order.
import { rowsOf } from '@rejoinder/runtime/rows';
import { judgedColumns, nodeOf } from '../graph/graph-store.js';
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

/** A mail that cites a logged one of a thread which it is not of. */
export interface LeavingMail extends GraphMail {
  leftThreadId: string;
  cited: string;
  receivedAt: string;
}

/** So many logged mails of the threads are looked from, the newest, and so many that cite them come back. */
const maxCited = 1_000;
const maxLeaving = 200;

/** Mail of persons from outside which cites a logged mail of these threads, and counts as gone to other people; newest first. */
export function leavingMails(tx: Tx, tenantId: string, threadIds: string[]): Promise<LeavingMail[]> {
  const sql = `with cited as materialized (select * from node where tenant_id = $1::uuid and thread_id = any($2::uuid[]) and verdict = 'tracked'
      order by seen_at desc limit ${maxCited}),
    citing as materialized (select distinct on (c.mail_id) c.mail_id, t.tenant_id, t.mail_id as cited, t.thread_id as left_thread_id from cited t, unnest(t.id_hashes) id,
      lateral (select mail_id from citation where tenant_id = t.tenant_id and cited_hash = id offset 0) c order by c.mail_id, t.seen_at desc)
    select ${judgedColumns}, k.cited, k.left_thread_id as "leftThreadId", coalesce(n.received_at, n.seen_at) as "receivedAt" from citing k, ${nodeOf('k')}
    where n.verdict = 'untracked' and n.cut <> 'no' and n.kind = 'person'
      and not exists (select from own_address o where o.tenant_id = n.tenant_id and (o.address_hash = n.from_hash or n.from_hash = any(o.other_hashes)))
    order by "receivedAt" desc limit ${maxLeaving}`;
  return rowsOf<LeavingMail>(tx, sql, tenantId, threadIds);
}
