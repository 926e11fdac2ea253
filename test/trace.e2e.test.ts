// One OpenTelemetry trace follows a mail through REST, gRPC, outbox, events, workers and SQL. Needs a build.
import { createServer, type Server } from 'node:http';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTown, people, type Town } from '@rejoinder/testing/crm-town';
import { replyTo } from '@rejoinder/testing/mail';
import { freePorts } from '@rejoinder/testing/ports';
import { ready, run, startProgram, type Program } from '@rejoinder/testing/processes';
import { Rest, type Send } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { connectSales, onTimeline } from './main-job.js';

interface Attribute {
  key: string;
  value: { stringValue?: string };
}
interface Span {
  traceId: string;
  name: string;
  kind: number;
  attributes: Attribute[];
}
interface Export {
  resourceSpans?: { scopeSpans: { scope: { name: string }; spans: Span[] }[] }[];
}
/** A span with the instrumentation that made it. */
type Seen = Span & { scope: string };

const command = fileURLToPath(new URL('../services/rejoinder/bin/rejoinder.js', import.meta.url));
const apiKey = 'rk_end_to_end_test_key_of_traces';
const spans: Seen[] = [];
let collector: Server;
let town: Town;
let all: Program;
let rest: Rest;
const folder = mkdtempSync(join(tmpdir(), 'rejoinder-trace-'));

beforeAll(async () => {
  chmodSync(folder, 0o711);
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      take(JSON.parse(Buffer.concat(chunks).toString()) as Export);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  const [port, collectorPort] = (await freePorts(2)) as [number, number];
  await new Promise<void>((resolve) => collector.listen(collectorPort, '127.0.0.1', resolve));
  town = await startTown();
  all = startProgram({
    name: 'rejoinder all',
    command: process.execPath,
    args: [command, 'all', '--data', join(folder, 'data'), '--port', String(port)],
    env: {
      ...town.env,
      REJOINDER_BOOTSTRAP_API_KEY: apiKey,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort}`,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    },
  });
  rest = new Rest(`http://127.0.0.1:${port}`, apiKey);
  await ready(all, () => rest.contacts(), { timeoutMs: 90_000 });
}, 150_000);

afterAll(async () => {
  await all?.stop('SIGTERM', 40_000);
  await town?.stop();
  collector?.close();
  rmSync(folder, { recursive: true, force: true });
}, 90_000);

function take({ resourceSpans = [] }: Export): void {
  for (const { scopeSpans } of resourceSpans)
    for (const { scope, spans: some } of scopeSpans) spans.push(...some.map((span) => ({ ...span, scope: scope.name })));
}

const of = (traceId: string) => spans.filter((span) => span.traceId === traceId);
const says = (span: Seen, key: string) => span.attributes.find((one) => one.key === key)?.value.stringValue;
const consumed = (traceId: string, service: string) =>
  of(traceId)
    .filter((span) => says(span, 'messaging.consumer.group.name') === service)
    .map(({ name }) => name);
const names = (traceId: string) => of(traceId).map(({ name }) => name);
const within60 = { timeoutMs: 60_000 };
/** Kinds of spans in OTLP. */
const [server, client] = [2, 3];

describe('a mail out and its reply', () => {
  it('are one trace each, from the door to the timeline', async () => {
    const inboxId = await connectSales({ rest, town });
    const traceId = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
    const mail = { inbox_id: inboxId, to: [{ address: people.contact }], subject: 'Traced', text: 'Dear Carla' };
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, 'idempotency-key': crypto.randomUUID() };
    const send = await rest.call<Send>('POST', '/v1/mail', mail, headers);

    await settle(
      'all of the send to be traced',
      () => Promise.resolve(consumed(traceId, 'timeline').includes('process MailSent')),
      within60,
    );
    const seen = of(traceId);
    expect(seen.some((span) => span.scope.endsWith('instrumentation-http') && span.kind === server)).toBe(true);
    const rpc = seen.filter(({ name }) => name.endsWith('rejoinder.sending.v1.SendingService/Send'));
    expect(rpc.map(({ kind }) => kind).sort()).toEqual([server, client]);
    expect(consumed(traceId, 'threading')).toContain('process SendAccepted');
    expect(consumed(traceId, 'timeline')).toContain('process SendAccepted');
    expect(names(traceId)).toContain('attempt');
    expect(seen.filter((span) => span.scope.endsWith('instrumentation-pg')).length).toBeGreaterThan(10);

    const sent = await settle('the mail', async () => town.dovecot.accepted.find(({ raw }) => raw.includes(send.message_id)), within60);
    await town.dovecot.deliver(people.sales, await replyTo(sent.raw, { from: people.contact, text: 'All well.' }));
    const contact = await settle(
      'the contact',
      async () => (await rest.contacts()).find(({ address }) => address === people.contact),
      within60,
    );
    await onTimeline({ rest, town }, contact.contact_id, 'Re: Traced', (one) => one.text_state === 'ready');
    const replied = await settle('the trace of the reply', () => Promise.resolve(traceOfCapture(traceId)), within60);
    await settle('its last step', () => Promise.resolve(consumed(replied, 'gateway').includes('process EngagementLogged')), within60);
    expect(names(replied)).toEqual(expect.arrayContaining(['observe', 'capture work', 'mail work']));
    expect(consumed(replied, 'threading')).toContain('process MailsObserved');
    expect(consumed(replied, 'sync')).toContain('process CaptureMail');
    expect(consumed(replied, 'timeline')).toContain('process MailCaptured');
  }, 180_000);

  it('leave nothing personal in their spans', () => {
    const said = JSON.stringify(spans);
    for (const planted of [people.contact, people.sales, 'Traced', 'Dear Carla', 'All well.', apiKey]) expect(said).not.toContain(planted);
  });
});

/** The trace, other than that of the send, in which a captured mail was handled. */
function traceOfCapture(other: string): string | undefined {
  return spans.find(({ name, traceId }) => name === 'capture work' && traceId !== other)?.traceId;
}

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
