// Message-IDs that a person tracked: asked for, found, captured or not.
import { uuidArray } from '@rejoinder/runtime/arrays';
import { idArrays, type MailKey } from '../graph/graph-store.js';
import { given, rowsOf } from '@rejoinder/runtime/rows';
import { isNeverLogged } from '../people/people-store.js';
import { isUnlogged } from '../pins/pin-store.js';
import type { Tx } from '../tx.js';

export interface TrackedRow {
  trackedId: string;
  mailId: string | null;
  state: string;
  reason: string;
}

/** How an inbox answered for a mail. */
export interface Captured extends MailKey {
  revision: number;
  /** Absent where the mail was captured. */
  failed?: string;
  /** Whether its text quotes, where that was told. */
  quotes?: boolean | undefined;
}

/** The row of an id, if it was tracked before. */
export async function trackedByHash(tx: Tx, tenantId: string, hash: Buffer<ArrayBuffer>): Promise<TrackedRow | undefined> {
  return (await tx.trackedId.findFirst({ where: { tenantId, messageIdHash: hash } })) ?? undefined;
}

/** Why an untracked mail that somebody logged is not logged. */
const stopOf = (node: string) => `case when ${isNeverLogged(node)} then 'never_logged' when ${isUnlogged(node)} then 'unlogged' end`;

/** One that was found and must not be logged is refused, whatever was said when it was asked for. */
export async function trackedById(tx: Tx, tenantId: string, trackedId: string): Promise<TrackedRow | undefined> {
  const row = await tx.trackedId.findFirst({ where: { tenantId, trackedId } });
  if (row?.state !== 'tracked' && row?.state !== 'captured') return row ?? undefined;
  const sql = `select ${stopOf('n')} as reason from node n where n.tenant_id = $1::uuid and n.mail_id = $2::uuid and n.verdict = 'untracked'`;
  const [mail] = await tx.$queryRawUnsafe<{ reason: string | null }[]>(sql, tenantId, row.mailId);
  return mail?.reason ? { ...row, state: 'refused', reason: mail.reason } : row;
}

export interface TrackedToSave {
  tenantId: string;
  trackedId: string;
  hash: Buffer;
  mailId: string | null;
  state: string;
  reason: string;
  askedAt: Date;
  /** When the search is over; null where the mail is known. */
  until: Date | null;
  traceparent: string | undefined;
}

/** Writes that an id is tracked; asked again, a search that found nothing begins anew. */
export async function saveTracked(tx: Tx, row: TrackedToSave): Promise<void> {
  const sql = `insert into tracked_id (tenant_id, tracked_id, message_id_hash, mail_id, state, asked_at, due_at, traceparent, reason)
    values ($1::uuid, $2::uuid, $3::bytea, $4::uuid, $5, $6::timestamptz, $7::timestamptz, $8, $9)
    on conflict (tenant_id, message_id_hash) do update set mail_id = excluded.mail_id, state = excluded.state, reason = excluded.reason, asked_at = excluded.asked_at, due_at = excluded.due_at`;
  const { tenantId, trackedId, hash, mailId, state, reason, askedAt, until, traceparent } = row;
  await tx.$executeRawUnsafe(sql, tenantId, trackedId, hash, mailId, state, askedAt, until, traceparent ?? null, reason);
}

/** Gives ghosts to the mails that bear their ids, the first one that is seen; answers which mails a person has so tracked. */
export async function claimGhosts(tx: Tx, mails: (MailKey & { ids: string[] })[]): Promise<MailKey[]> {
  const borne = mails.flatMap(({ tenantId, mailId, ids }) => ids.map((id) => ({ tenantId, mailId, id })));
  if (borne.length === 0) return [];
  const sql = `with ghosts as materialized (
    select distinct on (k.tenant_id, k.id_hash) k.tenant_id, k.id_hash, k.mail_id from unnest($1::uuid[], $2::bytea[], $3::uuid[]) with ordinality as k (tenant_id, id_hash, mail_id, at)
    where exists (select from tracked_id where tenant_id = k.tenant_id and message_id_hash = k.id_hash and mail_id is null offset 0)
    order by k.tenant_id, k.id_hash, k.at)
  update tracked_id t set mail_id = g.mail_id, state = 'tracked', reason = '', due_at = null from ghosts g
    where t.tenant_id = g.tenant_id and t.message_id_hash = g.id_hash and t.mail_id is null
    returning t.tenant_id as "tenantId", t.mail_id as "mailId"`;
  return tx.$queryRawUnsafe<MailKey[]>(sql, ...idArrays(borne), uuidArray(borne.map(({ mailId }) => mailId)));
}

/**
 * Takes what became of captures: of a mail that was read it is known whether it quotes. Answers those that were asked for that. Word of an older
 * command than the last is void.
 */
export async function saveCaptures(tx: Tx, captures: Captured[]): Promise<MailKey[]> {
  const columns = '"tenantId" uuid, "mailId" uuid, revision bigint, failed text, quotes boolean';
  const sql = `with given as materialized (select distinct on ("tenantId", "mailId") * from ${given(1, columns)} order by "tenantId", "mailId", revision desc, failed nulls first),
    told as (update tracked_id t set state = case when given.failed is null then 'captured' else 'refused' end, reason = coalesce(given.failed, ''), due_at = null
      from given where t.tenant_id = given."tenantId" and t.mail_id = given."mailId" and t.state <> 'captured' and t.reason <> 'forgotten')
  update node n set capture = case when given.failed is null then 'captured' else 'failed' end,
    carries_quote = case when given.quotes is not null then given.quotes when n.verdict <> 'asking' then n.carries_quote when given.failed is null then true when given.failed = 'not_quoting' then false else n.carries_quote end
    from given where n.tenant_id = given."tenantId" and n.mail_id = given."mailId" and given.revision >= n.capture_revision and (n.capture is null or n.capture = 'failed')
    returning n.tenant_id as "tenantId", n.mail_id as "mailId", n.verdict = 'asking' as asked`;
  const saved = await tx.$queryRawUnsafe<(MailKey & { asked: boolean })[]>(sql, JSON.stringify(captures));
  return saved.filter(({ asked }) => asked);
}

/** Takes back that an id is tracked whose mail is not known; answers its hash where it was so. */
export async function deleteGhost(tx: Tx, tenantId: string, trackedId: string): Promise<Buffer | undefined> {
  const sql =
    'delete from tracked_id where tenant_id = $1::uuid and tracked_id = $2::uuid and mail_id is null returning message_id_hash as hash';
  return (await tx.$queryRawUnsafe<{ hash: Buffer }[]>(sql, tenantId, trackedId))[0]?.hash;
}

/** Ends a search that found nothing; answers whether it was still on. */
export async function endSearch(tx: Tx, tenantId: string, trackedId: string): Promise<boolean> {
  const { count } = await tx.trackedId.updateMany({
    where: { tenantId, trackedId, state: 'searching' },
    data: { state: 'not_found', reason: 'not_seen' },
  });
  return count > 0;
}

export interface MailMeant extends MailKey {
  /** Its text was read, or is our own. */
  isThere: boolean;
  isForgotten: boolean;
  isNeverLogged: boolean;
  isUnlogged: boolean;
}

/** The mail that is meant by a Message-ID: a tracked one, else the one seen first. */
export async function mailMeant(tx: Tx, tenantId: string, hash: Buffer): Promise<MailMeant | undefined> {
  const sql = `select n.tenant_id as "tenantId", n.mail_id as "mailId", n.send_id is not null or n.capture is not distinct from 'captured' as "isThere",
    n.capture is not distinct from 'forgotten' as "isForgotten", n.root is distinct from 'sent' and ${isNeverLogged('n')} as "isNeverLogged", n.root is distinct from 'sent' and ${isUnlogged('n')} as "isUnlogged"
    from bearer b join node n using (tenant_id, mail_id) where b.tenant_id = $1::uuid and b.id_hash = $2::bytea
    order by n.verdict = 'tracked' desc, n.seen_at, n.mail_id limit 1`;
  return (await rowsOf<MailMeant>(tx, sql, tenantId, hash))[0];
}

/** What became of a mail that a person put into the log folder or marked with the keyword. */
export async function loggedById(tx: Tx, tenantId: string, mailId: string): Promise<TrackedRow | undefined> {
  const sql = `select mail_id as "trackedId", mail_id as "mailId", case when verdict = 'untracked' then 'refused' when capture = 'captured' then capture when capture in ('failed', 'forgotten') then 'refused' else 'tracked' end as state,
    case when capture = 'forgotten' then capture when verdict = 'untracked' then coalesce(${stopOf('n')}, '') when capture = 'failed' then 'not_read' else '' end as reason
    from node n where tenant_id = $1::uuid and mail_id = $2::uuid and root = 'logged'`;
  return (await rowsOf<TrackedRow>(tx, sql, tenantId, mailId))[0];
}

/** These mails are logged no more and never again: who tracked one, or does so later, is told. */
export async function markForgotten(tx: Tx, tenantId: string, mailIds: string[]): Promise<void> {
  const which = 'where tenant_id = $1::uuid and mail_id = any ($2::uuid[])';
  await tx.$executeRawUnsafe(`update node set capture = 'forgotten' ${which}`, tenantId, mailIds);
  await tx.$executeRawUnsafe(`update tracked_id set state = 'refused', reason = 'forgotten', due_at = null ${which}`, tenantId, mailIds);
}

/** Makes a mail a root, if it is none. */
export async function makeRoot(tx: Tx, { tenantId, mailId }: MailKey): Promise<void> {
  await tx.$executeRawUnsafe(
    `update node set root = 'api' where tenant_id = $1::uuid and mail_id = $2::uuid and root is null`,
    tenantId,
    mailId,
  );
}
