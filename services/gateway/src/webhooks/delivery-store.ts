// Deliveries as rows: made with the feed, found when they are due, settled round by round.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { FeedRow } from '../feed/feed-store.js';
import type { Tx } from '../people/tenant-store.js';
import type { WebhookKey, WebhookRow } from './webhook-store.js';
import { maxWaiting, wants } from './webhook.js';

/** A webhook that is told events, as whoever adds to the feed needs to know it. */
export interface Listening extends WebhookKey {
  events: string[];
  /** There is no room for more to wait. */
  isFull: boolean;
}

/** An event that a webhook is to be told. */
export interface Due {
  eventId: string;
  type: string;
  tries: number;
  askedAt: Date;
  /** Undefined where the feed has it no longer. */
  facts?: FeedRow['facts'];
}

/** What became of one event in a round. */
export interface Settled {
  eventId: string;
  /** As it was when it was told. */
  askedAt: Date;
  state: 'waiting' | 'taken' | 'given_up';
  tryAt: Date;
  /** False where it was not even tried. */
  isTried: boolean;
  status: number | null;
  reason: string;
}

/** What became of the webhook in it. */
export interface Standing {
  failures: number;
  waitUntil: Date | null;
  failingSince: Date | null;
  /** Why nothing was taken, or why it is switched off. */
  reason: string;
  isOff: boolean;
}

const listeningSql = `
select h.tenant_id::text as "tenantId", h.webhook_id::text as "webhookId", h.events, exists (select 1 from webhook_delivery d
  where d.tenant_id = h.tenant_id and d.webhook_id = h.webhook_id and d.state = 'waiting' offset ${maxWaiting - 1}) as "isFull"
from webhook h where h.tenant_id = any ($1::uuid[]) and h.state <> 'off'`;

/**
 * A webhook that waits is not woken before its time. One that is worked on is asked for again, whatever its lease says by now: the worker may have looked
 * already, and would else settle it as done. So is one that is paused, since somebody may be switching it on at this moment: the worker sees which it is.
 */
const addSql = `
with made as (
  insert into webhook_delivery (tenant_id, webhook_id, event_id, made_at, seq, type, historical, state, asked_at, try_at)
  select d.tenant_id, d.webhook_id, d.event_id, $1::timestamptz, d.seq, d.type, d.historical, 'waiting', $1, $1
  from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::boolean[])
    as d (tenant_id, webhook_id, event_id, seq, type, historical)
)
update webhook h set due_at = greatest($1::timestamptz, h.wait_until)
where (h.tenant_id, h.webhook_id) in (select * from unnest($2::uuid[], $3::uuid[]))
  and (h.due_at is null or h.lease_token is not null or h.due_at > greatest($1::timestamptz, h.wait_until))`;

const leaveOutSql = `
update webhook set left_out_since = $1::timestamptz
where (tenant_id, webhook_id) in (select * from unnest($2::uuid[], $3::uuid[])) and left_out_since is null`;

/** Who listens among these tenants. Asked before the feed is locked: to count what waits takes its time. */
export function listening(tx: Tx, tenants: string[]): Promise<Listening[]> {
  return tx.$queryRawUnsafe<Listening[]>(listeningSql, [...new Set(tenants)]);
}

/** One row for each webhook and event that is new in the feed. Answers how many were left out, for want of room. */
export async function addDeliveries(
  tx: Tx,
  now: Date,
  all: Listening[],
  added: FeedRow[],
  historical: ReadonlySet<string>,
): Promise<number> {
  const pairs = all.flatMap((webhook) =>
    added.filter(({ tenantId, type }) => tenantId === webhook.tenantId && wants(webhook.events, type)).map((row) => ({ webhook, row })),
  );
  const kept = pairs.filter(({ webhook }) => !webhook.isFull);
  const leftOut = pairs.filter(({ webhook }) => webhook.isFull);
  const columns = (of: typeof pairs) => [of.map(({ webhook }) => webhook.tenantId), of.map(({ webhook }) => webhook.webhookId)];
  if (kept.length > 0) {
    const rows = kept.map(({ row }) => row);
    const more = [rows.map(({ eventId }) => eventId), rows.map(({ seq }) => seq), rows.map(({ type }) => type)];
    await tx.$executeRawUnsafe(
      addSql,
      now,
      ...columns(kept),
      ...more,
      rows.map(({ eventId }) => historical.has(eventId)),
    );
  }
  if (leftOut.length > 0) await tx.$executeRawUnsafe(leaveOutSql, now, ...columns(leftOut));
  return leftOut.length;
}

/** One of both: fresh before historical. Two look-ups, so that what waits until later is never walked through. */
const dueOf = (historical: boolean) => `
(select event_id, type, tries, asked_at, historical, try_at, seq from webhook_delivery
where tenant_id = $1::uuid and webhook_id = $2::uuid and state = 'waiting' and historical = ${historical} and try_at <= $3::timestamptz
order by try_at, seq limit $4::int)`;

const dueSql = `
select d.event_id::text as "eventId", d.type, d.tries, d.asked_at as "askedAt", f.facts
from (${dueOf(false)} union all ${dueOf(true)} order by historical, try_at, seq limit $4::int) d
left join feed f on f.event_id = d.event_id order by d.historical, d.try_at, d.seq`;

const nextOf = (historical: boolean) => `
(select min(try_at) from webhook_delivery
where tenant_id = $1::uuid and webhook_id = $2::uuid and state = 'waiting' and historical = ${historical})`;

/** What a person has changed meanwhile stands: another address has a clean slate, and who is paused is not switched off. */
const standSql = `
update webhook set failures = $4::int, wait_until = $5::timestamptz, failing_since = $6::timestamptz,
  reason = case when state = 'on' then $7::text else reason end,
  state = case when state = 'on' and $8::boolean then 'off' else state end
where tenant_id = $1::uuid and webhook_id = $2::uuid and url = $3::text`;

/** One that was asked for once more while it was being told stays asked for: what came of it was before that. */
const settleSql = `
update webhook_delivery d set state = s.state, try_at = s.try_at, status = s.status, reason = s.reason,
  tries = d.tries + s.tried::int, tried_at = case when s.tried then $3::timestamptz else d.tried_at end
from unnest($4::uuid[], $5::text[], $6::timestamptz[], $7::boolean[], $8::int[], $9::text[], $10::timestamptz[]) as s (event_id, state, try_at, tried, status, reason, asked_at)
where d.tenant_id = $1::uuid and d.webhook_id = $2::uuid and d.event_id = s.event_id and d.state = 'waiting'
  and d.asked_at = s.asked_at`;

@Injectable()
export class DeliveryStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The webhook as it is now, and what it is to be told now, with the feed's own words; undefined where it is gone. */
  look({ tenantId, webhookId }: WebhookKey, limit: number): Promise<{ row: WebhookRow; due: Due[] } | undefined> {
    return this.database.read({ tenants: [tenantId] }, async (tx) => {
      const found = tx.$queryRawUnsafe<(Due & { facts: Due['facts'] | null })[]>(dueSql, tenantId, webhookId, this.clock.now(), limit);
      const [row, due] = await Promise.all([tx.webhook.findFirst({ where: { tenantId, webhookId } }), found]);
      return row ? { row, due: due.map((one) => ({ ...one, facts: one.facts ?? undefined })) } : undefined;
    });
  }

  /** When the next is to be told. */
  async nextAt({ tenantId, webhookId }: WebhookKey): Promise<Date | undefined> {
    const sql = `select least(${nextOf(false)}, ${nextOf(true)}) as at`;
    const read = this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<{ at: Date | null }[]>(sql, tenantId, webhookId));
    return (await read)[0]?.at ?? undefined;
  }

  /** One round. The webhook's row first, as whoever replays does. */
  async settle(
    { tenantId, webhookId, url }: WebhookRow,
    settled: Settled[],
    { failures, waitUntil, failingSince, reason, isOff }: Standing,
  ): Promise<void> {
    await this.database.write({ tenants: [tenantId] }, async (tx) => {
      await tx.$executeRawUnsafe(standSql, tenantId, webhookId, url, failures, waitUntil, failingSince, reason, isOff);
      await tx.$executeRawUnsafe(
        settleSql,
        tenantId,
        webhookId,
        this.clock.now(),
        settled.map(({ eventId }) => eventId),
        settled.map(({ state }) => state),
        settled.map(({ tryAt }) => tryAt),
        settled.map(({ isTried }) => isTried),
        settled.map(({ status }) => status),
        settled.map(({ reason }) => reason),
        settled.map(({ askedAt }) => askedAt),
      );
    });
  }
}
