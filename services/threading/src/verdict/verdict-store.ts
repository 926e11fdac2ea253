// Verdicts and threads in PostgreSQL: what a judgement needs beside the mails, and what it leaves.
import type { GraphMail } from '../graph/graph.js';
import { followersOf, idArrays, idsGiven, nodeOf, type IdKey, type MailKey } from '../graph/graph-store.js';
import { given, rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';

/** The thread of each of these ids that a mail holds to already. All that hold to one id are in one thread, so the first one found tells. */
export function threadsOfIds(tx: Tx, ids: IdKey[]): Promise<(IdKey & { threadId: string })[]> {
  const citers = 'select * from citation where tenant_id = k.tenant_id and cited_hash = k.id_hash offset 0';
  const bearers = 'select * from bearer where tenant_id = k.tenant_id and id_hash = k.id_hash offset 0';
  const sql = `select k.tenant_id as "tenantId", k.id_hash as id, held.thread_id as "threadId" from ${idsGiven}, lateral (
      (select n.thread_id from (${bearers}) b, ${nodeOf('b')} where n.thread_id is not null limit 1)
      union all
      (select n.thread_id from (${citers}) c, ${nodeOf('c')}
        where n.thread_id is not null and n.joined > 0 and c.cited_hash = any (n.chain_hashes[cardinality(n.chain_hashes) - n.joined + 1:]) limit 1)
      limit 1
    ) held`;
  return rowsOf(tx, sql, ...idArrays(ids));
}

/** Writes what is new about judged mails. */
export async function saveVerdicts(tx: Tx, mails: GraphMail[]): Promise<void> {
  if (mails.length === 0) return;
  const columns = `"tenantId" uuid, "mailId" uuid, "threadId" uuid, verdict text, cut text, answers uuid, joined integer, revision bigint, "captureRevision" bigint, capture text, "byContact" boolean`;
  const sql = `update node n set thread_id = given."threadId", verdict = given.verdict, cut = given.cut, answers_mail_id = given.answers, joined = given.joined, revision = given.revision,
    capture_revision = given."captureRevision", capture = given.capture, by_contact = given."byContact"
    from ${given(1, columns)} where n.tenant_id = given."tenantId" and n.mail_id = given."mailId"`;
  const rows = mails.map(({ tenantId, mailId, threadId, verdict, cut, answers, joined, revision, captureRevision, capture, byContact }) => {
    return { tenantId, mailId, threadId, verdict, cut, answers, joined, revision, captureRevision, capture, byContact };
  });
  await tx.$executeRawUnsafe(sql, JSON.stringify(rows));
}

export interface MadeThread {
  tenantId: string;
  threadId: string;
}

export interface MergedThread extends MadeThread {
  into: string;
}

/** Writes new threads, and moves every mail and redirect of those that are no more. */
export async function saveThreads(tx: Tx, made: MadeThread[], merged: MergedThread[], now: Date): Promise<void> {
  if (made.length > 0) {
    const insert = `insert into thread (tenant_id, thread_id, made_at) select "tenantId", "threadId", $2::timestamptz from ${given(1, '"tenantId" uuid, "threadId" uuid')}`;
    await tx.$executeRawUnsafe(insert, JSON.stringify(made), now);
  }
  if (merged.length === 0) return;
  const sql = `with given as materialized (select * from ${given(1, '"tenantId" uuid, "threadId" uuid, "into" uuid')}),
    redirected as (update thread t set merged_into = given."into" from given where t.tenant_id = given."tenantId" and (t.thread_id = given."threadId" or t.merged_into = given."threadId"))
  update node n set thread_id = given."into" from given where n.tenant_id = given."tenantId" and n.thread_id = given."threadId"`;
  await tx.$executeRawUnsafe(sql, JSON.stringify(merged));
}

/** Counts changes of a tenant's threads, whose graph the caller has locked; answers the last revision. */
export async function raiseThreadRevision(tx: Tx, tenantId: string, changes: number): Promise<number> {
  const sql =
    'update tenant_graph set thread_revision = thread_revision + $2::int where tenant_id = $1::uuid returning thread_revision::float8 as revision';
  return (await tx.$queryRawUnsafe<{ revision: number }[]>(sql, tenantId, changes))[0]!.revision;
}

/** Leaves what a batch could not reach any more to the recheck worker: who cites these mails, and who was put with them. */
export async function leaveForRecheck(tx: Tx, mails: MailKey[], now: Date): Promise<void> {
  const sql = `with k as materialized (select * from ${given(1, '"tenantId" uuid, "mailId" uuid')}), reached as (select "tenantId" as tenant_id, "mailId" as mail_id from k)
  insert into recheck (tenant_id, mail_id) select distinct c.tenant_id, c.mail_id from reached r, ${followersOf('r')} c
  where (c.tenant_id, c.mail_id) not in (select tenant_id, mail_id from reached) on conflict do nothing`;
  await tx.$executeRawUnsafe(sql, JSON.stringify(mails.map(({ tenantId, mailId }) => ({ tenantId, mailId }))));
  await askForRecheck(tx, [...new Set(mails.map((mail) => mail.tenantId))], now);
}

/** Lets the recheck worker come to these tenants. One that is at it may have looked before: its lease is void, so that it cannot call the tenant done. */
export async function askForRecheck(tx: Tx, tenantIds: string[], now: Date): Promise<void> {
  await tx.$executeRawUnsafe(
    'update tenant_graph set due_at = $2::timestamptz, lease_until = null, lease_token = null where tenant_id = any($1::uuid[])',
    tenantIds,
    now,
  );
}

/** Takes mails off the list of those to be judged again. */
export function takeRechecks(tx: Tx, tenantId: string, limit: number): Promise<MailKey[]> {
  const sql = `with taken as (delete from recheck r using (select tenant_id, mail_id from recheck where tenant_id = $1::uuid order by mail_id limit $2::int) t
    where r.tenant_id = t.tenant_id and r.mail_id = t.mail_id returning r.tenant_id, r.mail_id)
    select tenant_id as "tenantId", mail_id as "mailId" from taken`;
  return tx.$queryRawUnsafe<MailKey[]>(sql, tenantId, limit);
}
