// A gateway that is told to go: unready at once, every request under way answered, streams ended so that pages come again, and nobody cut before the time is over.
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { settle } from '@rejoinder/testing/settle';
import { apiKey, ask, startGateway, type Gateway } from './gateway-house.js';

let gateway: Gateway;
let port: number;
const authorization = `Bearer ${apiKey}`;

beforeAll(async () => {
  gateway = await startGateway({ REJOINDER_DRAIN_SECONDS: '4' });
}, 60_000);
beforeEach(async () => {
  if (pod().health().ready === false) await gateway.house.reopen();
  port = Number(pod().httpAddress!.split(':')[1]);
}, 60_000);
afterAll(() => gateway?.stop(), 60_000);

const pod = () => gateway.house.roles[0]!;

const half = '          ';

/** A request whose last byte has not come yet. */
function slowRequest(agent?: Agent): ClientRequest {
  const headers = { authorization, 'content-type': 'application/json', 'content-length': String(half.length * 2) };
  const slow = request({ host: '127.0.0.1', port, method: 'POST', path: '/v1/webhooks', headers, agent });
  slow.on('error', () => undefined).write(half);
  return slow;
}

async function get(path: string, agent: Agent): Promise<IncomingMessage> {
  const asked = request({ host: '127.0.0.1', port, path, headers: { authorization }, agent }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  await once(answer.resume(), 'end');
  return answer;
}

test('is unready at once, and goes on serving connections, each for one more answer', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  expect((await get('/v1/session', agent)).headers.connection).toBe('keep-alive');
  expect((await ask(port, 'GET', '/health/ready')).status).toBe(200);
  pod().announceEnd();
  expect((await ask(port, 'GET', '/health/ready')).status).toBe(503);
  expect((await ask(port, 'GET', '/health/live')).status).toBe(200);
  expect(pod().health().ready).toBe(false);
  const answer = await get('/v1/webhooks', agent);
  expect([answer.statusCode, answer.headers.connection]).toEqual([200, 'close']);
});

test('answers what is under way, closes what is idle, and takes no more', async () => {
  const idle = connect(port, '127.0.0.1');
  await once(idle, 'connect');
  const slow = slowRequest();
  await settle('the request to be there', async () => (await connections()) === 2);
  const drained = pod().drain();
  await once(idle.resume(), 'close');
  await expect(ask(port, 'GET', '/health/live')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  slow.end(half);
  const [answer] = (await once(slow, 'response')) as [IncomingMessage];
  expect([answer.statusCode, answer.headers.connection]).toEqual([400, 'close']);
  await drained;
});

test('ends each stream of events as a whole answer, so that its page connects again elsewhere', async () => {
  const agent = new Agent({ keepAlive: true });
  const asked = request({ host: '127.0.0.1', port, path: '/v1/events', headers: { authorization }, agent }).end();
  const [stream] = (await once(asked, 'response')) as [IncomingMessage];
  const ended = once(stream.resume(), 'end');
  const began = performance.now();
  await pod().drain();
  await ended;
  // Its connection is idle then, and nothing is waited for.
  expect(performance.now() - began).toBeLessThan(3_500);
  expect(stream.complete).toBe(true);
});

test('cuts what is not over in time', async () => {
  const slow = slowRequest();
  const closed = new Promise((resolve) => slow.once('close', resolve));
  await settle('the request to be there', async () => (await connections()) === 1);
  const began = performance.now();
  await pod().drain();
  await closed;
  const tookMs = performance.now() - began;
  expect(tookMs).toBeGreaterThan(3_900);
  expect(tookMs).toBeLessThan(9_000);
});

const connections = () =>
  new Promise<number>((resolve, reject) =>
    pod()
      .app.getHttpServer()
      .getConnections((error: Error | null, count: number) => (error ? reject(error) : resolve(count))),
  );
