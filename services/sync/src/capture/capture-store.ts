// Rows of captures: which mails' text is wanted, and what became of each.
import { Inject, Injectable } from '@nestjs/common';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { dayOf, type Clock } from '@rejoinder/base/clock';
import { event, Outbox } from '@rejoinder/bus/outbox';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { CaptureFailedSchema, MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { Owner, partitionOfInbox } from '../inbox/owner-store.js';
import { IntakeStore } from '../intake/intake-store.js';
import { BodyStore } from './body-store.js';
import type { MailText } from './mail-text.js';
import { PartStore, type NewPart } from './part-store.js';

export interface CaptureWish {
  tenantId: string;
  inboxId: string;
  mailId: string;
  onlyIfQuoting: boolean;
  revision: bigint;
  threadId: string;
  historical: boolean;
  traceparent?: string;
}

export interface Capture {
  tenantId: string;
  mailId: string;
  state: 'wanted' | 'captured' | 'failed' | 'dropped';
  onlyIfQuoting: boolean;
  revision: bigint;
  threadId: string | null;
  askedAt: Date;
  inboxIds: string[];
  historical: boolean;
  traceparent: string | null;
}

export type FailReason = 'gone' | 'unreadable' | 'not_quoting' | 'forgotten';

export interface Captured {
  inboxId: string;
  text: MailText;
  parts: NewPart[];
  event: MessageInitShape<typeof MailCapturedSchema>;
}

/** A higher revision asks anew; the same one only adds a place to look at, which opens again what was not found. */
const ask = `
insert into capture as c (tenant_id, mail_id, state, only_if_quoting, revision, thread_id, asked_at, due_at, partitions, inbox_ids, historical, traceparent)
select w.tenant_id, w.mail_id, 'wanted', w.only_if_quoting, w.revision, nullif(w.thread_id, '')::uuid, $1::timestamptz, $1::timestamptz,
  string_to_array(w.partitions, ',')::int[], string_to_array(w.inbox_ids, ',')::uuid[], w.historical, w.traceparent
from unnest($2::uuid[], $3::uuid[], $4::bool[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::bool[], $10::text[])
  as w (tenant_id, mail_id, only_if_quoting, revision, thread_id, partitions, inbox_ids, historical, traceparent)
where not exists (select 1 from tombstone t where t.tenant_id = w.tenant_id and t.mail_id = w.mail_id)
on conflict (tenant_id, mail_id) do update set
  state = case when excluded.revision > c.revision or (c.state = 'failed' and not excluded.inbox_ids <@ c.inbox_ids) then 'wanted' else c.state end,
  asked_at = case when excluded.revision > c.revision or (c.state = 'failed' and not excluded.inbox_ids <@ c.inbox_ids) then excluded.asked_at else c.asked_at end,
  due_at = case when excluded.revision > c.revision or c.state = 'wanted' or (c.state = 'failed' and not excluded.inbox_ids <@ c.inbox_ids)
    then excluded.due_at else c.due_at end,
  only_if_quoting = case when excluded.revision > c.revision then excluded.only_if_quoting else c.only_if_quoting end,
  thread_id = case when excluded.revision > c.revision then excluded.thread_id else c.thread_id end, breaks = case when excluded.revision > c.revision then 0 else c.breaks end,
  historical = c.historical and excluded.historical, traceparent = coalesce(excluded.traceparent, c.traceparent), revision = excluded.revision,
  partitions = array(select distinct p from unnest(c.partitions || excluded.partitions) p),
  inbox_ids = array(select distinct i from unnest(c.inbox_ids || excluded.inbox_ids) i)
where excluded.revision >= c.revision`;

const forgotten = `select t.tenant_id as "tenantId", t.mail_id as "mailId" from tombstone t join unnest($1::uuid[], $2::uuid[]) as w (tenant_id, mail_id)
  on t.tenant_id = w.tenant_id and t.mail_id = w.mail_id`;

const drop = `
insert into capture as c (tenant_id, mail_id, state, revision, asked_at, partitions, inbox_ids)
values ($1::uuid, $2::uuid, 'dropped', $3::bigint, $4::timestamptz, array[$5::int], array[$6::uuid])
on conflict (tenant_id, mail_id) do update set state = 'dropped', revision = excluded.revision, due_at = null where c.revision <= excluded.revision
returning (select b.state from capture b where b.tenant_id = c.tenant_id and b.mail_id = c.mail_id) as was`;

const columns = `tenant_id as "tenantId", mail_id as "mailId", state, only_if_quoting as "onlyIfQuoting", revision, thread_id as "threadId", asked_at as "askedAt",
  inbox_ids as "inboxIds", historical, traceparent`;

@Injectable()
export class CaptureStore {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly bodies: BodyStore,
    private readonly owner: Owner,
    private readonly parts: PartStore,
    private readonly intakes: IntakeStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Saves what is asked for. Answers tenant/mail of those that were forgotten: of them it is said that they will not be read. */
  async ask(tx: SqlTransaction, wishes: CaptureWish[]): Promise<Set<string>> {
    const merged = merge(wishes);
    const of = <T>(pick: (one: CaptureWish & { inboxIds: string[] }) => T) => merged.map(pick);
    const [tenantIds, mailIds] = [of(({ tenantId }) => tenantId), of(({ mailId }) => mailId)];
    const asked = tx.$executeRawUnsafe(
      ask,
      this.clock.now(),
      tenantIds,
      mailIds,
      of(({ onlyIfQuoting }) => onlyIfQuoting),
      of(({ revision }) => revision),
      of(({ threadId }) => threadId),
      of(({ inboxIds }) => inboxIds.map(partitionOfInbox).join(',')),
      of(({ inboxIds }) => inboxIds.join(',')),
      of(({ historical }) => historical),
      of(({ traceparent }) => traceparent ?? null),
    );
    const [rows] = await Promise.all([tx.$queryRawUnsafe<{ tenantId: string; mailId: string }[]>(forgotten, tenantIds, mailIds), asked]);
    const refused = new Set(rows.map(({ tenantId, mailId }) => `${tenantId}/${mailId}`));
    const failed = merged.filter(({ tenantId, mailId }) => refused.has(`${tenantId}/${mailId}`));
    await this.outbox.add(
      tx,
      failed.map((wish) => captureFailed(wish, wish.inboxId, 'forgotten')),
    );
    return refused;
  }

  /**
   * Drops the text and what was still to be fetched, and refuses older commands from here on. What came to the logging address may lie in no mailbox: once it
   * was read it is kept until the timeline, which withdraws it, has it forgotten; till then the withdrawal can be undone.
   */
  async drop(
    tx: SqlTransaction,
    { tenantId, mailId, inboxId, revision }: { tenantId: string; mailId: string; inboxId: string; revision: bigint },
  ): Promise<void> {
    const values = [tenantId, mailId, revision, this.clock.now(), partitionOfInbox(inboxId), inboxId];
    const [dropped] = await tx.$queryRawUnsafe<{ was: Capture['state'] | null }[]>(drop, ...values);
    if (!dropped) return;
    await this.#dropText(tx, tenantId, [mailId]);
    if (dropped.was !== 'captured' && dropped.was !== 'dropped') await this.intakes.forget(tx, tenantId, [mailId]);
  }

  /** Forgets mails for good: whatever comes later for them is refused. */
  async forget(tx: SqlTransaction, tenantId: string, mailIds: string[]): Promise<void> {
    const now = this.clock.now();
    await tx.$executeRawUnsafe(
      `insert into tombstone (tenant_id, mail_id, forgotten_at) select $1::uuid, m, $3::timestamptz from unnest($2::uuid[]) m on conflict do nothing`,
      tenantId,
      mailIds,
      now,
    );
    await tx.$executeRawUnsafe(
      `update capture set state = 'dropped', due_at = null where tenant_id = $1::uuid and mail_id = any ($2::uuid[])`,
      tenantId,
      mailIds,
    );
    await tx.$executeRawUnsafe(
      `update mail_header set sealed = ''::bytea where tenant_id = $1::uuid and mail_id = any ($2::uuid[])`,
      tenantId,
      mailIds,
    );
    await this.#dropText(tx, tenantId, mailIds);
    await this.intakes.forget(tx, tenantId, mailIds);
  }

  async find(tx: SqlTransaction, tenantId: string, mailId: string): Promise<Capture | undefined> {
    const sql = `select ${columns} from capture where tenant_id = $1::uuid and mail_id = $2::uuid`;
    const [row] = await tx.$queryRawUnsafe<Capture[]>(sql, tenantId, mailId);
    return row && { ...row, revision: BigInt(row.revision) };
  }

  /** Text, attachments to come and the event, at once. False if the command was overtaken meanwhile. */
  async captured(capture: Capture, { inboxId, text, parts, event: message }: Captured): Promise<boolean> {
    const { tenantId, mailId } = capture;
    const now = this.clock.now();
    const day = dayOf(now);
    const sealed = await this.bodies.seal(tenantId, mailId, text, day);
    const rows = await this.parts.seal(tenantId, parts, day);
    return this.database.write({ tenants: [tenantId] }, async (tx) => {
      if (!(await this.#settle(tx, capture, inboxId, 'captured'))) return false;
      const said = event({
        topic: 'rejoinder.sync.v1',
        key: inboxId,
        tenantId,
        schema: MailCapturedSchema,
        message,
        sequence: capture.revision,
        historical: capture.historical,
        traceparent: capture.traceparent ?? undefined,
      });
      await Promise.all([
        this.bodies.put(tx, tenantId, mailId, sealed, now),
        this.parts.add(tx, capture, rows, now),
        this.outbox.add(tx, [said]),
      ]);
      return true;
    });
  }

  async failed(capture: Capture, inboxId: string, reason: FailReason): Promise<void> {
    await this.database.write({ tenants: [capture.tenantId] }, async (tx) => {
      if (!(await this.#settle(tx, capture, undefined, 'failed'))) return;
      await this.outbox.add(tx, [captureFailed(capture, inboxId, reason)]);
    });
  }

  /** The session has ended over it; answers how often by now. */
  async broke({ tenantId, mailId }: Capture): Promise<number> {
    const sql = `update capture set breaks = breaks + 1 where tenant_id = $1::uuid and mail_id = $2::uuid returning breaks`;
    const rows = await this.database.write({ tenants: [tenantId] }, (tx) =>
      tx.$queryRawUnsafe<{ breaks: number }[]>(sql, tenantId, mailId),
    );
    return rows[0]?.breaks ?? 0;
  }

  async #settle(
    tx: SqlTransaction,
    { tenantId, mailId, revision }: Capture,
    inboxId: string | undefined,
    state: 'captured' | 'failed',
  ): Promise<boolean> {
    const sql = `update capture set state = $4 where tenant_id = $1::uuid and mail_id = $2::uuid and revision = $3::bigint and state = 'wanted'`;
    const [, settled] = await Promise.all([
      inboxId === undefined ? undefined : this.owner.fence(tx, partitionOfInbox(inboxId)),
      tx.$executeRawUnsafe(sql, tenantId, mailId, revision, state),
    ]);
    return settled > 0;
  }

  async #dropText(tx: SqlTransaction, tenantId: string, mailIds: string[]): Promise<void> {
    await this.bodies.forget(tx, tenantId, mailIds);
    await tx.$executeRawUnsafe(`delete from part where tenant_id = $1::uuid and mail_id = any ($2::uuid[])`, tenantId, mailIds);
  }
}

/** One wish for each mail: the highest revision, with all places that were named for it. */
function merge(wishes: CaptureWish[]): (CaptureWish & { inboxIds: string[] })[] {
  const byMail = new Map<string, CaptureWish & { inboxIds: string[] }>();
  for (const wish of wishes) {
    const key = `${wish.tenantId}/${wish.mailId}`;
    const other = byMail.get(key);
    const inboxIds = [...new Set([...(other?.inboxIds ?? []), wish.inboxId])];
    byMail.set(key, { ...(other && other.revision > wish.revision ? other : wish), inboxIds });
  }
  return [...byMail.values()];
}

function captureFailed(
  {
    tenantId,
    mailId,
    revision,
    historical,
    traceparent,
  }: Pick<Capture, 'tenantId' | 'mailId' | 'revision' | 'historical'> & { traceparent?: string | null },
  inboxId: string,
  reason: FailReason,
) {
  return event({
    topic: 'rejoinder.sync.v1',
    key: inboxId,
    tenantId,
    schema: CaptureFailedSchema,
    message: { inboxId, mailId, revision, reason },
    sequence: revision,
    historical,
    traceparent: traceparent ?? undefined,
  });
}
