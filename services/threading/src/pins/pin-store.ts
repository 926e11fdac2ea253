// Pins in PostgreSQL: what people have said of single mails, and how SQL asks it of a node.
import { byteaArray, uuidArray } from '@rejoinder/runtime/arrays';
import { rowsOf } from '@rejoinder/runtime/rows';
import type { GraphMail } from '../graph/graph.js';
import type { Tx } from '../tx.js';

export type PinKind = 'split' | 'merge' | 'unlog';

export interface Pin {
  pinId: string;
  kind: PinKind;
  mailId: string;
  /** Of a merge. */
  intoMailId: string | null;
  by: string;
  madeAt: string;
}

const columns = `p.pin_id as "pinId", p.kind, p.mail_id as "mailId", p.into_mail_id as "intoMailId", p.made_by as by, p.made_at as "madeAt"`;
const pinOf = (node: string, kind: PinKind) =>
  `from pin p where p.tenant_id = ${node}.tenant_id and p.mail_id = ${node}.mail_id and p.kind = '${kind}'`;

/** A person said that this mail begins a thread of its own. */
export const isSplit = (node: string) => `exists (select ${pinOf(node, 'split')})`;

/** The mail that a person put this one with. */
export const mergedInto = (node: string) => `(select p.into_mail_id ${pinOf(node, 'merge')})`;

/** A person said that this mail was not meant to be logged. */
export const isUnlogged = (node: string) => `exists (select ${pinOf(node, 'unlog')})`;

/** Those that a person put with this mail. */
export const mergedWith = (mail: string) =>
  `lateral (select tenant_id, mail_id from pin where tenant_id = ${mail}.tenant_id and into_mail_id = ${mail}.mail_id offset 0)`;

/** The thread of each of these mails; of one that is not known, that of the others which were put with it. */
export function threadsOfTargets(tx: Tx, tenantId: string, mailIds: string[]): Promise<{ id: string; threadId: string }[]> {
  const nodes = 'node n where n.tenant_id = $1::uuid and n.thread_id is not null';
  const sql = `select k.mail_id as id, held.thread_id as "threadId" from unnest($2::uuid[]) as k (mail_id), lateral (
      (select n.thread_id from ${nodes} and n.mail_id = k.mail_id)
      union all
      (select n.thread_id from ${nodes} and n.mail_id in (select p.mail_id from pin p where p.tenant_id = $1::uuid and p.into_mail_id = k.mail_id) limit 1)
      limit 1
    ) held`;
  return rowsOf(tx, sql, tenantId, uuidArray(mailIds));
}

export async function pinOfMail(tx: Tx, tenantId: string, mailId: string, kind: PinKind): Promise<Pin | undefined> {
  const sql = `select ${columns} from pin p where p.tenant_id = $1::uuid and p.mail_id = $2::uuid and p.kind = $3`;
  return (await rowsOf<Pin>(tx, sql, tenantId, mailId, kind))[0];
}

/** Writes what is said of a mail, with what will be known of it for ever: its ids, and the thread it was of. */
export async function savePin(
  tx: Tx,
  { tenantId, mailId, ids, threadId }: GraphMail,
  { pinId, kind, intoMailId, by, madeAt }: Pin,
): Promise<void> {
  const sql = `insert into pin (tenant_id, mail_id, kind, into_mail_id, pin_id, id_hashes, thread_id, made_by, made_at)
    values ($1::uuid, $2::uuid, $3, $4::uuid, $5::uuid, $6::bytea[], $7::uuid, $8, $9::timestamptz)`;
  await tx.$executeRawUnsafe(sql, tenantId, mailId, kind, intoMailId, pinId, byteaArray(ids), threadId, by, new Date(madeAt));
}

export interface DeletedPin {
  kind: PinKind;
  mailId: string;
  ids: string[];
}

/** Deletes one pin, by its id or as what is said of a mail; answers what it was, if it was there. */
export async function deletePin(
  tx: Tx,
  tenantId: string,
  which: { pinId: string } | { mailId: string; kind: PinKind },
): Promise<DeletedPin | undefined> {
  const [where, ...values] =
    'pinId' in which ? ['pin_id = $2::uuid', which.pinId] : ['mail_id = $2::uuid and kind = $3', which.mailId, which.kind];
  const sql = `delete from pin where tenant_id = $1::uuid and ${where} returning kind, mail_id as "mailId", array(select '\\x' || encode(id, 'hex') from unnest(id_hashes) id) as ids`;
  return (await tx.$queryRawUnsafe<DeletedPin[]>(sql, tenantId, ...values))[0];
}

/** Of a thread: of mails that are in it, or were when it was said. The parameter is what the thread is called now. */
const ofThread = (
  parameter: string,
) => `(p.thread_id = ${parameter} or p.thread_id in (select thread_id from thread where tenant_id = $1::uuid and merged_into = ${parameter})
    or p.mail_id in (select n.mail_id from node n where n.tenant_id = $1::uuid and n.thread_id = ${parameter}))`;

export async function countPins(tx: Tx, tenantId: string, threadId: string): Promise<{ ofTenant: number; ofThread: number }> {
  const sql = `select count(*)::int as "ofTenant", (count(*) filter (where ${ofThread('$2::uuid')}))::int as "ofThread" from pin p where p.tenant_id = $1::uuid`;
  return (await tx.$queryRawUnsafe<{ ofTenant: number; ofThread: number }[]>(sql, tenantId, threadId))[0]!;
}

/** Newest first. */
export function listPins(
  tx: Tx,
  tenantId: string,
  { mailId, threadId }: { mailId: string | null; threadId: string | null },
  after: string | undefined,
  limit: number,
): Promise<Pin[]> {
  const now = 'coalesce((select t.merged_into from thread t where t.tenant_id = $1::uuid and t.thread_id = $3::uuid), $3::uuid)';
  const sql = `select ${columns} from pin p where p.tenant_id = $1::uuid and ($2::uuid is null or p.mail_id = $2::uuid or p.into_mail_id = $2::uuid)
    and ($3::uuid is null or ${ofThread(now)}) and ($4::uuid is null or p.pin_id < $4::uuid) order by p.pin_id desc limit $5::int`;
  return rowsOf<Pin>(tx, sql, tenantId, mailId, threadId, after ?? null, limit);
}

const maxAbout = 100;

/** What bears on a mail: said of it, of one that it cites, or of its thread; newest first. */
export function pinsAbout(tx: Tx, { tenantId, mailId, chain, threadId }: GraphMail, cited: string[]): Promise<Pin[]> {
  const sql = `select ${columns} from pin p where p.tenant_id = $1::uuid and (p.mail_id = any ($2::uuid[]) or p.into_mail_id = $3::uuid or p.id_hashes && $4::bytea[]
    or ${ofThread('$5::uuid')}) order by p.pin_id desc limit ${maxAbout}`;
  return rowsOf<Pin>(tx, sql, tenantId, uuidArray([mailId, ...cited]), mailId, byteaArray(chain), threadId);
}
