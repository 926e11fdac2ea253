// Deliveries as a tenant sees them: page by page, and asked for once more.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Tx } from '../people/tenant-store.js';
import type { Settled } from './delivery-store.js';
import { maxWaiting, type WebhookState } from './webhook.js';
import type { WebhookKey } from './webhook-store.js';

export interface Delivery {
  eventId: string;
  type: string;
  state: Settled['state'];
  reason: string;
  status: number | null;
  tries: number;
  madeAt: Date;
  triedAt: Date | null;
  tryAt: Date;
  /** Where it stands in the feed. */
  seq: number;
}

interface Raw extends Omit<Delivery, 'seq'> {
  seq: bigint;
}

const columns = `event_id::text as "eventId", type, state, reason, status, tries, made_at as "madeAt", tried_at as "triedAt", try_at as "tryAt", seq`;
const ofWebhook = 'tenant_id = $1::uuid and webhook_id = $2::uuid';

/** Newest first, in one state or all. */
const pageSql = `
select ${columns} from webhook_delivery where ${ofWebhook} and seq < $3::bigint and ($4::text = '' or state = $4::text) order by seq desc limit $5::int`;

const waitingSql = `
select count(*)::int as waiting from (select 1 from webhook_delivery where ${ofWebhook} and state = 'waiting' limit $3::int) d`;

const lockSql = `select state, events from webhook where ${ofWebhook} for update`;

const anew = `state = 'waiting', asked_at = $3::timestamptz, try_at = $3::timestamptz, tries = 0, status = null, reason = ''`;

const oneSql = `update webhook_delivery set ${anew} where ${ofWebhook} and event_id = $4::uuid returning ${columns}`;

const givenUpSql = `
update webhook_delivery d set ${anew} from (select event_id from webhook_delivery
  where ${ofWebhook} and state = 'given_up' and made_at >= $4::timestamptz order by seq limit $5::int) g
where d.tenant_id = $1::uuid and d.webhook_id = $2::uuid and d.event_id = g.event_id`;

/** What was never told it: left out while it was full or off, or older than the webhook itself. */
const untoldSql = `
insert into webhook_delivery (tenant_id, webhook_id, event_id, made_at, seq, type, historical, state, asked_at, try_at)
select f.tenant_id, $2::uuid, f.event_id, $3::timestamptz, f.seq, f.type, false, 'waiting', $3, $3
from feed f where f.tenant_id = $1::uuid and f.came_at >= $4::timestamptz and (cardinality($6::text[]) = 0 or f.type = any ($6::text[]))
  and not exists (select 1 from webhook_delivery d where d.tenant_id = $1::uuid and d.webhook_id = $2::uuid and d.event_id = f.event_id)
order by f.seq limit $5::int`;

const goOnSql = `
update webhook set wait_until = null, due_at = case when state = 'on' then $3::timestamptz end,
  left_out_since = case when $4::boolean then null else left_out_since end
where ${ofWebhook}`;

@Injectable()
export class ReplayStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  page({ tenantId, webhookId }: WebhookKey, before: number, state: string, limit: number): Promise<Delivery[]> {
    return this.database.read({ tenant: tenantId }, async (tx) =>
      (await tx.$queryRawUnsafe<Raw[]>(pageSql, tenantId, webhookId, before, state, limit)).map(toDelivery),
    );
  }

  /** How many wait for it, counted up to the limit. */
  waiting(key: WebhookKey, limit: number): Promise<number> {
    return this.database.read({ tenant: key.tenantId }, (tx) => waitingIn(tx, key, limit));
  }

  /** Whatever became of it, it is told once more, under the same id. */
  one({ tenantId, webhookId }: WebhookKey, eventId: string): Promise<Delivery> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      await lock(tx, { tenantId, webhookId });
      const now = this.clock.now();
      const [row] = await tx.$queryRawUnsafe<Raw[]>(oneSql, tenantId, webhookId, now, eventId);
      if (!row) throw faultOf('WEBHOOK_DELIVERY_NOT_FOUND');
      const kept = await tx.$queryRawUnsafe<unknown[]>(
        'select 1 from feed where event_id = $1::uuid and tenant_id = $2::uuid',
        eventId,
        tenantId,
      );
      if (kept.length === 0) throw faultOf('WEBHOOK_EVENT_GONE');
      await tx.$executeRawUnsafe(goOnSql, tenantId, webhookId, now, false);
      return toDelivery(row);
    });
  }

  /** All events since then that it has not taken, as far as they are kept and there is room. Answers how many. */
  since({ tenantId, webhookId }: WebhookKey, since: Date): Promise<number> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      const events = await lock(tx, { tenantId, webhookId });
      const now = this.clock.now();
      const room = maxWaiting - (await waitingIn(tx, { tenantId, webhookId }, maxWaiting));
      const givenUp = await tx.$executeRawUnsafe(givenUpSql, tenantId, webhookId, now, since, room);
      const untold = await tx.$executeRawUnsafe(untoldSql, tenantId, webhookId, now, since, room - givenUp, events);
      await tx.$executeRawUnsafe(goOnSql, tenantId, webhookId, now, givenUp + untold < room);
      return givenUp + untold;
    });
  }
}

/** Held until the end; answers which events it is told. */
async function lock(tx: Tx, { tenantId, webhookId }: WebhookKey): Promise<string[]> {
  const [row] = await tx.$queryRawUnsafe<{ state: WebhookState; events: string[] }[]>(lockSql, tenantId, webhookId);
  if (!row) throw faultOf('WEBHOOK_NOT_FOUND');
  if (row.state === 'off') throw faultOf('WEBHOOK_OFF');
  return row.events;
}

async function waitingIn(tx: Tx, { tenantId, webhookId }: WebhookKey, limit: number): Promise<number> {
  const [row] = await tx.$queryRawUnsafe<{ waiting: number }[]>(waitingSql, tenantId, webhookId, limit);
  return row!.waiting;
}

const toDelivery = ({ seq, ...row }: Raw): Delivery => ({ ...row, seq: Number(seq) });
