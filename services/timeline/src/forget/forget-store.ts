// Mails that are to be forgotten everywhere: who was asked, who has answered.
import type { MailKey } from '../mail/mail-store.js';
import { rowsOf } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';

export interface Forgetting {
  because: string;
  begunAt: string | null;
  forgottenBy: string[];
}

/** The last engagement was deleted by a person: forgotten at once and for good. */
export async function forgetNow(tx: Tx, { tenantId, mailId }: MailKey, now: Date, traceparent: string | undefined): Promise<void> {
  const sql = `insert into forgetting (tenant_id, mail_id, because, asked_at, begun_at, due_at, traceparent) values ($1::uuid, $2::uuid, 'deleted', $3::timestamptz, $3::timestamptz, $3::timestamptz, $4)
    on conflict (tenant_id, mail_id) do update set because = 'deleted', begun_at = coalesce(forgetting.begun_at, excluded.begun_at), due_at = excluded.due_at, lease_until = null, lease_token = null where forgetting.done_at is null`;
  await tx.$executeRawUnsafe(sql, tenantId, mailId, now, traceparent ?? null);
}

/** Nobody has the mail on a timeline, but no person said so: it is forgotten unless it comes back in time. */
export async function withdrawLater(tx: Tx, { tenantId, mailId }: MailKey, now: Date, at: Date): Promise<void> {
  const sql = `insert into forgetting (tenant_id, mail_id, because, asked_at, due_at) values ($1::uuid, $2::uuid, 'withdrawn', $3::timestamptz, $4::timestamptz) on conflict do nothing`;
  await tx.$executeRawUnsafe(sql, tenantId, mailId, now, at);
}

/** The mail stands on a timeline again. */
export async function callBackForgetting(tx: Tx, { tenantId, mailId }: MailKey): Promise<void> {
  await tx.$executeRawUnsafe(
    'delete from forgetting where tenant_id = $1::uuid and mail_id = $2::uuid and begun_at is null',
    tenantId,
    mailId,
  );
}

export async function forgettingOf(tx: Tx, { tenantId, mailId }: MailKey): Promise<Forgetting | undefined> {
  const sql =
    'select because, begun_at as "begunAt", forgotten_by as "forgottenBy" from forgetting where tenant_id = $1::uuid and mail_id = $2::uuid';
  return (await rowsOf<Forgetting>(tx, sql, tenantId, mailId))[0];
}

export async function beginForgetting(tx: Tx, { tenantId, mailId }: MailKey, now: Date): Promise<void> {
  await tx.$executeRawUnsafe(
    'update forgetting set begun_at = coalesce(begun_at, $3::timestamptz) where tenant_id = $1::uuid and mail_id = $2::uuid',
    tenantId,
    mailId,
    now,
  );
}

/** Writes who has answered; done once everybody has. */
export async function saveForgotten(tx: Tx, { tenantId, mailId }: MailKey, by: string[], doneAt: Date | null): Promise<void> {
  const sql =
    'update forgetting set forgotten_by = $3::text[], done_at = $4::timestamptz where tenant_id = $1::uuid and mail_id = $2::uuid';
  await tx.$executeRawUnsafe(sql, tenantId, mailId, by, doneAt);
}

export interface TimelineAges {
  mail: string | null;
  engagement: string | null;
  contact: string | null;
  toForget: number;
  toForgetSince: string | null;
}

/** How old the oldest of each store is, and what waits to be forgotten. */
export async function timelineAges(tx: Tx): Promise<TimelineAges> {
  const sql = `select (select min(known_since) from mail where sealed_facts is not null) as mail, (select min(occurred_at) from engagement) as engagement, (select min(made_at) from contact) as contact,
    (select count(*) from forgetting where done_at is null and begun_at is not null) as "toForget", (select min(begun_at) from forgetting where done_at is null) as "toForgetSince"`;
  return (await rowsOf<TimelineAges>(tx, sql))[0]!;
}
