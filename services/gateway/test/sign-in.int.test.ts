// Signing in at a provider's page over REST: begun and finished by the same caller, each told apart from every other.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiKey, ask, consoleToken, type Answer, type Gateway } from './gateway-house.js';
import { inboxId, problemOf, startRestHouse, type RestHouse } from './rest-house.js';

const redirect_uri = 'https://crm.example.com/inboxes/signed-in';
const start = { provider: 'google', address: 'ada@example.com', redirect_uri };

let house: RestHouse;
let gateway: Gateway;
let cookie: string;

beforeAll(async () => {
  house = await startRestHouse();
  gateway = house.gateway;
  cookie = (await ask(gateway.port, 'GET', `/open?token=${consoleToken}`)).headers['set-cookie']![0]!.split(';')[0]!;
});
afterAll(() => house?.stop());

const asConsole = (path: string, body: object): Promise<Answer> =>
  ask(gateway.port, 'POST', path, body, { cookie, origin: `http://${gateway.host}` });
const finish = (code = 'new') => ({ callback_url: `${redirect_uri}?code=${code}&state=x` });

describe('a sign-in', () => {
  test('is answered with the page to go to', async () => {
    const { status, json } = await gateway.call('POST', '/v1/inboxes/sign-in', { body: start });
    expect([status, json]).toEqual([200, { authorization_url: 'https://provider.example/authorize?login_hint=ada@example.com' }]);
  });

  test('is of its caller, who is known to connections by a hash alone', async () => {
    house.asked.callers.length = 0;
    await gateway.call('POST', '/v1/inboxes/sign-in', { body: start });
    expect(problemOf(await asConsole('/v1/inboxes/sign-in/finish', finish()))).toEqual([409, 'SIGN_IN_GONE']);
    expect((await gateway.call('POST', '/v1/inboxes/sign-in/finish', { body: finish() })).status).toBe(201);
    await asConsole('/v1/inboxes/sign-in', start);
    expect((await asConsole('/v1/inboxes/sign-in/finish', finish('again'))).status).toBe(200);
    expect(house.asked.callers).toHaveLength(2);
    for (const caller of house.asked.callers) expect(caller).toMatch(/^[0-9a-f]{64}$/);
    expect(house.asked.callers.join()).not.toContain(apiKey);
  });

  test('says of each server why it was refused', async () => {
    await gateway.call('POST', '/v1/inboxes/sign-in', { body: start });
    const answer = await gateway.call('POST', '/v1/inboxes/sign-in/finish', { body: finish('refused') });
    expect(problemOf(answer)).toEqual([422, 'VERIFY_FAILED']);
    expect((answer.json as { checks: object[] }).checks).toHaveLength(2);
  });

  test('is refused where nothing is set up, or where it is not said for whom', async () => {
    expect(problemOf(await gateway.call('POST', '/v1/inboxes/sign-in', { body: { ...start, provider: 'none' } }))).toEqual([
      400,
      'OAUTH_NOT_SET_UP',
    ]);
    for (const body of [
      { ...start, inbox_id: 'x' },
      { ...start, redirect_uri: '' },
      { ...start, address: undefined },
      { ...start, inbox_id: inboxId },
    ])
      expect((await gateway.call('POST', '/v1/inboxes/sign-in', { body })).status).toBe(400);
  });
});
