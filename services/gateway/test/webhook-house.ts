// A gateway that may tell receivers of the test, and what a tenant does with webhooks there.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import type { OutboundEvent } from '@rejoinder/bus/event';
import { InboxDisconnectedSchema } from '@rejoinder/contracts/events/connections';
import { EngagementLoggedSchema } from '@rejoinder/contracts/events/timeline';
import type { TopicName } from '@rejoinder/contracts/topics';
import { createTestCa, type TestCa } from '@rejoinder/testing/certificates';
import { removeFolder, temporaryFolder } from '@rejoinder/testing/folders';
import { freePorts } from '@rejoinder/testing/ports';
import { startReceiver, type Receiver, type ReceiverOptions } from '@rejoinder/testing/receiver';
import { settle } from '@rejoinder/testing/settle';
import { apiKey, startGateway, type Answer, type Gateway } from './gateway-house.js';

export interface WebhookJson {
  webhook_id: string;
  state: string;
  reason: string;
  reason_text: string;
  failing_since: string | null;
  next_try_at: string | null;
  left_out_since: string | null;
  waiting: number;
  secret: string;
}

export interface DeliveryJson {
  event_id: string;
  type: string;
  state: string;
  reason: string;
  status: number | null;
  tries: number;
  next_try_at: string | null;
}

export interface WebhookHouse {
  gateway: Gateway;
  ca: TestCa;
  clock: { aheadMs: number };
  /** A receiver on the next port that is allowed. */
  receiver(options?: ReceiverOptions): Promise<Receiver>;
  call<T = WebhookJson>(method: string, path: string, body?: unknown, key?: string): Promise<T>;
  ask(method: string, path: string, body?: unknown, key?: string): Promise<Answer>;
  add(url: string, events?: string[], key?: string): Promise<WebhookJson>;
  webhook(id: string): Promise<WebhookJson>;
  deliveries(id: string): Promise<DeliveryJson[]>;
  /** That an inbox was disconnected, of the first tenant or of these at once; answers its id. */
  disconnected(...tenants: string[]): Promise<string>;
  /** Engagements that were logged; answers their ids. */
  logged(count: number, historical?: boolean): Promise<string[]>;
  /** So much later, and everybody looks at the clock. */
  later(ms: number): void;
  stop(): Promise<void>;
}

const topicOf = (type: string): TopicName => (type.startsWith('Inbox') ? 'rejoinder.connections.v1' : 'rejoinder.timeline.v1');

const ports = 40;
export const of = (inboxId: string) => (told: Receiver['told'][number]) => told.event.data.inbox_id === inboxId;

export async function startWebhookHouse(env: Record<string, string> = {}): Promise<WebhookHouse> {
  const folder = await temporaryFolder('webhooks');
  const ca = await createTestCa();
  await writeFile(join(folder, 'ca.pem'), ca.pem);
  const free = await freePorts(ports);
  const clock = { aheadMs: 0, now: () => new Date(Date.now() + clock.aheadMs) };
  const own = {
    REJOINDER_WEBHOOK_CA_FILE: join(folder, 'ca.pem'),
    REJOINDER_WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32',
    REJOINDER_WEBHOOK_ALLOWED_PORTS: free.join(','),
  };
  const gateway = await startGateway({ ...own, ...env }, clock);
  await settle('TenantCreated', async () => (await gateway.house.query('select 1 from gateway.feed')).length);
  const receivers: Receiver[] = [];
  const ask: WebhookHouse['ask'] = (method, path, body, key = apiKey) =>
    gateway.call(method, `/v1/webhooks${path}`, { body, headers: { authorization: `Bearer ${key}` } });
  const call = async <T>(...asking: Parameters<typeof ask>): Promise<T> => {
    const answer = await ask(...asking);
    if (answer.status >= 300) throw new Error(`${asking[0]} ${asking[1]}: ${answer.text}`);
    return answer.json as T;
  };
  const event = (
    schema: DescMessage,
    key: string,
    message: Record<string, unknown>,
    tenantId: string,
    historical = false,
  ): OutboundEvent => ({
    ...{ topic: topicOf(schema.name), type: schema.name, key, tenantId, historical, id: newId(), source: '/test', time: clock.now() },
    ...{ sequence: 1n, value: toBinary(schema, create(schema, message)) },
  });
  const { eventLog } = gateway.house.house;
  return {
    ...{ gateway, ca, clock, ask, call },
    receiver: async (options = {}) => {
      const receiver = await startReceiver(ca, { port: free.shift(), ...options });
      receivers.push(receiver);
      return receiver;
    },
    add: (url, events = [], key = apiKey) => call('POST', '', { url, events }, key),
    webhook: (id) => call('GET', `/${id}`),
    deliveries: async (id) => (await call<{ deliveries: DeliveryJson[] }>('GET', `/${id}/deliveries?limit=200`)).deliveries,
    disconnected: async (...tenants) => {
      const inboxId = newId();
      const of = tenants.length > 0 ? tenants : [gateway.tenantId];
      const message = { inboxId, reason: 'AUTH_REJECTED' };
      await eventLog.publish(of.map((tenantId) => event(InboxDisconnectedSchema, inboxId, message, tenantId)));
      return inboxId;
    },
    logged: async (count, historical = false) => {
      const all = Array.from({ length: count }, newId);
      for (const engagementId of all) {
        await eventLog.publish([event(EngagementLoggedSchema, engagementId, { engagementId }, gateway.tenantId, historical)]);
      }
      return all;
    },
    later: (ms) => {
      clock.aheadMs += ms;
      gateway.house.house.wake.wake('gateway', ['webhook']);
    },
    stop: async () => {
      for (const receiver of receivers) await receiver.stop();
      await gateway.stop();
      await removeFolder(folder);
    },
  };
}
