// Webhooks as rows, as a tenant makes, changes and removes them.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Bytes } from '@rejoinder/vault/vault';
import type { Webhook } from '../generated/client.js';
import type { Tx } from '../people/tenant-store.js';
import { bothSignMs, maxWebhooks, type WebhookState } from './webhook.js';

export type WebhookRow = Webhook;

export interface WebhookKey {
  tenantId: string;
  webhookId: string;
}

export interface NewWebhook extends WebhookKey {
  url: string;
  events: string[];
  sealedSecret: Bytes;
}

export interface WebhookChange {
  url?: string;
  events?: string[];
  state?: WebhookState;
}

/** It begins anew: at once, and with a clean slate. */
const fresh = { failures: 0, waitUntil: null, failingSince: null, reason: '' };

@Injectable()
export class WebhookStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Oldest first. */
  list(tenantId: string): Promise<WebhookRow[]> {
    const orderBy = [{ madeAt: 'asc' }, { webhookId: 'asc' }] as const;
    return this.database.read({ tenant: tenantId }, (tx) => tx.webhook.findMany({ where: { tenantId }, orderBy: [...orderBy] }));
  }

  async get(key: WebhookKey): Promise<WebhookRow> {
    const row = await this.database.read({ tenant: key.tenantId }, (tx) => tx.webhook.findFirst({ where: ofKey(key) }));
    if (!row) throw faultOf('WEBHOOK_NOT_FOUND');
    return row;
  }

  add(webhook: NewWebhook): Promise<WebhookRow> {
    return this.database.write({ tenant: webhook.tenantId }, async (tx) => {
      // Two at once might else both be the last that there is room for.
      await tx.$queryRawUnsafe('select 1 from tenant where tenant_id = $1::uuid for update', webhook.tenantId);
      if ((await tx.webhook.count({ where: { tenantId: webhook.tenantId } })) >= maxWebhooks) throw faultOf('WEBHOOKS_MANY');
      return tx.webhook.create({ data: { ...webhook, state: 'on', secretVersion: 1, madeAt: this.clock.now() } });
    });
  }

  change(key: WebhookKey, change: WebhookChange): Promise<WebhookRow> {
    return this.database.write({ tenant: key.tenantId }, async (tx) => {
      const row = await tx.webhook.findFirst({ where: ofKey(key) });
      if (!row) throw faultOf('WEBHOOK_NOT_FOUND');
      const { tenantId, webhookId } = row;
      return tx.webhook.update({ where: { tenantId_webhookId: { tenantId, webhookId } }, data: changeOf(row, change, this.clock.now()) });
    });
  }

  /** What was found to be well is left alone no longer. */
  async answered(key: WebhookKey): Promise<void> {
    const data = { failures: 0, waitUntil: null, dueAt: this.clock.now() };
    await this.database.write({ tenant: key.tenantId }, (tx) => tx.webhook.updateMany({ where: { ...ofKey(key), state: 'on' }, data }));
  }

  /** The new secret and the one before both sign until the time that is answered; refused where somebody else has made one meanwhile. */
  async rotate(row: WebhookRow, sealedSecret: Bytes): Promise<Date> {
    const { tenantId, webhookId, secretVersion, sealedSecret: sealedSecretBefore } = row;
    const secretBeforeUntil = new Date(this.clock.now().getTime() + bothSignMs);
    const data = { sealedSecret, secretVersion: secretVersion + 1, sealedSecretBefore, secretBeforeUntil };
    const { count } = await this.database.write({ tenant: tenantId }, (tx) =>
      tx.webhook.updateMany({ where: { tenantId, webhookId, secretVersion }, data }),
    );
    if (count === 0) throw faultOf('WEBHOOK_CHANGED');
    return secretBeforeUntil;
  }

  /** What was told it lies in deliveries until its day is dropped, which nobody sees any more. */
  async remove(key: WebhookKey): Promise<void> {
    await this.database.write({ tenant: key.tenantId }, (tx) => tx.webhook.deleteMany({ where: ofKey(key) }));
  }
}

/** With another address, or switched on, it begins anew, with what waits; one that is off stays off until it is switched on. */
function changeOf(row: WebhookRow, { url, events, state }: WebhookChange, now: Date): Partial<WebhookRow> {
  const isOn = (state ?? row.state) === 'on';
  const anew = isOn && (state === 'on' || (url !== undefined && url !== row.url));
  const data = { url, events, state, ...(state ? { reason: '' } : {}) };
  return anew ? { ...data, ...fresh, dueAt: now } : data;
}

/** Of a whole row, too. */
const ofKey = ({ tenantId, webhookId }: WebhookKey): WebhookKey => ({ tenantId, webhookId });
