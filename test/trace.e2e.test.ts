// One OpenTelemetry trace follows a mail through REST, gRPC, outbox, events, workers and SQL. Needs a build.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTown, people, type Town } from '@rejoinder/testing/crm-town';
import { freePort } from '@rejoinder/testing/ports';
import { ready, run, startProgram, type Program } from '@rejoinder/testing/processes';
import { startReceiver, type Receiver } from '@rejoinder/testing/receiver';
import { Rest } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { connectSales } from './main-job.js';
import { startTraceCollector, type TraceCollector } from './trace-collector.js';
import { said, tracedMail } from './trace-job.js';

const command = fileURLToPath(new URL('../services/rejoinder/bin/rejoinder.js', import.meta.url));
const apiKey = 'rk_end_to_end_test_key_of_traces';
let traces: TraceCollector;
let town: Town;
let all: Program;
let rest: Rest;
let receiver: Receiver;
/** As people put it into the address of a webhook. */
const hookSecret = 'secret-of-a-hook';
const folder = mkdtempSync(join(tmpdir(), 'rejoinder-trace-'));

beforeAll(async () => {
  chmodSync(folder, 0o711);
  traces = await startTraceCollector();
  const port = await freePort();
  town = await startTown();
  receiver = await startReceiver(town.dovecot.ca, { port: await freePort() });
  const mayLead = {
    REJOINDER_WEBHOOK_CA_FILE: town.env.REJOINDER_MAIL_CA_FILE!,
    REJOINDER_WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32',
    REJOINDER_WEBHOOK_ALLOWED_PORTS: String(receiver.port),
  };
  all = startProgram({
    name: 'rejoinder all',
    command: process.execPath,
    args: [command, 'all', '--data', join(folder, 'data'), '--port', String(port)],
    env: { ...town.env, ...traces.env, ...mayLead, REJOINDER_BOOTSTRAP_API_KEY: apiKey },
  });
  rest = new Rest(`http://127.0.0.1:${port}`, apiKey);
  await ready(all, () => rest.contacts(), { timeoutMs: 90_000 });
}, 150_000);

afterAll(async () => {
  await all?.stop('SIGTERM', 40_000);
  await receiver?.stop();
  await town?.stop();
  traces?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 90_000);

describe('a mail out and its reply', () => {
  it('are one trace each, from the door to the timeline', async () => {
    await rest.call('POST', '/v1/webhooks', { url: `${receiver.url}/${hookSecret}` });
    await tracedMail(rest, town, await connectSales({ rest, town }), traces);
  }, 180_000);

  it('leave nothing personal in their spans, and no secret of an address', async () => {
    const secrets = ['planted-code-of-a-provider', 'planted-token-of-the-console'];
    await fetch(new URL(`/inboxes/signed-in?state=1&code=${secrets[0]}`, rest.base), { redirect: 'manual' });
    await fetch(new URL(`/open?token=${secrets[1]}`, rest.base), { redirect: 'manual' });
    await rest.contacts();
    await settle('the webhook to be told', () => receiver.told.some(({ event }) => event.type === 'EngagementLogged'));
    await settle('its work to be traced', () => traces.spans.some(({ name }) => name === 'webhook work'));
    const all = JSON.stringify(traces.spans);
    const planted = [...secrets, hookSecret, people.contact, people.sales, ...Object.values(said), apiKey, town.login.password];
    expect(planted.filter((text) => all.includes(text))).toEqual([]);
  });
});

it('what a process counts is sent', async () => {
  const [telemetry, count] = ['telemetry', 'count'].map((name) => new URL(`../libs/runtime/dist/${name}.js`, import.meta.url).href);
  const script = `
    const { startTelemetry } = await import('${telemetry}');
    const sdk = await startTelemetry('test', '${traces.env.OTEL_EXPORTER_OTLP_ENDPOINT}');
    const { count } = await import('${count}');
    count('rejoinder.test.things', 2);
    count('rejoinder.test.things');
    await sdk.stop();`;
  await run('node', process.execPath, ['--input-type=module', '-e', script], { timeoutMs: 60_000 });
  expect(traces.counters.get('rejoinder.test.things')).toBe(3);
}, 90_000);

it('nothing of the SDK is loaded where no endpoint is named', async () => {
  const main = new URL('../libs/runtime/dist/main.js', import.meta.url);
  const roles = new URL('../services/rejoinder/dist/roles.js', import.meta.url);
  const telemetry = new URL('../libs/runtime/dist/telemetry.js', import.meta.url);
  const script = (endpoint: string) => `
    const { registerHooks } = await import('node:module');
    const loaded = new Set();
    registerHooks({ load: (url, context, next) => { loaded.add(url); return next(url, context); } });
    const { startTelemetry } = await import('${telemetry.href}');
    await startTelemetry('test', ${endpoint});
    await import('${main.href}');
    const { services } = await import('${new URL('../libs/runtime/dist/services.js', import.meta.url).href}');
    await (await import('${roles.href}')).loadRoles(services);
    const of = [...loaded].map((url) => /@opentelemetry\\/([^/]+)/.exec(url)?.[1]).filter(Boolean);
    console.log('loaded ' + [...new Set(of)].sort().join(' '));
    process.exit(0);`;
  const look = (endpoint: string) => run('node', process.execPath, ['--input-type=module', '-e', script(endpoint)], { timeoutMs: 60_000 });
  expect((await look('undefined')).trim()).toBe('loaded api');
  expect(await look(`'http://127.0.0.1:9'`)).toContain('sdk-node');
}, 120_000);
