// API keys are made and ended by their tenant: an ended one lets nobody in, at once and for ever, in every process.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { settle } from '@rejoinder/testing/settle';
import { openStream } from './event-stream.js';
import { apiKey, ask, consoleToken, startGateway, startSecondPod, type Gateway } from './gateway-house.js';

interface Key {
  api_key_id: string;
  name: string;
  prefix: string;
  ended_at: string | null;
}

let gateway: Gateway;
beforeAll(async () => void (gateway = await startGateway()));
afterAll(() => gateway?.stop());

const by = (key: string) => ({ authorization: `Bearer ${key}` });
const make = async (name: string, key = apiKey) =>
  (await gateway.call('POST', '/v1/api-keys', { body: { name }, headers: by(key) })).json as Key & { key: string };
const list = async (key = apiKey) =>
  ((await gateway.call('GET', '/v1/api-keys', { headers: by(key) })).json as { api_keys: Key[] }).api_keys;
const end = (id: string, key = apiKey) => gateway.call('DELETE', `/v1/api-keys/${id}`, { headers: by(key) });
const isIn = async (key: string, port = gateway.port) => (await ask(port, 'GET', '/v1/session', undefined, by(key))).status === 200;

test('a key is made, lets in, is in the list without itself, and lets nobody in once it is ended', async () => {
  const made = await make(' CRM ');
  expect(made.key).toMatch(/^rk_[\w-]{32}$/);
  expect(await isIn(made.key)).toBe(true);
  const pod = await startSecondPod(gateway);
  expect(await isIn(made.key, pod.port)).toBe(true);
  const { key, ...told } = made;
  expect(told).toMatchObject({ name: 'CRM', prefix: key.slice(0, 7), ended_at: null });
  expect(await list()).toEqual([expect.objectContaining({ name: 'Bootstrap', ended_at: null }), told]);
  const rows = await gateway.house.query<{ row: string }>('select k::text as row from gateway.api_key k');
  expect(rows.map(({ row }) => row).join()).not.toContain(key);

  expect((await end(made.api_key_id)).status).toBe(204);
  expect([await isIn(key), await isIn(key, pod.port)]).toEqual([false, false]);
  await pod.stop();
  const [{ ended_at: endedAt }] = (await list()).slice(1) as [Key];
  expect(Date.parse(endedAt!)).toBeGreaterThan(Date.now() - 60_000);
  expect([(await end(made.api_key_id)).status, (await list())[1]!.ended_at]).toEqual([204, endedAt]);
});

test('a stream that was opened with it ends within seconds, and others go on', async () => {
  const { key, api_key_id: id } = await make('Listener');
  const [theirs, mine] = [await openStream(gateway.port, key), await openStream(gateway.port, apiKey)];
  await end(id);
  await settle('the end of the stream', async () => theirs.response.complete, { timeoutMs: 12_000 });
  expect(mine.response.complete).toBe(false);
  for (const stream of [theirs, mine]) stream.close();
}, 30_000);

test('nobody ends the key that they ask with, nor one of another tenant', async () => {
  const own = (await list())[0]!;
  const refused = await end(own.api_key_id);
  expect([refused.status, refused.json]).toEqual([409, expect.objectContaining({ code: 'API_KEY_OWN' })]);
  expect((await end(own.api_key_id, gateway.other.key)).status).toBe(204);
  expect((await end(newId())).status).toBe(204);
  expect(await isIn(apiKey)).toBe(true);
  expect((await list(gateway.other.key)).map(({ name }) => name)).toEqual(['Other']);
});

test('a person at the console ends any; the key of the first start does not come back with the next start', async () => {
  const opened = await ask(gateway.port, 'GET', `/open?token=${consoleToken}`);
  const headers = { cookie: opened.headers['set-cookie']![0]!.split(';')[0]!, origin: `http://${gateway.host}` };
  const { key: another } = await make('Another');
  const bootstrap = (await list())[0]!;
  const ended = await ask(gateway.port, 'DELETE', `/v1/api-keys/${bootstrap.api_key_id}`, undefined, headers);
  expect([ended.status, await isIn(apiKey)]).toEqual([204, false]);
  for (let times = 0; times < 2; times++) {
    const pod = await startSecondPod(gateway);
    expect([await isIn(apiKey, pod.port), await isIn(another, pod.port)]).toEqual([false, true]);
    await pod.stop();
  }
  expect((await list(another)).map(({ name, ended_at: at }) => [name, at === null])).toContainEqual(['Bootstrap', false]);
});

test('a name is needed, and a hundred keys may stand at once', async () => {
  const { key } = gateway.other;
  const unnamed = await gateway.call('POST', '/v1/api-keys', { body: { name: ' ' }, headers: by(key) });
  expect(unnamed.status).toBe(400);
  await gateway.house.query(
    `insert into gateway.api_key select $1, gen_random_uuid(), 'rk_fill', sha256(n::text::bytea), 'Filler', now() from generate_series(1, 98) n`,
    [gateway.other.tenantId],
  );
  const answers = await Promise.all(
    [1, 2, 3].map(() => gateway.call('POST', '/v1/api-keys', { body: { name: 'Last' }, headers: by(key) })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  expect(answers.find(({ status }) => status === 409)!.json).toMatchObject({ code: 'API_KEYS_MANY' });
});
