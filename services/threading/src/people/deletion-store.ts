// What is to be deleted of logged mail that people on the never-log list are on, and how far that is.
import { byteaArray } from '@rejoinder/runtime/arrays';
import { rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';
import { named } from './people-store.js';

export interface Deletion {
  mails: number;
  deleted: number;
  isDone: boolean;
}

export interface DeletionToDo {
  /** Up to as many as were asked for, by their ids; fewer are the last. */
  mailIds: string[];
  /** The list that has these people is known here. */
  isListKnown: boolean;
  /** Which time of asking this is. */
  askedAt: Date;
}

/** Their logged mails that were not deleted before; what was sent from the CRM was written there. */
const theirs = (hashes: string) =>
  `n.verdict = 'tracked' and n.root is distinct from 'sent' and n.capture is distinct from 'forgotten' and ${named('n')} && ${hashes}`;

/** One more time takes the place of the one before, whose people are deleted too if it was not done. */
export async function askForDeletion(tx: Tx, tenantId: string, hashes: Uint8Array[], listRevision: bigint, now: Date): Promise<Deletion> {
  const all = `with given as (select $2::bytea[] || coalesce((select entry_hashes from never_log_deletion where tenant_id = $1::uuid and done_at is null), '{}') as hashes)
  insert into never_log_deletion as d (tenant_id, entry_hashes, list_revision, mails, asked_at, due_at)
  select $1::uuid, g.hashes, $3::bigint, (select count(*) from node n where n.tenant_id = $1::uuid and ${theirs('g.hashes')}), $4::timestamptz, $4::timestamptz from given g
  on conflict (tenant_id) do update set entry_hashes = excluded.entry_hashes, list_revision = excluded.list_revision, mails = excluded.mails, deleted = 0, last_mail_id = null,
    asked_at = excluded.asked_at, done_at = null, due_at = excluded.due_at, lease_until = null, lease_token = null`;
  await tx.$executeRawUnsafe(all, tenantId, byteaArray(hashes.map((one) => Buffer.from(one))), listRevision, now);
  return (await deletionOf(tx, tenantId))!;
}

export async function deletionOf(tx: Tx, tenantId: string): Promise<Deletion | undefined> {
  const sql = `select mails, deleted, done_at is not null as "isDone" from never_log_deletion where tenant_id = $1::uuid`;
  return (await rowsOf<Deletion>(tx, sql, tenantId))[0];
}

/** Undefined where all is done. */
export async function nextToDelete(tx: Tx, tenantId: string, limit: number): Promise<DeletionToDo | undefined> {
  const sql = `select array(select n.mail_id from node n where n.tenant_id = d.tenant_id and (d.last_mail_id is null or n.mail_id > d.last_mail_id) and ${theirs('d.entry_hashes')}
      order by n.mail_id limit $2::int) as "mailIds", coalesce(g.never_log_revision, 0) >= d.list_revision as "isListKnown", d.asked_at as "askedAt"
    from never_log_deletion d left join tenant_graph g using (tenant_id) where d.tenant_id = $1::uuid and d.done_at is null`;
  return (await tx.$queryRawUnsafe<DeletionToDo[]>(sql, tenantId, limit))[0];
}

/** Saves that these are deleted, and whether they were the last; not where others were asked for meanwhile. */
export async function saveDeleted(tx: Tx, tenantId: string, { mailIds, askedAt }: DeletionToDo, doneAt: Date | null): Promise<void> {
  const sql = `update never_log_deletion set deleted = deleted + $2::int, last_mail_id = coalesce($3::uuid, last_mail_id), done_at = $4::timestamptz
    where tenant_id = $1::uuid and asked_at = $5::timestamptz`;
  await tx.$executeRawUnsafe(sql, tenantId, mailIds.length, mailIds.at(-1) ?? null, doneAt, askedAt);
}
