// REST as its own document says: every route, what it answers, and an example of everything.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { InboxDisconnectedSchema } from '@rejoinder/contracts/events/connections';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { settle } from '@rejoinder/testing/settle';
import { ask, type Gateway } from './gateway-house.js';
import { startPeer, type Peer } from './peers.js';
import {
  contactId,
  engagementId,
  inboxId,
  login,
  mail,
  mailId,
  sendId,
  startRestHouse,
  threadId,
  trackedId,
  type RestHouse,
} from './rest-house.js';

let house: RestHouse;
let gateway: Gateway;
let sync: Peer;
/** Made before the others are tried, which go by its id. */
let webhookId: string;
let eventId: string;

beforeAll(async () => {
  house = await startRestHouse();
  gateway = house.gateway;
  const folder = { path: 'Work', role: 'other', mails: 3n, lookedAt: true, always: false };
  const quarantineId = trackedId;
  const receivedAt = { seconds: 1_700_000_000n };
  sync = await startPeer(gateway.house.house.peerAddress('sync'), SyncService, {
    listProgress: ({ inboxIds }) => ({ inboxes: inboxIds.map((inboxId) => ({ inboxId, progress: { state: 'live' } })) }),
    listFolders: () => ({ folders: [folder, { ...folder, mails: undefined }] }),
    getConnectionLog: () => ({ entries: [{ what: 'ended', reason: 'TIMEOUT' }] }),
    getLoggingAddress: () => ({ address: 'q7c2mfa4xkz5hj3wn6tb@log.example.com' }),
    renewLoggingAddress: () => ({ address: 'w6tbq7c2mfa4xkz5hj3n@log.example.com' }),
    listQuarantine: () => ({
      mails: [{ quarantineId, inboxId, reason: 'not_verified', receivedAt, sizeBytes: 5n, from: 'x', subject: 'y' }],
      nextPageToken: 'more',
    }),
    resync: () => ({}),
    releaseQuarantined: () => ({}),
    discardQuarantined: () => ({}),
  });
  const made = await gateway.call('POST', '/v1/webhooks', { body: { url: 'https://crm.example.com/hook' } });
  webhookId = (made.json as { webhook_id: string }).webhook_id;
  await gateway.house.publish('rejoinder.connections.v1', InboxDisconnectedSchema, inboxId, { inboxId }, 1n, gateway.tenantId);
  const told = 'select event_id::text as id from gateway.webhook_delivery';
  eventId = (await settle('an event for it', async () => (await gateway.house.query<{ id: string }>(told))[0])).id;
});

afterAll(async () => {
  await sync?.stop();
  await house?.stop();
});

const backAt = 'https://crm.example.com/inboxes/signed-in';
/** Every route of the contract that answers JSON or nothing: [method, path, path in the document, status, body]. */
const routes: [string, string, string, number, object?][] = [
  ['GET', '/v1/session', '/v1/session', 200],
  ['POST', '/v1/inboxes/discover', '/v1/inboxes/discover', 200, { address: 'ada@example.com' }],
  ['POST', '/v1/inboxes/verify', '/v1/inboxes/verify', 200, { ...login, username: 'ada' }],
  ['POST', '/v1/inboxes', '/v1/inboxes', 201, { ...login, display_name: 'Ada', settings: { attachments: false } }],
  ['POST', '/v1/inboxes/sign-in', '/v1/inboxes/sign-in', 200, { provider: 'google', address: 'ada@example.com', redirect_uri: backAt }],
  ['POST', '/v1/inboxes/sign-in/finish', '/v1/inboxes/sign-in/finish', 201, { callback_url: `${backAt}?code=new&state=x` }],
  ['POST', '/v1/inboxes/sign-in/finish', '/v1/inboxes/sign-in/finish', 200, { callback_url: `${backAt}?code=again&state=x` }],
  ['GET', '/v1/inboxes', '/v1/inboxes', 200],
  ['GET', `/v1/inboxes/${inboxId}`, '/v1/inboxes/{inbox_id}', 200],
  ['POST', `/v1/inboxes/${inboxId}/reconnect`, '/v1/inboxes/{inbox_id}/reconnect', 200, { password: 'new' }],
  ['POST', `/v1/inboxes/${inboxId}/reconnect-link`, '/v1/inboxes/{inbox_id}/reconnect-link', 201],
  ['POST', `/v1/inboxes/${inboxId}/pause`, '/v1/inboxes/{inbox_id}/pause', 200],
  ['POST', `/v1/inboxes/${inboxId}/resync`, '/v1/inboxes/{inbox_id}/resync', 202],
  ['POST', `/v1/inboxes/${inboxId}/resume`, '/v1/inboxes/{inbox_id}/resume', 200],
  ['PATCH', `/v1/inboxes/${inboxId}/login`, '/v1/inboxes/{inbox_id}/login', 200, { smtp: { password: 'new' } }],
  ['PATCH', `/v1/inboxes/${inboxId}`, '/v1/inboxes/{inbox_id}', 200, { settings: { capture: 'all', folders: ['Work'] } }],
  ['GET', `/v1/inboxes/${inboxId}/folders`, '/v1/inboxes/{inbox_id}/folders', 200],
  ['DELETE', `/v1/inboxes/${inboxId}`, '/v1/inboxes/{inbox_id}', 204],
  ['GET', '/v1/contacts?query=bo&limit=10', '/v1/contacts', 200],
  ['POST', '/v1/contacts', '/v1/contacts', 200, { address: 'bob@example.com' }],
  ['POST', '/v1/contacts', '/v1/contacts', 201, { address: 'new@example.com' }],
  ['GET', `/v1/contacts/${contactId}`, '/v1/contacts/{contact_id}', 200],
  ['POST', `/v1/contacts/${contactId}/addresses`, '/v1/contacts/{contact_id}/addresses', 200, { address: 'bob+work@example.net' }],
  ['DELETE', `/v1/contacts/${contactId}/addresses?address=bob%2Bwork%40example.net`, '/v1/contacts/{contact_id}/addresses', 200],
  ['GET', `/v1/contacts/${contactId}/timeline?cursor=x`, '/v1/contacts/{contact_id}/timeline', 200],
  ['GET', `/v1/engagements/${engagementId}`, '/v1/engagements/{engagement_id}', 200],
  ['DELETE', `/v1/engagements/${engagementId}`, '/v1/engagements/{engagement_id}', 204],
  ['POST', '/v1/mail', '/v1/mail', 202, mail],
  ['GET', `/v1/mail/${sendId}`, '/v1/mail/{send_id}', 200],
  ['POST', `/v1/mail/${sendId}/cancel`, '/v1/mail/{send_id}/cancel', 200],
  ['POST', `/v1/mail/${sendId}/resolve`, '/v1/mail/{send_id}/resolve', 200, { outcome: 'send_again' }],
  ['POST', '/v1/tracked-mail', '/v1/tracked-mail', 202, { message_id: '<x@example.com>' }],
  ['GET', `/v1/tracked-mail/${trackedId}`, '/v1/tracked-mail/{tracked_id}', 200],
  ['DELETE', `/v1/tracked-mail/${trackedId}`, '/v1/tracked-mail/{tracked_id}', 204],
  ['GET', `/v1/threads/${threadId}?limit=2`, '/v1/threads/{thread_id}', 200],
  ['POST', `/v1/threads/${threadId}/split`, '/v1/threads/{thread_id}/split', 200, { mail_id: mailId }],
  ['POST', `/v1/threads/${threadId}/merge`, '/v1/threads/{thread_id}/merge', 200, { mail_id: mailId, into_mail_id: trackedId }],
  ['GET', `/v1/left-answers?thread_ids=${threadId},${mailId}`, '/v1/left-answers', 200],
  ['GET', `/v1/mails/${mailId}/explain`, '/v1/mails/{mail_id}/explain', 200],
  ['POST', `/v1/mails/${mailId}/unlog`, '/v1/mails/{mail_id}/unlog', 200],
  ['GET', `/v1/pins?thread_id=${threadId}`, '/v1/pins', 200],
  ['DELETE', `/v1/pins/${trackedId}`, '/v1/pins/{pin_id}', 204],
  ['GET', `/v1/inboxes/${inboxId}/log`, '/v1/inboxes/{inbox_id}/log', 200],
  ['GET', `/v1/inboxes/${inboxId}/logging-address`, '/v1/inboxes/{inbox_id}/logging-address', 200],
  ['POST', `/v1/inboxes/${inboxId}/logging-address`, '/v1/inboxes/{inbox_id}/logging-address', 200],
  ['GET', '/v1/quarantine?limit=1', '/v1/quarantine', 200],
  ['POST', `/v1/quarantine/${trackedId}/release`, '/v1/quarantine/{quarantine_id}/release', 204],
  ['DELETE', `/v1/quarantine/${trackedId}`, '/v1/quarantine/{quarantine_id}', 204],
  ['GET', '/v1/retention/proof', '/v1/retention/proof', 200],
  ['GET', '/v1/settings', '/v1/settings', 200],
  ['PUT', '/v1/settings', '/v1/settings', 200, { attachments: true, capture: 'tracked', never_log: ['example.com'] }],
  [
    'PUT',
    '/v1/settings',
    '/v1/settings',
    200,
    { attachments: true, capture: 'all', never_log: [], make_contacts: 'nobody', log_internal: true },
  ],
  ['GET', '/v1/webhooks', '/v1/webhooks', 200],
  ['POST', '/v1/webhooks', '/v1/webhooks', 201, { url: 'https://crm.example.com/other', events: ['MailSent'] }],
  ['GET', '/v1/webhooks/WEBHOOK', '/v1/webhooks/{webhook_id}', 200],
  ['PATCH', '/v1/webhooks/WEBHOOK', '/v1/webhooks/{webhook_id}', 200, { events: [], state: 'paused' }],
  ['POST', '/v1/webhooks/WEBHOOK/rotate-secret', '/v1/webhooks/{webhook_id}/rotate-secret', 200],
  ['POST', '/v1/webhooks/WEBHOOK/test', '/v1/webhooks/{webhook_id}/test', 200],
  ['GET', '/v1/webhooks/WEBHOOK/deliveries?limit=1', '/v1/webhooks/{webhook_id}/deliveries', 200],
  ['POST', '/v1/webhooks/WEBHOOK/deliveries/EVENT/replay', '/v1/webhooks/{webhook_id}/deliveries/{event_id}/replay', 200],
  ['POST', '/v1/webhooks/WEBHOOK/replay', '/v1/webhooks/{webhook_id}/replay', 200, { since: '2026-01-01T00:00:00Z' }],
  ['DELETE', '/v1/webhooks/WEBHOOK', '/v1/webhooks/{webhook_id}', 204],
  ['GET', '/v1/api-keys', '/v1/api-keys', 200],
  ['POST', '/v1/api-keys', '/v1/api-keys', 201, { name: 'CRM' }],
  ['DELETE', `/v1/api-keys/${trackedId}`, '/v1/api-keys/{api_key_id}', 204],
  ['POST', '/v1/settings/never-log/dry-run', '/v1/settings/never-log/dry-run', 200, { entries: ['example.com'] }],
  ['POST', '/v1/settings/never-log/deletion', '/v1/settings/never-log/deletion', 202, { entries: ['bank.example'] }],
  ['GET', '/v1/settings/never-log/deletion', '/v1/settings/never-log/deletion', 200],
];

interface Media {
  schema: object;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}
interface Operation {
  parameters?: { name: string; schema: object; example: unknown }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { examples?: unknown[] }> };
}

describe('the contract', () => {
  let document: Document;
  let ajv: Ajv2020;

  beforeAll(async () => {
    document = (await ask(gateway.port, 'GET', '/v1/openapi.json')).json as Document;
    ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'openapi', ...document });
  });
  const valid = (schema: object, value: unknown) => {
    const check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components')));
    check(value);
    return check.errors ?? [];
  };

  test.each(routes)('%s %s is answered as the document says', async (method, path, template, status, body) => {
    const answer = await gateway.call(method, path.replace('WEBHOOK', webhookId).replace('EVENT', eventId), { body });
    const responses = document.paths[template]![method.toLowerCase()]!.responses;
    expect(answer.status).toBe(status);
    expect(Object.keys(responses)).toContain(String(status));
    expect(answer.headers['cache-control']).toBe('private, no-store');
    if (status === 204) expect(answer.text).toBe('');
    else expect(valid(responses[status]!.content!['application/json']!.schema, answer.json)).toEqual([]);
  });

  test('the document has these routes, and those of files, events and the demo', () => {
    const rest = ['POST /v1/attachments', 'GET /v1/attachments/{attachment_id}', 'GET /v1/events', 'POST /v1/demo'];
    const told = Object.entries(document.paths).flatMap(([path, of]) => Object.keys(of).map((method) => `${method.toUpperCase()} ${path}`));
    const tried = new Set(routes.map(([method, , template]) => `${method} ${template}`));
    expect(told.sort()).toEqual([...tried, ...rest].sort());
    expect(document.openapi).toBe('3.1.0');
  });

  test('every operation and schema has an example that is as its schema says', () => {
    const operations = Object.entries(document.paths).flatMap(([path, of]) =>
      Object.entries(of).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
    );
    const wrong = (name: string, schema: object, examples: unknown[]) =>
      examples.length === 0 ? [`${name}: none`] : examples.flatMap((one) => valid(schema, one).map(({ message }) => `${name}: ${message}`));
    const examplesOf = ({ example, examples = {} }: Media) =>
      [example, ...Object.values(examples).map(({ value }) => value)].filter((one) => one !== undefined);
    const faults = operations.flatMap(({ name, parameters = [], requestBody, responses }) => [
      ...parameters.flatMap((one) => wrong(`${name} ${one.name}`, one.schema, [one.example])),
      ...[requestBody, ...Object.values(responses)]
        .flatMap((one) => Object.values(one?.content ?? {}))
        .flatMap((media) => wrong(name, media.schema, examplesOf(media))),
    ]);
    const { schemas } = document.components;
    faults.push(
      ...Object.entries(schemas).flatMap(([name, schema]) => wrong(name, { $ref: `#/components/schemas/${name}` }, schema.examples ?? [])),
    );
    expect(faults).toEqual([]);
    expect(operations.length).toBeGreaterThan(25);
  });

  test('every answer says what has happened, and formats are those that others know', () => {
    const operations = Object.values(document.paths).flatMap((of) => Object.values(of));
    const said = operations.flatMap(({ responses }) => Object.values(responses).map(({ description }) => description));
    expect(said.filter((one) => one.length < 10 || one === 'Done' || one === 'Refused')).toEqual([]);
    const formats = [...JSON.stringify(document).matchAll(/"format":"([^"]+)"/g)].map(([, format]) => format);
    expect([...new Set(formats)].sort()).toEqual(['date-time', 'uuid']);
  });

  test('refusals are as the document says too', async () => {
    const answer = await gateway.call('GET', `/v1/contacts/${newId().toUpperCase()}`);
    const { schema } = document.paths['/v1/contacts/{contact_id}']!.get!.responses.default!.content!['application/problem+json']!;
    expect([answer.status, answer.headers['content-type'], valid(schema, answer.json)]).toEqual([400, 'application/problem+json', []]);
  });
});
