// Mails in PostgreSQL: locked, folded and saved as sets; their attachments, and what threads are called now.
import type { MailState } from './mail-state.js';
import { given, rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';

export interface MailKey {
  tenantId: string;
  mailId: string;
}

const columns = `tenant_id as "tenantId", mail_id as "mailId", known_since as "knownSince", version, source, send_id as "sendId", inbox_id as "inboxId", thread_id as "threadId", kind, occurred_at as "occurredAt",
  sent_at as "sentAt", send_state as "sendState", send_reason as "sendReason", send_revision as "sendRevision", sealed_facts as "sealedFacts", sealed_text as "sealedText",
  text_state as "textState", text_truncated as "textTruncated", tracked_revision as "trackedRevision", untracked_revision as "untrackedRevision",
  captured_revision as "capturedRevision", direction, to_place as "toPlace", forgotten, historical, known_only as "knownOnly", reason_revision as "reasonRevision"`;
const types = `"tenantId" uuid, "mailId" uuid, version bigint, source text, "sendId" uuid, "inboxId" uuid, "threadId" uuid, kind text, "occurredAt" timestamptz, "sentAt" timestamptz,
  "sendState" text, "sendReason" text, "sendRevision" bigint, "sealedFacts" bytea, "sealedText" bytea, "textState" text, "textTruncated" boolean,
  "trackedRevision" bigint, "untrackedRevision" bigint, "capturedRevision" bigint, direction text, "toPlace" boolean, forgotten boolean, historical boolean, "knownOnly" boolean, "reasonRevision" bigint`;

/** Locks these mails in order of their ids, after making a row for each that has none; answers what is known of them. Everything about a mail is written under this lock. */
export async function lockMails(tx: Tx, keys: MailKey[], now: Date): Promise<MailState[]> {
  const insert = `insert into mail (tenant_id, mail_id, known_since) select distinct "tenantId", "mailId", $2::timestamptz from ${given(1, '"tenantId" uuid, "mailId" uuid')}
    order by "tenantId", "mailId" on conflict do nothing`;
  const json = JSON.stringify(keys.map(({ tenantId, mailId }) => ({ tenantId, mailId })));
  return (await Promise.all([tx.$executeRawUnsafe(insert, json, now), relockMails(tx, keys)]))[1];
}

/** Locks mails whose rows are there. */
export function relockMails(tx: Tx, keys: MailKey[]): Promise<MailState[]> {
  return mailsAt(tx, keys, 'for update');
}

/** What is known of these mails. */
export function readMails(tx: Tx, keys: MailKey[]): Promise<MailState[]> {
  return mailsAt(tx, keys, 'offset 0');
}

function mailsAt(tx: Tx, keys: MailKey[], how: 'for update' | 'offset 0'): Promise<MailState[]> {
  const json = JSON.stringify(keys.map(({ tenantId, mailId }) => ({ tenantId, mailId })));
  const sql = `with k as materialized (select distinct "tenantId", "mailId" from ${given(1, '"tenantId" uuid, "mailId" uuid')} order by 1, 2)
    select ${columns} from k, lateral (select * from mail where tenant_id = k."tenantId" and mail_id = k."mailId" ${how}) m`;
  return rowsOf<MailState>(tx, sql, json);
}

/** Writes mails as they are known now. */
export async function saveMails(tx: Tx, mails: MailState[]): Promise<void> {
  if (mails.length === 0) return;
  const sql = `update mail m set version = m.version + 1, source = given.source, send_id = given."sendId", inbox_id = given."inboxId", thread_id = given."threadId",
    kind = given.kind, occurred_at = given."occurredAt", sent_at = given."sentAt", send_state = given."sendState", send_reason = given."sendReason",
    send_revision = given."sendRevision", sealed_facts = given."sealedFacts", sealed_text = given."sealedText", text_state = given."textState",
    text_truncated = given."textTruncated", tracked_revision = given."trackedRevision", untracked_revision = given."untrackedRevision",
    captured_revision = given."capturedRevision", direction = given.direction, to_place = given."toPlace", forgotten = given.forgotten, historical = given.historical, known_only = given."knownOnly",
    reason_revision = given."reasonRevision"
    from ${given(1, types)} where m.tenant_id = given."tenantId" and m.mail_id = given."mailId"`;
  await tx.$executeRawUnsafe(sql, JSON.stringify(mails));
}

/** Asks the worker for these mails. A worker that has one in hand may have read it before: its lease is void, so that it cannot call the mail done. */
export async function askWorker(tx: Tx, mails: MailKey[], now: Date, traceparent: string | undefined): Promise<void> {
  if (mails.length === 0) return;
  const sql = `update mail set due_at = $2::timestamptz, lease_until = null, lease_token = null, traceparent = coalesce($3, traceparent)
    where (tenant_id, mail_id) in (select "tenantId", "mailId" from ${given(1, '"tenantId" uuid, "mailId" uuid')})`;
  await tx.$executeRawUnsafe(sql, JSON.stringify(mails.map(({ tenantId, mailId }) => ({ tenantId, mailId }))), now, traceparent ?? null);
}

/** One attachment as it is declared, or as its store says. */
export interface AttachmentRow extends MailKey {
  attachmentId: string;
  position: number;
  sealedFacts: string | null;
  sizeBytes: number;
  inline: boolean;
  state: 'pending' | 'rejected' | 'stored';
  reason: string;
}

const attachmentTypes = `"tenantId" uuid, "mailId" uuid, "attachmentId" uuid, position integer, "sealedFacts" bytea, "sizeBytes" bigint, inline boolean, state text, reason text`;

/** Adds what is known of attachments: facts as soon as they are told, and the state that settles most, whatever came first. */
export async function saveAttachments(tx: Tx, rows: AttachmentRow[]): Promise<void> {
  if (rows.length === 0) return;
  const rank = (state: string) => `array_position(array['pending', 'rejected', 'stored'], ${state})`;
  const isHigher = `${rank('excluded.state')} > ${rank('a.state')}`;
  const sql = `insert into attachment as a (tenant_id, mail_id, attachment_id, position, sealed_facts, size_bytes, inline, state, reason)
    select "tenantId", "mailId", "attachmentId", position, "sealedFacts", "sizeBytes", inline, state, reason from ${given(1, attachmentTypes)}
    on conflict (tenant_id, attachment_id) do update set position = case when excluded.sealed_facts is null then a.position else excluded.position end,
      inline = case when excluded.sealed_facts is null then a.inline else excluded.inline end, sealed_facts = coalesce(a.sealed_facts, excluded.sealed_facts),
      size_bytes = case when ${isHigher} and excluded.size_bytes > 0 or a.size_bytes = 0 then excluded.size_bytes else a.size_bytes end,
      reason = case when ${isHigher} then excluded.reason else a.reason end, state = case when ${isHigher} then excluded.state else a.state end`;
  const unique = [...new Map(rows.map((row) => [`${row.tenantId} ${row.attachmentId}`, row])).values()];
  await tx.$executeRawUnsafe(sql, JSON.stringify(unique));
}

/** What attachments are called goes with the facts of their mail; their state stays. */
export async function blankAttachments(tx: Tx, mails: MailKey[]): Promise<void> {
  if (mails.length === 0) return;
  const sql = `update attachment set sealed_facts = null where (tenant_id, mail_id) in (select "tenantId", "mailId" from ${given(1, '"tenantId" uuid, "mailId" uuid')})`;
  await tx.$executeRawUnsafe(sql, JSON.stringify(mails.map(({ tenantId, mailId }) => ({ tenantId, mailId }))));
}

/** Removes our own copy of a mail for good: facts, text and attachments; the mark stays. Under the mail's lock. */
export async function forgetMail(tx: Tx, mail: MailState): Promise<void> {
  await tx.$executeRawUnsafe('delete from attachment where tenant_id = $1::uuid and mail_id = $2::uuid', mail.tenantId, mail.mailId);
  await saveMails(tx, [{ ...mail, sealedFacts: null, sealedText: null, textState: 'none', toPlace: false, forgotten: true }]);
}

/** Writes that a thread went into another, and lets those that went into it before point there too. Answers the mails that had its name or one of theirs. */
export async function mergeThread(tx: Tx, tenantId: string, threadId: string, into: string): Promise<MailKey[]> {
  await tx.$executeRawUnsafe(`select pg_advisory_xact_lock(hashtext('thread_merge'), hashtext($1))`, tenantId);
  const target = `coalesce((select merged_into from thread_merge where tenant_id = $1::uuid and thread_id = $3::uuid), $3::uuid)`;
  const insert = `insert into thread_merge (tenant_id, thread_id, merged_into) values ($1::uuid, $2::uuid, ${target}) on conflict do nothing`;
  if ((await tx.$executeRawUnsafe(insert, tenantId, threadId, into)) === 0) return [];
  await tx.$executeRawUnsafe(
    `update thread_merge set merged_into = ${target} where tenant_id = $1::uuid and merged_into = $2::uuid`,
    tenantId,
    threadId,
    into,
  );
  const moved = `select tenant_id as "tenantId", mail_id as "mailId" from mail where tenant_id = $1::uuid and (thread_id = $2::uuid
    or thread_id in (select thread_id from thread_merge where tenant_id = $1::uuid and merged_into = ${target}) and thread_id <> $3::uuid)`;
  return rowsOf<MailKey>(tx, moved, tenantId, threadId, into);
}
