// REST as the contract has it: every route, what it asks of whom, what it answers, and that the OpenAPI document says the same.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fault, type FaultKind } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { RetentionService } from '@rejoinder/contracts/api/retention';
import { SendingService, type SendRequest } from '@rejoinder/contracts/api/sending';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { AttachmentState, MailKind } from '@rejoinder/contracts/mail';
import { settle } from '@rejoinder/testing/settle';
import { ask, startGateway, type Answer, type Gateway } from './gateway-house.js';
import { startPeer, type Peer } from './peers.js';

let gateway: Gateway;
let folder: string;
const peers: Peer[] = [];
const asked: { send?: SendRequest; settings: unknown[] } = { settings: [] };
const [inboxId, contactId, engagementId, sendId, trackedId, mailId] = Array.from({ length: 6 }, newId) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const at = { seconds: 1_700_000_000n, nanos: 120_000_000 };
const server = { host: 'mail.example.com', port: 993, security: 'tls' };
const inbox = {
  inboxId,
  address: 'ada@example.com',
  displayName: 'Ada',
  receiving: 'needs_reconnect',
  receivingReason: 'AUTH_REJECTED',
  sending: 'ready',
  settings: { capture: 'tracked', attachments: true, historyDays: 30, logFolder: '' },
  connectedAt: at,
  imap: server,
  smtp: { ...server, port: 465 },
};
const contact = { contactId, address: 'bob@example.com', name: 'Bob', lastActivityAt: at, engagements: 3n };
const engagement = {
  engagementId,
  contactId,
  mailId,
  threadId: newId(),
  direction: 'in',
  from: { address: 'bob@example.com', name: 'Bob' },
  to: [{ address: 'ada@example.com', name: '' }],
  subject: 'Re: Hello',
  text: 'Yes',
  html: '<p>Yes</p>',
  occurredAt: at,
  textState: 'ready',
  state: 'failed',
  stateReason: 'QUOTA',
  inboxId,
  kind: MailKind.PERSON,
  messageId: 'x@example.com',
  attachments: [
    {
      attachmentId: newId(),
      fileName: 'a.pdf',
      contentType: 'application/pdf',
      sizeBytes: 5n,
      state: AttachmentState.REJECTED,
      reason: 'gone',
    },
  ],
};
const send = { sendId, inboxId, mailId, state: 'failed', reason: 'QUOTA', messageId: 'y@example.com', acceptedAt: at };

const checksOf = (password: string) => {
  const passed = password !== 'wrong';
  return [
    { protocol: 'imap', passed, code: passed ? '' : 'AUTH_REJECTED', detail: passed ? '' : 'Refused.' },
    { protocol: 'smtp', passed: true },
  ];
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rejoinder-console-'));
  gateway = await startGateway({ REJOINDER_CONSOLE_FOLDER: folder });
  const address = (service: Parameters<typeof gateway.house.house.peerAddress>[0]) => gateway.house.house.peerAddress(service);
  peers.push(
    await startPeer(address('connections'), ConnectionsService, {
      discover: (request) => {
        if (request.address.endsWith('@unknown.example')) throw new Fault('not_found', 'NOT_DISCOVERED', 'Type the servers.');
        return { imap: server, smtp: server, provider: 'Example', hint: '' };
      },
      verify: ({ login }) => ({ checks: checksOf(login!.password), capabilities: ['IDLE'] }),
      connect: ({ login, settings }) => {
        asked.settings.push(settings);
        return { inbox: login!.password === 'wrong' ? undefined : inbox, checks: checksOf(login!.password) };
      },
      reconnect: ({ password }) => ({ inbox: password === 'wrong' ? undefined : inbox, checks: checksOf(password) }),
      pause: () => ({ inbox }),
      resume: () => ({ inbox }),
      remove: () => ({}),
      getInbox: (request) => {
        if (request.inboxId !== inboxId) throw new Fault('not_found', 'INBOX_NOT_FOUND', 'There is no such inbox.');
        return { inbox };
      },
      listInboxes: ({ pageSize, pageToken }) => ({ inboxes: [inbox], nextPageToken: pageToken === '' ? `after ${pageSize}` : '' }),
    }),
    await startPeer(address('timeline'), TimelineService, {
      listContacts: () => ({ contacts: [contact], nextPageToken: 'more' }),
      putContact: ({ address }) => ({ contact, created: address === 'new@example.com' }),
      getContact: (request) => {
        const kind = faults.get(request.contactId);
        if (kind) throw new Fault(kind, 'SOME_CODE', 'One sentence.', kind === 'busy' ? 1_500 : undefined);
        if (request.contactId === bug) throw new Error('secret of the inside');
        return { contact };
      },
      listEngagements: () => ({ engagements: [engagement], nextPageToken: '' }),
      getPlaces: () => ({ engagementIds: [], reason: 'no_contact' }),
      getEngagement: () => ({ engagement: { ...engagement, threadId: '', direction: 'out', sendId, kind: MailKind.UNSPECIFIED } }),
      deleteEngagement: () => ({}),
    }),
    await startPeer(address('sending'), SendingService, {
      send: (request) => {
        asked.send = request;
        return { send };
      },
      getSend: () => ({ send }),
      cancel: () => ({ send }),
      resolve: () => ({ send }),
    }),
    await startPeer(address('threading'), ThreadingService, {
      track: () => ({ trackedId, state: 'searching', mailId: '' }),
      getTracked: () => ({ trackedId, state: 'captured', mailId, reason: '' }),
    }),
    await startPeer(address('retention'), RetentionService, {
      prove: () => ({
        provedAt: at,
        holds: true,
        verdicts: [
          {
            owner: 'sync',
            holds: true,
            store: { name: 'sync.raw_body', retentionClass: 'R1', oldest: at, setting: 'S', limitSeconds: 604_800n },
          },
        ],
      }),
    }),
  );
});

afterAll(async () => {
  for (const peer of peers) await peer.stop();
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

const kinds: FaultKind[] = ['not_found', 'conflict', 'invalid', 'denied', 'busy', 'gone', 'too_large', 'broken'];
const faults = new Map(kinds.map((kind) => [newId(), kind]));
const bug = newId();

const login = { address: 'ada@example.com', password: 'right', imap: server, smtp: server };
const mail = { inbox_id: inboxId, to: [{ address: 'bob@example.com', name: 'Bob' }], subject: 'Hello', text: 'Hello' };

/** Every route of the contract that answers JSON or nothing: [method, path, path in the document, status, body]. */
const routes: [string, string, string, number, object?][] = [
  ['GET', '/v1/session', '/v1/session', 200],
  ['POST', '/v1/inboxes/discover', '/v1/inboxes/discover', 200, { address: 'ada@example.com' }],
  ['POST', '/v1/inboxes/verify', '/v1/inboxes/verify', 200, { ...login, username: 'ada' }],
  ['POST', '/v1/inboxes', '/v1/inboxes', 201, { ...login, display_name: 'Ada', settings: { attachments: false } }],
  ['GET', '/v1/inboxes', '/v1/inboxes', 200],
  ['GET', `/v1/inboxes/${inboxId}`, '/v1/inboxes/{inbox_id}', 200],
  ['POST', `/v1/inboxes/${inboxId}/reconnect`, '/v1/inboxes/{inbox_id}/reconnect', 200, { password: 'new' }],
  ['POST', `/v1/inboxes/${inboxId}/pause`, '/v1/inboxes/{inbox_id}/pause', 200],
  ['POST', `/v1/inboxes/${inboxId}/resume`, '/v1/inboxes/{inbox_id}/resume', 200],
  ['DELETE', `/v1/inboxes/${inboxId}`, '/v1/inboxes/{inbox_id}', 204],
  ['GET', '/v1/contacts?query=bo&limit=10', '/v1/contacts', 200],
  ['POST', '/v1/contacts', '/v1/contacts', 200, { address: 'bob@example.com' }],
  ['POST', '/v1/contacts', '/v1/contacts', 201, { address: 'new@example.com' }],
  ['GET', `/v1/contacts/${contactId}`, '/v1/contacts/{contact_id}', 200],
  ['GET', `/v1/contacts/${contactId}/timeline?cursor=x`, '/v1/contacts/{contact_id}/timeline', 200],
  ['GET', `/v1/engagements/${engagementId}`, '/v1/engagements/{engagement_id}', 200],
  ['DELETE', `/v1/engagements/${engagementId}`, '/v1/engagements/{engagement_id}', 204],
  ['POST', '/v1/mail', '/v1/mail', 202, mail],
  ['GET', `/v1/mail/${sendId}`, '/v1/mail/{send_id}', 200],
  ['POST', `/v1/mail/${sendId}/cancel`, '/v1/mail/{send_id}/cancel', 200],
  ['POST', `/v1/mail/${sendId}/resolve`, '/v1/mail/{send_id}/resolve', 200, { outcome: 'send_again' }],
  ['POST', '/v1/tracked-mail', '/v1/tracked-mail', 202, { message_id: '<x@example.com>' }],
  ['GET', `/v1/tracked-mail/${trackedId}`, '/v1/tracked-mail/{tracked_id}', 200],
  ['GET', '/v1/retention/proof', '/v1/retention/proof', 200],
];

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: object;
}

const problemOf = ({ status, json }: Answer) => [status, (json as { code: string }).code];

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
    const answer = await gateway.call(method, path, { body });
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

  test('refusals are as the document says too', async () => {
    const answer = await gateway.call('GET', `/v1/contacts/${newId().toUpperCase()}`);
    const { schema } = document.paths['/v1/contacts/{contact_id}']!.get!.responses.default!.content!['application/problem+json']!;
    expect([answer.status, answer.headers['content-type'], valid(schema, answer.json)]).toEqual([400, 'application/problem+json', []]);
  });
});

describe('inboxes', () => {
  test('say in a sentence what is wrong, and are told even while sync is away', async () => {
    const { json } = await gateway.call('GET', `/v1/inboxes/${inboxId}`);
    expect(json).toMatchObject({ progress: null, reason_text: catalogue.AUTH_REJECTED.sentence, connected_at: '2023-11-14T22:13:20.120Z' });
  });

  test('have their progress from sync', async () => {
    await using _sync = await startPeer(gateway.house.house.peerAddress('sync'), SyncService, {
      getProgress: () => ({ state: 'syncing', folders: [{ path: 'INBOX', role: 'inbox', seen: 5n, total: 10n }] }),
    });
    const { json } = await settle('sync is heard of', async () => {
      const answer = await gateway.call('GET', '/v1/inboxes?limit=7');
      return (answer.json as { inboxes: { progress: object | null }[] }).inboxes[0]!.progress && answer;
    });
    const [first] = (json as { inboxes: { progress: object }[]; next_cursor: string }).inboxes;
    expect(first!.progress).toEqual({
      state: 'syncing',
      reason: '',
      next_try_at: null,
      folders: [{ path: 'INBOX', role: 'inbox', seen: 5, total: 10 }],
    });
    expect((json as { next_cursor: string }).next_cursor).toBe('after 7');
    expect((await gateway.call('GET', '/v1/inboxes?cursor=after')).json).toMatchObject({ next_cursor: null });
  });

  test('are not stored if a server refuses: the checks say which', async () => {
    for (const [path, body] of [
      ['/v1/inboxes', { ...login, password: 'wrong' }],
      [`/v1/inboxes/${inboxId}/reconnect`, { password: 'wrong' }],
    ] as const) {
      const answer = await gateway.call('POST', path, { body });
      expect(problemOf(answer)).toEqual([422, 'VERIFY_FAILED']);
      expect(answer.json).toMatchObject({
        detail: 'Nothing was stored. Receiving (IMAP): Refused.',
        checks: [
          { protocol: 'imap', passed: false, code: 'AUTH_REJECTED', detail: 'Refused.' },
          { protocol: 'smtp', passed: true, code: '', detail: '' },
        ],
      });
    }
  });

  test('take settings, with defaults for what is left out', async () => {
    asked.settings.length = 0;
    await gateway.call('POST', '/v1/inboxes', { body: { ...login, settings: { history_days: 7 } } });
    expect(asked.settings).toMatchObject([{ capture: 'tracked', attachments: true, historyDays: 7, logFolder: '' }]);
  });

  test('whose provider nobody knows are typed by hand', async () => {
    const { status, json } = await gateway.call('POST', '/v1/inboxes/discover', { body: { address: 'x@unknown.example' } });
    expect([status, json]).toEqual([200, { imap: null, smtp: null, provider: '', hint: '' }]);
  });
});

describe('mail', () => {
  test('goes out under the key that was given, or one of its own', async () => {
    const { authorization } = { authorization: `Bearer ${gateway.other.key}` };
    await gateway.call('POST', '/v1/mail', {
      body: { ...mail, in_reply_to: '<a@b>', references: ['<a@b>'] },
      headers: { authorization, 'idempotency-key': 'once' },
    });
    expect(asked.send).toMatchObject({
      tenantId: gateway.other.tenantId,
      idempotencyKey: 'once',
      inReplyTo: '<a@b>',
      references: ['<a@b>'],
    });
    await gateway.call('POST', '/v1/mail', { body: mail });
    expect(asked.send!.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('with a long text is taken, where other bodies are bounded', async () => {
    expect((await gateway.call('POST', '/v1/mail', { body: { ...mail, text: 'ü'.repeat(1_000_000) } })).status).toBe(202);
    expect(problemOf(await gateway.call('POST', '/v1/contacts', { body: { address: 'a@b.example', name: 'x'.repeat(200_000) } }))).toEqual([
      413,
      'BODY_TOO_LARGE',
    ]);
  });

  test('that makes no sense is refused with every problem named at once, and nothing of what it says', async () => {
    const wrong = { inbox_id: 'x', to: [{ address: 'nobody' }], text: 'secret', outcome: 'secret', cc: 'secret' };
    const answer = await gateway.call('POST', '/v1/mail', { body: wrong });
    expect(problemOf(answer)).toEqual([400, 'INVALID']);
    const { detail } = answer.json as { detail: string };
    for (const part of ['inbox_id: must be a UUID', 'to.0.address: must be an address', 'cc: ', 'subject: ', '"outcome"'])
      expect(detail).toContain(part);
    expect(detail).not.toContain('secret');
  });
});

describe('a refusal', () => {
  test.each([
    ['not_found', 404],
    ['conflict', 409],
    ['invalid', 400],
    ['denied', 403],
    ['busy', 429],
    ['gone', 409],
    ['too_large', 413],
    ['broken', 503],
  ])('of kind %s is %i, with its code and sentence', async (kind, status) => {
    const id = [...faults].find(([, one]) => one === kind)![0];
    const answer = await gateway.call('GET', `/v1/contacts/${id}`);
    const retry = kind === 'busy' ? { retry_after_ms: 1_500 } : {};
    expect(answer.json).toEqual({
      type: 'about:blank',
      title: expect.any(String),
      status,
      code: 'SOME_CODE',
      detail: 'One sentence.',
      ...retry,
    });
    expect([answer.status, answer.headers['retry-after']]).toEqual([status, kind === 'busy' ? '2' : undefined]);
  });

  test('of a bug says nothing of the inside', async () => {
    const answer = await gateway.call('GET', `/v1/contacts/${bug}`);
    expect([...problemOf(answer), answer.text.includes('secret')]).toEqual([500, 'INTERNAL', false]);
  });

  test('of a service that is away says to try again', async () => {
    const answer = await gateway.call('POST', `/v1/attachments`, { body: Buffer.from('x') });
    expect(problemOf(answer)).toEqual([415, 'MEDIA_TYPE']);
    const away = await gateway.call('GET', `/v1/attachments/${newId()}`);
    expect([...problemOf(away), away.headers['retry-after']]).toEqual([503, 'PART_AWAY', '2']);
  });

  test.each([
    ['GET', '/v1/nothing', 404, 'NOT_FOUND'],
    ['GET', '/v1', 404, 'NOT_FOUND'],
    ['PUT', '/v1/contacts', 404, 'NOT_FOUND'],
    ['POST', '/nothing', 404, 'NOT_FOUND'],
    ['POST', '/v1/demo', 404, 'NO_DEMO'],
    ['GET', '/v1/contacts?limit=1000', 400, 'INVALID'],
  ])('of %s %s is %i %s', async (method, path, status, code) => {
    const answer = await gateway.call(method, path);
    expect([...problemOf(answer), answer.headers['content-type']]).toEqual([status, code, 'application/problem+json']);
  });

  test('of what is no JSON is a problem as well', async () => {
    const headers = { authorization: `Bearer ${gateway.other.key}`, 'content-type': 'application/json' };
    expect(problemOf(await gateway.call('POST', '/v1/contacts', { body: Buffer.from('{"address":'), headers }))).toEqual([
      400,
      'UNREADABLE',
    ]);
    expect(problemOf(await gateway.call('POST', '/v1/contacts', { body: Buffer.from('{"__proto__":{"a":1}}'), headers }))).toEqual([
      400,
      'UNREADABLE',
    ]);
  });
});

describe('the console', () => {
  test('says how it is built while it is not', async () => {
    const answer = await ask(gateway.port, 'GET', '/');
    expect([answer.status, answer.text.includes('npm run build')]).toEqual([503, true]);
  });

  test('is served: its page everywhere, never kept; its files for ever; no remote anything', async () => {
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), '<!doctype html>console');
    await writeFile(join(folder, 'assets', 'main-abc123.js'), '"code"');
    await writeFile(join(folder, 'favicon.svg'), '<svg/>');
    await writeFile(join(folder, '..', 'outside.txt'), 'outside');
    for (const path of ['/', '/inboxes', '/contacts/abc?x=1', '/index.html']) {
      const page = await ask(gateway.port, 'GET', path);
      expect([path, page.status, page.text, page.headers['cache-control']]).toEqual([path, 200, '<!doctype html>console', 'no-cache']);
      expect(page.headers['content-security-policy']).toContain("default-src 'self'; script-src 'self'");
      expect(page.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
      });
    }
    const asset = await ask(gateway.port, 'GET', '/assets/main-abc123.js');
    expect([asset.status, asset.headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect((await ask(gateway.port, 'GET', '/favicon.svg')).text).toBe('<svg/>');
    expect((await ask(gateway.port, 'GET', '/assets/none-abc123.js')).headers['cache-control']).not.toContain('max-age');
    for (const path of ['/assets/none.js', '/..%2foutside.txt', '/assets/..%2f..%2foutside.txt'])
      expect((await ask(gateway.port, 'GET', path)).status).toBeGreaterThan(399);
    await rm(join(folder, '..', 'outside.txt'));
  });
});

test('health tells what this role knows of itself', async () => {
  const [live, ready, started, other] = await Promise.all(
    ['live', 'ready', 'startup', 'x'].map((probe) => ask(gateway.port, 'GET', `/health/${probe}`)),
  );
  expect([live!.status, ready!.status, started!.status, other!.status]).toEqual([200, 200, 200, 404]);
  expect(ready!.json).toEqual({ roles: [{ role: 'gateway', started: true, ready: true, troubles: [] }] });
});
