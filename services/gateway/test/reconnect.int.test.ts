// The page behind a reconnect link over real HTTP: what it shows to whom, and that it takes no end of tries.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { catalogue, faultOf } from '@rejoinder/contracts/catalogue';
import { ask, startGateway, type Gateway } from './gateway-house.js';
import { startPeer, type Peer } from './peers.js';

const token = 't'.repeat(43);
const ofProvider = 'p'.repeat(43);
const [tenantId, inboxId] = [newId(), newId()];
const address = `o'neil<b>@example.com`;
let gateway: Gateway;
let peer: Peer;
const tried: object[] = [];
const begun: object[] = [];
let tooMany = false;

beforeAll(async () => {
  gateway = await startGateway({ REJOINDER_HTTP_TRUSTED_PROXIES: '127.0.0.1/32' });
  peer = await startPeer(gateway.house.house.peerAddress('connections'), ConnectionsService, {
    openReconnectLink: (request) => {
      if (request.token === ofProvider) return { tenantId, inbox: { inboxId, address, oauthProvider: 'google' } };
      if (request.token !== token) throw faultOf('LINK_VOID');
      if (request.attempts && tooMany) throw faultOf('LINK_ATTEMPTS');
      return { tenantId, inbox: { inboxId, address, displayName: 'Secret Name' } };
    },
    startSignIn: (request) => {
      begun.push(request);
      return { authorizationUrl: 'https://provider.example/authorize' };
    },
    reconnect: (request) => {
      tried.push({ tenantId: request.tenantId, inboxId: request.inboxId, password: request.password });
      const passed = request.password === 'right & good';
      const check = { protocol: 'imap', passed, code: 'AUTH_REJECTED', detail: catalogue.AUTH_REJECTED.sentence };
      return { inbox: passed ? { inboxId, address } : undefined, checks: [check, { protocol: 'smtp', passed: true }] };
    },
  });
});
afterAll(async () => {
  await peer?.stop();
  await gateway?.stop();
});

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const visit = (path = token, more: Record<string, string> = {}) =>
  ask(gateway.port, 'GET', `/reconnect/${path}`, undefined, { host: gateway.host, ...more });
const post = (password: string) =>
  ask(gateway.port, 'POST', `/reconnect/${token}`, Buffer.from(new URLSearchParams({ password }).toString()), {
    ...form,
    host: gateway.host,
  });

describe('a reconnect link', () => {
  it('shows the address and asks for the password, without a sign-in and without anything else of the inbox', async () => {
    const { status, headers, text } = await visit();
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, 'text/html; charset=utf-8', 'no-store']);
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(text).toContain('o&#39;neil&lt;b&gt;@example.com');
    expect(text).not.toMatch(/<b>@|Secret Name/);
    expect(text).not.toContain(inboxId);
    expect(text).not.toContain(token);
  });

  it('leads to the provider’s page where one signed in there before, and asks for no password', async () => {
    expect((await visit(ofProvider)).text).toContain(`href="/reconnect/${ofProvider}/sign-in"`);
    expect((await visit(ofProvider)).text).not.toContain('<form');
    expect((await visit()).text).not.toContain('/sign-in"');
    const started = await visit(`${ofProvider}/sign-in`);
    expect([started.status, started.headers.location]).toEqual([303, 'https://provider.example/authorize']);
    expect(started.headers['set-cookie']).toEqual([`rejoinder_link=${ofProvider}; HttpOnly; SameSite=Lax; Path=/reconnect; Max-Age=600`]);
    expect(begun).toMatchObject([{ tenantId, inboxId, provider: 'google', redirectUri: `http://${gateway.host}/reconnect/signed-in` }]);
  });

  it('is needed to come back by: without it nothing is finished', async () => {
    const back = await visit('signed-in?code=c&state=s');
    expect([back.status, back.text.includes(catalogue.SIGN_IN_GONE.sentence.slice(0, 40))]).toEqual([409, true]);
  });

  it('tells what the servers said to a wrong password, and takes the right one', async () => {
    const refused = await post('wrong');
    expect([refused.status, refused.text]).toEqual([200, expect.stringContaining(`Receiving: ${catalogue.AUTH_REJECTED.sentence}`)]);
    expect(refused.text).toContain('role="alert"');
    expect(refused.text).not.toContain('wrong');
    const done = await post('right & good');
    expect(done.text).toContain('is connected again');
    expect(tried).toEqual(['wrong', 'right & good'].map((password) => ({ tenantId, inboxId, password })));
    expect((await post('')).text).toContain('The password is needed');
    expect(tried).toHaveLength(2);
  });

  it('says so once it is void, or too many passwords were tried', async () => {
    const { status, text } = await visit('v'.repeat(43));
    expect([status, text]).toEqual([404, expect.stringContaining('This link is not good any more')]);
    tooMany = true;
    expect((await post('right & good')).status).toBe(429);
    expect(tried).toHaveLength(2);
    tooMany = false;
  });

  it('is answered thirty times a minute, and no more', async () => {
    const statuses: number[] = [];
    for (let visits = 0; visits < 40; visits++) statuses.push((await visit()).status);
    expect(statuses.at(0)).toBe(200);
    expect(statuses.at(-1)).toBe(429);
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(30);
  });

  it('is answered so often to each who comes through our proxy, and to who writes other addresses before his own', async () => {
    const from = (forwarded: string) => visit(token, { 'x-forwarded-for': forwarded }).then(({ status }) => status);
    for (let visits = 0; visits < 30; visits++) await from(`192.0.2.${visits}, 203.0.113.5`);
    expect(await from('192.0.2.99, 203.0.113.5')).toBe(429);
    expect(await from('203.0.113.6')).toBe(200);
  });
});
