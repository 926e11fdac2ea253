// REST of what a webhook was told: what became of each event, and telling it again.
import { z } from 'zod';
import { TenantId } from '../people/caller.js';
import { count, ids, nextCursor, optionalTime, pageOf, reason, reasonText, sentenceOf, text, time, toCursor } from '../rest/shapes.js';
import { FromBody, FromPath, FromQuery, Route, V1 } from '../web/route.js';
import { ReplayStore, type Delivery } from './replay-store.js';
import { missing, told } from './webhooks-api.js';
import { WebhookStore, type WebhookRow } from './webhook-store.js';

const states = ['waiting', 'taken', 'given_up'] as const;

const pageQuery = pageOf(200).extend({
  cursor: z
    .string()
    .regex(/^\d{0,15}$/, 'must be next_cursor of the page before')
    .default('')
    .meta({ description: 'next_cursor of the page before; left out, the first page' }),
  state: z
    .enum(states)
    .optional()
    .meta({ description: 'Only those in this state', examples: ['given_up'] }),
});
const deliverySchema = z
  .object({
    event_id: ids.event.meta({ description: 'What the receiver sees as webhook-id' }),
    type: text('InboxDisconnected'),
    state: z.enum(states).meta({ examples: ['waiting'] }),
    reason,
    reason_text: reasonText,
    status: z
      .int()
      .nullable()
      .meta({ description: 'Of the last answer; null where there was none', examples: [503] }),
    tries: count(3),
    made_at: time,
    tried_at: optionalTime,
    next_try_at: optionalTime.meta({ description: 'Null where it is not tried any more, or not while the webhook is paused or off' }),
  })
  .meta({ id: 'WebhookDelivery' });
const pageSchema = z.object({ deliveries: z.array(deliverySchema), next_cursor: nextCursor });
const replayBody = z.strictObject({
  since: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-11-24T09:00:00Z' })
    .meta({ description: 'Events that came before are left alone', examples: ['2026-11-24T09:00:00Z'] }),
});
const replayedSchema = z.object({ replayed: count(12).meta({ description: 'Events that are told again or for the first time' }) });

type DeliveryAnswer = z.infer<typeof deliverySchema>;

@V1('webhooks')
export class DeliveriesApi {
  constructor(
    private readonly store: ReplayStore,
    private readonly webhooks: WebhookStore,
  ) {}

  @Route({
    method: 'GET',
    path: ':webhook_id/deliveries',
    says: 'What became of each event that it was to be told; kept as long as events are, 7 days at most',
    result: 'A page of deliveries, newest first',
    answers: pageSchema,
    refuses: missing,
  })
  async list(
    @TenantId() tenantId: string,
    @FromPath('webhook_id', ids.webhook) webhookId: string,
    @FromQuery(pageQuery) { cursor, limit, state }: z.infer<typeof pageQuery>,
  ): Promise<z.infer<typeof pageSchema>> {
    const webhook = await this.webhooks.get({ tenantId, webhookId });
    const before = cursor === '' ? Number.MAX_SAFE_INTEGER : Number(cursor);
    const found = await this.store.page(webhook, before, state ?? '', limit);
    const next = found.length < limit ? '' : String(found.at(-1)!.seq);
    return { deliveries: found.map((one) => toAnswer(webhook, one)), next_cursor: toCursor(next) };
  }

  @Route({
    method: 'POST',
    path: ':webhook_id/deliveries/:event_id/replay',
    says: 'Tells it this event once more, under the same id, whatever became of it',
    result: 'The delivery, which waits now',
    answers: deliverySchema,
    refuses: { 404: [...missing[404], told('WEBHOOK_DELIVERY_NOT_FOUND')], 409: [told('WEBHOOK_OFF'), told('WEBHOOK_EVENT_GONE')] },
  })
  async replayOne(
    @TenantId() tenantId: string,
    @FromPath('webhook_id', ids.webhook) webhookId: string,
    @FromPath('event_id', ids.event) eventId: string,
  ): Promise<DeliveryAnswer> {
    const delivery = await this.store.one({ tenantId, webhookId }, eventId);
    return toAnswer(await this.webhooks.get({ tenantId, webhookId }), delivery);
  }

  @Route({
    method: 'POST',
    path: ':webhook_id/replay',
    says: 'Tells it all events since a time that it has not taken: given up, left out, or come while it was off. They are kept for 7 days at most',
    result: 'How many, which wait now',
    answers: replayedSchema,
    refuses: { ...missing, 409: [told('WEBHOOK_OFF')] },
  })
  async replay(
    @TenantId() tenantId: string,
    @FromPath('webhook_id', ids.webhook) webhookId: string,
    @FromBody(replayBody) { since }: z.infer<typeof replayBody>,
  ): Promise<z.infer<typeof replayedSchema>> {
    return { replayed: await this.store.since({ tenantId, webhookId }, new Date(since)) };
  }
}

function toAnswer(
  { state: webhookState, waitUntil }: WebhookRow,
  { eventId, type, state, reason, status, tries, ...times }: Delivery,
): DeliveryAnswer {
  const { madeAt, triedAt, tryAt } = times;
  const next = waitUntil && waitUntil > tryAt ? waitUntil : tryAt;
  return {
    ...{ event_id: eventId, type, state, reason, reason_text: sentenceOf(reason), status, tries },
    ...{ made_at: madeAt.toISOString(), tried_at: triedAt?.toISOString() ?? null },
    next_try_at: state === 'waiting' && webhookState === 'on' ? next.toISOString() : null,
  };
}
