// REST of webhooks: made, changed, tried and removed.
import { Inject } from '@nestjs/common';
import { z } from 'zod';
import type { Clock } from '@rejoinder/base/clock';
import { newId } from '@rejoinder/base/id';
import { catalogue, faultOf, type ErrorCode } from '@rejoinder/contracts/catalogue';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { TenantId } from '../people/caller.js';
import { Visits } from '../reconnect/visits.js';
import { count, ids, optionalTime, reason, reasonText, sentenceOf, text, time } from '../rest/shapes.js';
import { FromBody, FromPath, Route, V1 } from '../web/route.js';
import { Receiver, ReceiverClient } from './receiver-client.js';
import { ReplayStore } from './replay-store.js';
import { SecretBox } from './secret-box.js';
import { judge } from './verdict.js';
import { bodyOf, eventKinds, maxUrl, newSecret } from './webhook.js';
import { WebhookStore, type WebhookRow } from './webhook-store.js';

/** More than so many are told as so many. */
const maxCounted = 1_000;

const url = z
  .string()
  .min(1)
  .max(maxUrl)
  .meta({ description: 'Begins with https://; redirects are not followed', examples: ['https://crm.example.com/hooks/rejoinder'] });
const events = z
  .array(z.enum(eventKinds))
  .max(eventKinds.length)
  .meta({
    description: 'The kinds of events that it is told; all, where the list is empty',
    examples: [['InboxDisconnected', 'InboxReconnected']],
  });
const newBody = z.strictObject({ url, events: events.default([]) });
const changeBody = z.strictObject({
  url: url.optional(),
  events: events.optional(),
  state: z
    .enum(['on', 'paused'])
    .optional()
    .meta({ description: 'paused: what comes waits. on: goes on, with what waits; also after it was switched off', examples: ['paused'] }),
});
export const secret = text('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=').meta({
  description: 'Told now and never again. What is told is signed with it (Standard Webhooks)',
});
const webhookSchema = z
  .object({
    webhook_id: ids.webhook,
    url: text('https://crm.example.com/hooks/rejoinder'),
    events: z.array(text('InboxDisconnected')),
    state: z.enum(['on', 'paused', 'off']).meta({ description: 'off: by itself, for the reason beside it', examples: ['on'] }),
    reason,
    reason_text: reasonText,
    made_at: time,
    failing_since: optionalTime.meta({ description: 'Since when nothing was taken; null where all is well' }),
    next_try_at: optionalTime.meta({ description: 'Until when the receiver is left alone; null where it is not' }),
    left_out_since: optionalTime.meta({
      description: 'Since when events were left out, as 100,000 waited; a replay since then brings them',
    }),
    waiting: count(0).meta({ description: `Events that wait to be told; ${maxCounted} stands for any more, too` }),
  })
  .meta({ id: 'Webhook' });
const madeSchema = webhookSchema.extend({ secret }).meta({ id: 'NewWebhook' });
const listSchema = z.object({
  webhooks: z.array(webhookSchema),
  event_kinds: z.array(text('InboxDisconnected')).meta({ description: 'All that there are' }),
});
const rotatedSchema = z.object({ secret, old_secret_signs_until: time });
const testedSchema = z.object({
  taken: z.boolean().meta({ examples: [true] }),
  status: z
    .int()
    .nullable()
    .meta({ description: 'Of its answer; null where there was none', examples: [204] }),
  reason,
  reason_text: reasonText,
  took_ms: count(84),
});

export type WebhookAnswer = z.infer<typeof webhookSchema>;

export const told = (code: ErrorCode) => ({ code, detail: catalogue[code].sentence });
const unusable = { 400: [told('WEBHOOK_URL'), told('WEBHOOK_PORT'), told('WEBHOOK_BLOCKED')] };
export const missing = { 404: [told('WEBHOOK_NOT_FOUND')] };

@V1('webhooks')
export class WebhooksApi {
  readonly #tests = new Visits();

  constructor(
    private readonly store: WebhookStore,
    private readonly deliveries: ReplayStore,
    private readonly secrets: SecretBox,
    private readonly client: ReceiverClient,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Route({ method: 'GET', says: 'All webhooks, and the kinds of events', result: 'The webhooks, oldest first', answers: listSchema })
  async list(@TenantId() tenantId: string): Promise<z.infer<typeof listSchema>> {
    const rows = await this.store.list(tenantId);
    return { webhooks: await Promise.all(rows.map((row) => this.#told(row))), event_kinds: eventKinds };
  }

  @Route({
    method: 'POST',
    says: 'Makes a webhook: each event from now on is told there by POST, signed, until it is taken with a 2xx; for three days at most',
    result: 'The webhook with its secret, which is told this once',
    status: 201,
    answers: madeSchema,
    refuses: { ...unusable, 409: [told('WEBHOOKS_MANY')] },
  })
  async add(@TenantId() tenantId: string, @FromBody(newBody) body: z.infer<typeof newBody>): Promise<z.infer<typeof madeSchema>> {
    await this.client.check(body.url);
    const key = { tenantId, webhookId: newId() };
    const secret = newSecret();
    const sealedSecret = await this.secrets.seal(key, 1, secret);
    const row = await this.store.add({ ...key, ...body, sealedSecret });
    return { ...(await this.#told(row)), secret: secret.reveal() };
  }

  @Route({ method: 'GET', path: ':webhook_id', says: 'One webhook', result: 'The webhook', answers: webhookSchema, refuses: missing })
  async get(@TenantId() tenantId: string, @FromPath('webhook_id', ids.webhook) webhookId: string): Promise<WebhookAnswer> {
    return this.#told(await this.store.get({ tenantId, webhookId }));
  }

  @Route({
    method: 'PATCH',
    path: ':webhook_id',
    says: 'Changes its address or its events, pauses it, or switches it on',
    result: 'The webhook as it is now; with another address, or switched on, it begins anew with what waits',
    answers: webhookSchema,
    refuses: { ...unusable, ...missing },
  })
  async change(
    @TenantId() tenantId: string,
    @FromPath('webhook_id', ids.webhook) webhookId: string,
    @FromBody(changeBody) body: z.infer<typeof changeBody>,
  ): Promise<WebhookAnswer> {
    if (body.url !== undefined) await this.client.check(body.url);
    return this.#told(await this.store.change({ tenantId, webhookId }, body));
  }

  @Route({
    method: 'DELETE',
    path: ':webhook_id',
    says: 'Removes it',
    result: 'It is gone and told nothing more, also where it was gone before',
    status: 204,
    answers: 'nothing',
  })
  async remove(@TenantId() tenantId: string, @FromPath('webhook_id', ids.webhook) webhookId: string): Promise<void> {
    await this.store.remove({ tenantId, webhookId });
  }

  @Route({
    method: 'POST',
    path: ':webhook_id/rotate-secret',
    says: 'Makes a new secret; for a day the one before signs as well, so that the receiver can be given the new one meanwhile',
    result: 'The new secret, which is told this once',
    answers: rotatedSchema,
    refuses: { ...missing, 409: [told('WEBHOOK_CHANGED')] },
  })
  async rotate(
    @TenantId() tenantId: string,
    @FromPath('webhook_id', ids.webhook) webhookId: string,
  ): Promise<z.infer<typeof rotatedSchema>> {
    const row = await this.store.get({ tenantId, webhookId });
    const secret = newSecret();
    const until = await this.store.rotate(row, await this.secrets.seal(row, row.secretVersion + 1, secret));
    return { secret: secret.reveal(), old_secret_signs_until: until.toISOString() };
  }

  @Route({
    method: 'POST',
    path: ':webhook_id/test',
    says: 'Tells the receiver an event of the kind Test, now and once, also while it is paused or off',
    result: 'What came of it',
    answers: testedSchema,
    refuses: { ...missing, 429: [{ ...told('WEBHOOK_TESTS'), retry_after_ms: 60_000 }] },
  })
  async test(@TenantId() tenantId: string, @FromPath('webhook_id', ids.webhook) webhookId: string): Promise<z.infer<typeof testedSchema>> {
    const row = await this.store.get({ tenantId, webhookId });
    const at = this.clock.now();
    if (!this.#tests.allows(tenantId, at)) throw faultOf('WEBHOOK_TESTS', 60_000);
    const began = performance.now();
    const { kind, status, reason } = judge(await this.#tell(row, at), at);
    const taken = kind === 'taken';
    if (taken) await this.store.answered(row);
    return { taken, status, reason, reason_text: sentenceOf(reason), took_ms: Math.round(performance.now() - began) };
  }

  async #tell(row: WebhookRow, at: Date) {
    const receiver = await this.client.open(row.url);
    if (!(receiver instanceof Receiver)) return receiver;
    try {
      const body = bodyOf('Test', { time: at.toISOString(), webhook_id: row.webhookId });
      return await receiver.tell({ id: newId(), at, body }, await this.secrets.open(row, at));
    } finally {
      receiver.close();
    }
  }

  async #told(row: WebhookRow): Promise<WebhookAnswer> {
    const { webhookId, url, events, state, madeAt, failingSince, waitUntil, leftOutSince } = row;
    return {
      ...{ webhook_id: webhookId, url, events, state: state as WebhookAnswer['state'] },
      ...{ reason: row.reason, reason_text: sentenceOf(row.reason), made_at: madeAt.toISOString() },
      failing_since: failingSince?.toISOString() ?? null,
      next_try_at: state === 'on' && waitUntil && waitUntil > this.clock.now() ? waitUntil.toISOString() : null,
      left_out_since: leftOutSince?.toISOString() ?? null,
      waiting: await this.deliveries.waiting(row, maxCounted),
    };
  }
}
