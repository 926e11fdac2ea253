// Who comes in: the console by its one-time address, programs by their key, nobody by another name or from another page.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TenantCreatedSchema } from '@rejoinder/contracts/events/gateway';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { settle } from '@rejoinder/testing/settle';
import { DEMO, type DemoSwitch } from '@rejoinder/runtime/tokens';
import { Fault } from '@rejoinder/base/fault';
import { apiKey, ask, consoleToken, startGateway, startSecondPod, type Gateway } from './gateway-house.js';
import { startPeer, type Peer } from './peers.js';

let gateway: Gateway;
let timeline: Peer;
const asked: string[] = [];

beforeAll(async () => {
  gateway = await startGateway();
  timeline = await startPeer(gateway.house.house.peerAddress('timeline'), TimelineService, {
    listContacts: ({ tenantId }) => {
      asked.push(tenantId);
      return { contacts: [], nextPageToken: '' };
    },
    deleteEngagement: () => ({}),
    getContact: () => {
      throw new Fault('not_found', 'CONTACT_NOT_FOUND', 'There is no such contact.');
    },
  });
});

afterAll(async () => {
  await timeline?.stop();
  await gateway?.stop();
});

const id = '019ab000-0000-7000-8000-000000000001';

describe('the first tenant', () => {
  test('is made once, and said', async () => {
    const said = await settle('TenantCreated', async () => {
      const all = await gateway.house.published('rejoinder.gateway.v1', TenantCreatedSchema);
      return all.length > 0 && all;
    });
    expect(said.map(({ tenantId }) => tenantId)).toEqual([gateway.tenantId]);
  });

  test('has its key by hash alone', async () => {
    const keys = await gateway.house.query<{ row: string }>(`select k::text as row from gateway.api_key k where tenant_id = $1`, [
      gateway.tenantId,
    ]);
    expect(keys).toHaveLength(1);
    expect(keys[0]!.row).toContain('rk_key-');
    expect(keys[0]!.row).not.toContain(apiKey);
  });
});

test('another key at a later start is one more of the first tenant', async () => {
  const key = 'rk_key-of-a-later-start';
  for (let times = 0; times < 2; times++) {
    const other = await startSecondPod(gateway, [], { REJOINDER_BOOTSTRAP_API_KEY: key });
    await other.stop();
  }
  for (const one of [key, apiKey]) {
    const { json } = await gateway.call('GET', '/v1/session', { headers: { authorization: `Bearer ${one}` } });
    expect(json).toMatchObject({ tenant_id: gateway.tenantId });
  }
});

describe('an API key', () => {
  test('is its tenant', async () => {
    const mine = await gateway.call('GET', '/v1/session');
    const theirs = await gateway.call('GET', '/v1/session', { headers: { authorization: `Bearer ${gateway.other.key}` } });
    expect(mine.json).toMatchObject({ tenant_id: gateway.tenantId, demo: { available: false, state: 'absent' } });
    expect(theirs.json).toMatchObject({ tenant_id: gateway.other.tenantId });
  });

  test('decides for whom other services are asked', async () => {
    asked.length = 0;
    await gateway.call('GET', '/v1/contacts');
    await gateway.call('GET', '/v1/contacts', { headers: { authorization: `Bearer ${gateway.other.key}` } });
    expect(asked).toEqual([gateway.tenantId, gateway.other.tenantId]);
  });

  test.each([
    [{}],
    [{ authorization: 'Bearer rk_wrong' }],
    [{ authorization: `Basic ${apiKey}` }],
    [{ cookie: 'rejoinder_session=guess' }],
  ])('is needed: %j is not one', async (headers: Record<string, string>) => {
    const { status, json, headers: told } = await gateway.call('GET', '/v1/contacts', { headers });
    expect([status, told['content-type'], told['www-authenticate']]).toEqual([401, 'application/problem+json', 'Bearer']);
    expect(json).toMatchObject({ status: 401, code: 'NOT_SIGNED_IN' });
  });
});

describe('the console', () => {
  let cookie: string;
  const withCookie = (method: string, path: string, headers: Record<string, string> = {}) =>
    ask(gateway.port, method, path, undefined, { cookie, ...headers });

  test('is not let in by a wrong token, nor is the token used up by one who only looks', async () => {
    expect((await ask(gateway.port, 'GET', '/open?token=wrong')).status).toBe(403);
    expect((await ask(gateway.port, 'GET', '/open')).status).toBe(403);
    expect((await ask(gateway.port, 'HEAD', `/open?token=${consoleToken}`)).status).toBe(403);
    expect((await ask(gateway.port, 'GET', `/open?token=${consoleToken}`, undefined, { 'sec-purpose': 'prefetch' })).status).toBe(403);
  });

  test('comes in by its token once', async () => {
    const first = await ask(gateway.port, 'GET', `/open?token=${consoleToken}`);
    expect([first.status, first.headers.location]).toEqual([303, '/']);
    expect(first.headers['set-cookie']![0]).toMatch(/^rejoinder_session=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
    cookie = first.headers['set-cookie']![0]!.split(';')[0]!;
    const second = await ask(gateway.port, 'GET', `/open?token=${consoleToken}`);
    expect(second.status).toBe(403);
    expect(second.text).toContain('newest address from the terminal');
    expect(second.headers['set-cookie']).toBeUndefined();
  });

  test('stays in, and a reload of the address does no harm', async () => {
    expect((await withCookie('GET', '/v1/session')).json).toMatchObject({ tenant_id: gateway.tenantId });
    expect((await withCookie('GET', `/open?token=${consoleToken}`)).headers.location).toBe('/');
  });

  test('may change something only from its own page', async () => {
    const remove = (headers: Record<string, string>) => withCookie('DELETE', `/v1/engagements/${id}`, headers).then(({ status }) => status);
    expect(await remove({ origin: `http://${gateway.host}` })).toBe(204);
    expect(await remove({ origin: `http://localhost:${gateway.port}` })).toBe(204);
    expect(await remove({ origin: 'https://mail.example.com' })).toBe(204);
    expect(await remove({})).toBe(403);
    expect(await remove({ origin: 'null' })).toBe(403);
    expect(await remove({ origin: 'https://evil.example' })).toBe(403);
    expect(await remove({ origin: `http://127.0.0.1:${gateway.port + 1}` })).toBe(403);
  });

  test('is not read by another port of this machine, which browsers hold for the same site', async () => {
    const { status, json } = await withCookie('GET', '/v1/session', { 'sec-fetch-site': 'same-site' });
    expect([status, (json as { code: string }).code]).toEqual([403, 'FOREIGN_PAGE']);
  });

  test('is told to nobody under a foreign name, not even to its own cookie', async () => {
    for (const host of ['evil.example', `evil.example:${gateway.port}`, '127.0.0.1', `127.0.0.1:${gateway.port + 1}`]) {
      for (const path of ['/v1/session', '/', `/open?token=${consoleToken}`, '/v1/openapi.json', '/nowhere']) {
        const { status, json } = await withCookie('GET', path, { host });
        expect([host, path, status, (json as { code: string }).code]).toEqual([host, path, 421, 'WRONG_HOST']);
      }
    }
    expect((await withCookie('GET', '/v1/session', { host: 'mail.example.com' })).status).toBe(200);
    expect((await withCookie('GET', '/health/live', { host: '10.1.2.3:7420' })).status).toBe(200);
  });
});

test('a demo is told of and begun where the process has one', async () => {
  let begun = 0;
  const demo: DemoSwitch = { state: () => (begun > 0 ? 'running' : 'absent'), begin: async () => void begun++ };
  const pod = await startSecondPod(gateway, [{ provide: DEMO, useValue: demo }]);
  try {
    const headers = { authorization: `Bearer ${apiKey}` };
    const session = async () => (await ask(pod.port, 'GET', '/v1/session', undefined, headers)).json;
    expect(await session()).toMatchObject({ demo: { available: true, state: 'absent' } });
    expect((await ask(pod.port, 'POST', '/v1/demo', {}, headers)).status).toBe(202);
    expect([begun, await session()]).toMatchObject([1, { demo: { available: true, state: 'running' } }]);
  } finally {
    await pod.stop();
  }
});
