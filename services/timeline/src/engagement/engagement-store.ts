// Engagements in PostgreSQL: a mail on a contact's timeline, and everything a page of them shows.
import { newId } from '@rejoinder/base/id';
import type { MailState } from '../mail/mail-state.js';
import type { MailKey } from '../mail/mail-store.js';
import { given, rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';

export interface EngagementRow extends MailKey {
  engagementId: string;
  contactId: string;
  threadId: string | null;
  direction: string;
  textState: string;
  kind: string;
  historical: boolean;
  revision: number;
  traceparent: string | null;
}

export const engagementColumns = `e.tenant_id as "tenantId", e.engagement_id as "engagementId", e.contact_id as "contactId", e.mail_id as "mailId", e.revision::int as revision,
  coalesce(t.merged_into, m.thread_id) as "threadId", coalesce(m.direction, '') as direction, m.text_state as "textState", m.kind, m.historical, m.traceparent`;
export const engagementJoins = `join mail m on m.tenant_id = e.tenant_id and m.mail_id = e.mail_id left join thread_merge t on t.tenant_id = m.tenant_id and t.thread_id = m.thread_id`;
const mailTypes = '"tenantId" uuid, "mailId" uuid';

export function engagementsOf(tx: Tx, { tenantId, mailId }: MailKey): Promise<EngagementRow[]> {
  return rowsOf<EngagementRow>(
    tx,
    `select ${engagementColumns} from engagement e ${engagementJoins} where e.tenant_id = $1::uuid and e.mail_id = $2::uuid`,
    tenantId,
    mailId,
  );
}

export async function insertEngagements(tx: Tx, mail: MailState, contactIds: string[]): Promise<void> {
  if (contactIds.length === 0) return;
  const rows = contactIds.map((contactId) => ({ engagementId: newId(), contactId }));
  const sql = `insert into engagement (tenant_id, engagement_id, contact_id, mail_id, occurred_at, revision)
    select $2::uuid, "engagementId", "contactId", $3::uuid, $4::timestamptz, 0 from ${given(1, '"engagementId" uuid, "contactId" uuid')} on conflict do nothing`;
  await tx.$executeRawUnsafe(sql, JSON.stringify(rows), mail.tenantId, mail.mailId, mail.sentAt ?? mail.occurredAt);
}

/** Raises the revision of every engagement of these mails, keeps their time in step, and answers them as they are to be told. */
export async function raiseEngagements(tx: Tx, mails: MailKey[]): Promise<EngagementRow[]> {
  if (mails.length === 0) return [];
  const json = JSON.stringify(mails.map(({ tenantId, mailId }) => ({ tenantId, mailId })));
  const sql = `update engagement e set revision = e.revision + 1, occurred_at = coalesce(m.sent_at, m.occurred_at, e.occurred_at)
    from mail m left join thread_merge t on t.tenant_id = m.tenant_id and t.thread_id = m.thread_id
    where (m.tenant_id, m.mail_id) in (select "tenantId", "mailId" from ${given(1, mailTypes)}) and e.tenant_id = m.tenant_id and e.mail_id = m.mail_id
    returning ${engagementColumns}`;
  return tx.$queryRawUnsafe<EngagementRow[]>(sql, json);
}

/** Deletes engagements; answers them with the revision their end is told under. */
export async function deleteEngagements(tx: Tx, rows: EngagementRow[]): Promise<EngagementRow[]> {
  if (rows.length === 0) return [];
  const sql =
    'delete from engagement where tenant_id = any($1::uuid[]) and engagement_id = any($2::uuid[]) returning engagement_id as "engagementId", revision::int as revision';
  const ids = rows.map(({ engagementId }) => engagementId);
  const gone = await tx.$queryRawUnsafe<{ engagementId: string; revision: number }[]>(
    sql,
    rows.map(({ tenantId }) => tenantId),
    ids,
  );
  const revisions = new Map(gone.map((one) => [one.engagementId, one.revision]));
  return rows.filter((row) => revisions.has(row.engagementId)).map((row) => ({ ...row, revision: revisions.get(row.engagementId)! + 1 }));
}

export async function engagementById(tx: Tx, tenantId: string, engagementId: string): Promise<EngagementRow | undefined> {
  const sql = `select ${engagementColumns} from engagement e ${engagementJoins} where e.tenant_id = $1::uuid and e.engagement_id = $2::uuid`;
  return (await rowsOf<EngagementRow>(tx, sql, tenantId, engagementId))[0];
}

/** A person's word that a mail is off this contact's timeline for good. */
export async function bury(tx: Tx, { tenantId, contactId, mailId }: EngagementRow, now: Date): Promise<void> {
  const sql =
    'insert into tombstone (tenant_id, contact_id, mail_id, deleted_at) values ($1::uuid, $2::uuid, $3::uuid, $4::timestamptz) on conflict do nothing';
  await tx.$executeRawUnsafe(sql, tenantId, contactId, mailId, now);
}

/** An engagement as it is shown, still sealed. */
export interface ShownEngagement {
  engagementId: string;
  contactId: string;
  mailId: string;
  threadId: string | null;
  direction: string;
  sealedFacts: string | null;
  sealedText: string | null;
  occurredAt: string;
  textState: string;
  sendState: string;
  sendReason: string;
  sendId: string | null;
  inboxId: string | null;
  textTruncated: boolean;
  kind: string;
}

export interface ListedEngagement {
  engagementId: string;
  occurredAt: string;
  bytes: number;
}

/** One page of a timeline, newest first: which engagements, and how large each is. */
export function listEngagements(
  tx: Tx,
  tenantId: string,
  contactId: string,
  after: ListedEngagement | undefined,
  limit: number,
): Promise<ListedEngagement[]> {
  const sql = `select e.engagement_id as "engagementId", e.occurred_at as "occurredAt", coalesce(octet_length(m.sealed_text), 0) + coalesce(octet_length(m.sealed_facts), 0) as bytes
    from engagement e join mail m on m.tenant_id = e.tenant_id and m.mail_id = e.mail_id
    where e.tenant_id = $1::uuid and e.contact_id = $2::uuid and ($4::uuid is null or e.occurred_at < $3::timestamptz or e.occurred_at = $3::timestamptz and e.engagement_id > $4::uuid)
    order by e.occurred_at desc, e.engagement_id limit $5::int`;
  return rowsOf<ListedEngagement>(tx, sql, tenantId, contactId, after?.occurredAt ?? null, after?.engagementId ?? null, limit);
}

/** What these engagements show. */
export function showEngagements(tx: Tx, tenantId: string, engagementIds: string[]): Promise<ShownEngagement[]> {
  const sql = `select e.engagement_id as "engagementId", e.contact_id as "contactId", e.mail_id as "mailId", coalesce(t.merged_into, m.thread_id) as "threadId",
    coalesce(m.direction, '') as direction, m.sealed_facts as "sealedFacts", m.sealed_text as "sealedText", e.occurred_at as "occurredAt", m.text_state as "textState",
    m.send_state as "sendState", m.send_reason as "sendReason", m.send_id as "sendId", m.inbox_id as "inboxId", m.text_truncated as "textTruncated", m.kind
    from engagement e ${engagementJoins} where e.tenant_id = $1::uuid and e.engagement_id = any($2::uuid[])`;
  return rowsOf<ShownEngagement>(tx, sql, tenantId, engagementIds);
}

export type StandingMail = Pick<ShownEngagement, 'mailId' | 'engagementId' | 'contactId' | 'direction' | 'sealedFacts' | 'occurredAt'>;

/** Those of these mails that stand on a timeline, each with one engagement. */
export function standingMails(tx: Tx, tenantId: string, mailIds: string[]): Promise<StandingMail[]> {
  const sql = `select distinct on (e.mail_id) e.mail_id as "mailId", e.engagement_id as "engagementId", e.contact_id as "contactId",
    coalesce(m.direction, '') as direction, m.sealed_facts as "sealedFacts", e.occurred_at as "occurredAt"
    from engagement e ${engagementJoins} where e.tenant_id = $1::uuid and e.mail_id = any($2::uuid[]) order by e.mail_id, e.engagement_id`;
  return rowsOf<StandingMail>(tx, sql, tenantId, mailIds);
}

export interface ShownAttachment {
  mailId: string;
  attachmentId: string;
  sealedFacts: string;
  sizeBytes: number;
  inline: boolean;
  state: string;
  reason: string;
}

/** The attachments of these mails that are declared, in their order; at most so many. */
export function showAttachments(tx: Tx, tenantId: string, mailIds: string[], limit: number): Promise<ShownAttachment[]> {
  const sql = `select mail_id as "mailId", attachment_id as "attachmentId", sealed_facts as "sealedFacts", size_bytes as "sizeBytes", inline, state, reason from attachment
    where tenant_id = $1::uuid and mail_id = any($2::uuid[]) and sealed_facts is not null order by mail_id, position limit $3::int`;
  return rowsOf<ShownAttachment>(tx, sql, tenantId, mailIds, limit);
}
