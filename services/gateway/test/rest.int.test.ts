// REST: what each route asks of whom, and how it refuses.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { settle } from '@rejoinder/testing/settle';
import { ask, type Gateway } from './gateway-house.js';
import { startPeer } from './peers.js';
import { bug, contactId, faults, inboxId, login, mail, problemOf, startRestHouse, type RestHouse } from './rest-house.js';

let house: RestHouse;
let gateway: Gateway;
let asked: RestHouse['asked'];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rejoinder-console-'));
  house = await startRestHouse({ REJOINDER_CONSOLE_FOLDER: folder });
  ({ gateway, asked } = house);
});

afterAll(async () => {
  await house?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('inboxes', () => {
  test('say in a sentence what is wrong, and are told even while sync is away', async () => {
    const { json } = await gateway.call('GET', `/v1/inboxes/${inboxId}`);
    expect(json).toMatchObject({ progress: null, reason_text: catalogue.AUTH_REJECTED.sentence, connected_at: '2023-11-14T22:13:20.120Z' });
  });

  test('have their progress from sync', async () => {
    await using _sync = await startPeer(gateway.house.house.peerAddress('sync'), SyncService, {
      listProgress: ({ inboxIds }) => ({
        inboxes: inboxIds.map((one) => ({
          inboxId: one,
          progress: {
            state: 'syncing',
            folders: [{ path: 'INBOX', role: 'inbox', seen: 5n, total: 10n }],
            seen: 5n,
            total: 10n,
            leftSeconds: 3n,
            missingFolders: ['Gone'],
          },
        })),
      }),
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
      folders: [{ path: 'INBOX', role: 'inbox', seen: 5, total: 10, audited_at: null }],
      ...{ seen: 5, total: 10, left_seconds: 3, missing_folders: ['Gone'] },
    });
    expect((json as { next_cursor: string }).next_cursor).toBe('after 7');
    expect((await gateway.call('GET', '/v1/inboxes?cursor=after')).json).toMatchObject({ next_cursor: null });
  });

  test('are looked for by a part of their address and by their state', async () => {
    const { json } = await gateway.call('GET', '/v1/inboxes?query=ada&state=needs_reconnect');
    expect(json).toMatchObject({ inboxes: [{ display_name: 'ada needs_reconnect' }] });
    expect((await gateway.call('GET', '/v1/inboxes?state=asleep')).status).toBe(400);
  });

  test('are given another server, name or password on the side that is named', async () => {
    const path = `/v1/inboxes/${inboxId}/login`;
    const server = { host: 'imap.moved.example', port: 993, security: 'tls' };
    const { json } = await gateway.call('PATCH', path, { body: { imap: { server, username: 'ada', password: 'right' } } });
    expect(json).toMatchObject({ inbox_id: inboxId, imap: server, smtp: null });
    const refused = await gateway.call('PATCH', path, { body: { smtp: { password: 'wrong' } } });
    expect([refused.status, refused.json]).toMatchObject([422, { code: 'VERIFY_FAILED' }]);
    expect((await gateway.call('PATCH', path, { body: { imap: { server: { ...server, security: 'plain' } } } })).status).toBe(400);
  });

  test('are not stored if a server refuses: the checks say which', async () => {
    for (const [path, body] of [
      ['/v1/inboxes', { ...login, password: 'wrong' }],
      [`/v1/inboxes/${inboxId}/reconnect`, { password: 'wrong' }],
    ] as const) {
      const answer = await gateway.call('POST', path, { body });
      expect(problemOf(answer)).toEqual([422, 'VERIFY_FAILED']);
      expect(answer.json).toMatchObject({
        detail: 'Nothing was stored. Receiving (IMAP), imap.example.com:993: Refused.',
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
    expect(asked.settings).toMatchObject([{ capture: '', attachments: true, historyDays: 7, logFolder: '', folders: [] }]);
  });

  test('change what is said and nothing else', async () => {
    asked.settings.length = 0;
    const patch = (settings: object) => gateway.call('PATCH', `/v1/inboxes/${inboxId}`, { body: { settings } });
    const all = await patch({ capture: 'all', capture_since: '2026-11-01T00:00:00Z' });
    await patch({ folders: [] });
    expect(all.status).toBe(200);
    const [first, second] = asked.settings as Record<string, unknown>[];
    expect(first).toMatchObject({ capture: 'all', captureSince: { seconds: 1_793_491_200n } });
    expect([first!.attachments, first!.folders, second!.capture]).toEqual([undefined, undefined, undefined]);
    expect(second).toMatchObject({ folders: { paths: [] } });
    expect(problemOf(await patch({ capture: 'some' }))).toEqual([400, 'INVALID']);
    expect(problemOf(await patch({ colour: 'red' }))).toEqual([400, 'INVALID']);
  });

  test('of all are put with the word of who becomes a contact, or without', async () => {
    const put = (more: object) =>
      gateway.call('PUT', '/v1/settings', { body: { attachments: true, capture: 'tracked', never_log: [], ...more } });
    expect((await put({ make_contacts: 'written_to', log_internal: true })).json).toMatchObject({
      make_contacts: 'written_to',
      log_internal: true,
    });
    expect((await put({})).json).toMatchObject({ make_contacts: 'everyone', log_internal: false });
    expect(problemOf(await put({ make_contacts: 'some' }))).toEqual([400, 'INVALID']);
  });

  test('whose provider nobody knows are typed by hand', async () => {
    const { status, json } = await gateway.call('POST', '/v1/inboxes/discover', { body: { address: 'x@unknown.example' } });
    expect([status, json]).toMatchObject([200, { imap: null, smtp: null, provider: '', hint: '', sign_in: '' }]);
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
    for (const part of [
      'inbox_id: must be a UUID',
      'to.0.address: must be an address',
      'cc: must be a list',
      'subject: is missing',
      'outcome: is not known',
    ])
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
      // What is our own trouble can be found in the log.
      ...(kind === 'broken' ? { trace_id: expect.stringMatching(/^[0-9a-f]{32}$/) as string } : {}),
    });
    expect([answer.status, answer.headers['retry-after']]).toEqual([status, kind === 'busy' ? '2' : undefined]);
  });

  test('of a bug says nothing of the inside', async () => {
    const answer = await gateway.call('GET', `/v1/contacts/${bug}`);
    expect([...problemOf(answer), answer.text.includes('secret')]).toEqual([500, 'INTERNAL', false]);
    expect(answer.json).toMatchObject({ trace_id: expect.stringMatching(/^[0-9a-f]{32}$/) as string });
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
    ['DELETE', `/v1/contacts/${contactId}/addresses`, 400, 'INVALID'],
    ['DELETE', `/v1/contacts/${contactId}/addresses?address=bob%40example.com`, 409, 'FIRST_ADDRESS'],
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
