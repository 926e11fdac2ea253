// Each service in its own process over Kafka, gRPC, PostgreSQL and S3: the main job, its traces, health, logs without content, and a clean end.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { people, startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses, type EightProcesses, type ProcessName } from '@rejoinder/testing/eight-processes';
import { DROPPED_OUTPUT } from '@rejoinder/testing/processes';
import { settle } from '@rejoinder/testing/settle';
import { folderHolds } from './folder.js';
import { LoggingJob, openIntakeDoor, type IntakeDoor } from './logging-job.js';
import { mainJob } from './main-job.js';
import { startTraceCollector, type TraceCollector } from './trace-collector.js';
import { isSql, said, tracedMail } from './trace-job.js';

let town: Town;
let traces: TraceCollector;
let door: IntakeDoor;
let eight: EightProcesses;
let database: pg.Pool;

beforeAll(async () => {
  [town, traces, door] = await Promise.all([startTown(), startTraceCollector(), openIntakeDoor()]);
  eight = await startEightProcesses({ ...town.env, ...traces.env, ...door.env, REJOINDER_LOG_LEVEL: 'debug' });
  database = new pg.Pool({ connectionString: eight.databaseUrl, max: 1 });
  // PostgreSQL is away for a while.
  database.on('error', () => undefined);
}, 300_000);

afterAll(async () => {
  await database?.end();
  await eight?.stop();
  await town?.stop();
  traces?.stop();
  await door?.dns.stop();
}, 120_000);

/** What each role says keeps it from its work. It is ready all the same: whoever asks it is answered as well as it can. */
async function troubles(): Promise<Record<string, string[]>> {
  const each = eight.names.map(async (service) => {
    const response = await eight.health(service, 'ready');
    const { roles } = (await response.json()) as { roles: { troubles: string[] }[] };
    expect([service, response.status]).toEqual([service, 200]);
    return [service, roles.flatMap((role) => role.troubles)] as const;
  });
  return Object.fromEntries(await Promise.all(each));
}

const statuses = (path: string) => Promise.all(eight.names.map(async (service) => (await eight.health(service, path)).status));

/** Nothing is on its way any more: all events are on Kafka and taken, and no mail waits for work. */
async function quiet(): Promise<void> {
  const busy = [
    ...services.map((service) => `select 1 from ${service}.outbox where placed_at is null`),
    `select 1 from sync.intake where due_at < now()`,
    `select 1 from sync.capture where state = 'wanted'`,
    `select 1 from timeline.mail where to_place`,
  ].map((sql) => `exists (${sql})`);
  const hearing = services.filter((service) => service !== 'retention');
  await settle('all to be quiet', async () => {
    const lags = await Promise.all(hearing.map((service) => eight.kafka.lag(`rejoinder.${service}`)));
    const { rows } = await database.query<{ busy: boolean }>(`select ${busy.join(' or ')} as busy`);
    return lags.every((lag) => lag === 0) && !rows[0]!.busy;
  });
}

describe('eight processes', () => {
  it('connect, send, log the reply with its attachments, and read nothing else', async () => {
    const { s3 } = eight;
    const store = { holds: (bytes: Buffer) => folderHolds(s3.dataDir, bytes), count: async () => (await s3.listObjects()).length };
    await mainJob({ rest: eight.rest, town }, store);
  }, 300_000);

  it('are followed by one trace from the door to the timeline, through every process that has part in it', async () => {
    const [inbox] = await eight.rest.inboxes();
    const { out, back } = await tracedMail(eight.rest, town, inbox!.inbox_id, traces);
    const isIn = (traceId: string, service: ServiceName) => traces.of(traceId).some((span) => span.service === `rejoinder-${service}`);
    const all = (traceId: string, names: ServiceName[]) =>
      settle(`spans of ${names.join(', ')}`, () => names.every((service) => isIn(traceId, service)));
    // Connections is asked for the credential; attachment hears of files, even where there are none.
    await all(out, ['gateway', 'sending', 'connections', 'sync', 'threading', 'timeline', 'attachment']);
    await all(back, ['sync', 'threading', 'timeline', 'attachment', 'gateway']);
    const ask = (service: ServiceName) => traces.of(out).some((span) => span.service === `rejoinder-${service}` && isSql(span));
    await settle('their SQL', () => (['sending', 'threading', 'timeline'] as const).every(ask));
  }, 180_000);

  it('log what a person sends to their logging address, and hold back what somebody else sends there', async () => {
    const [inbox] = await eight.rest.inboxes();
    const job = await LoggingJob.of({ rest: eight.rest, town, door, inboxId: inbox!.inbox_id, quiet });
    await job.copiesIn();
    await job.isAnswered();
    await job.forwards();
    await job.isSpoofed();
  }, 240_000);

  it('log nothing of what was said, to whom, or with which password', () => {
    const { address, password, display_name: name } = town.login;
    const planted = [
      ...Object.values(people),
      ...['Your order 4711', 'The big one', 'Something else', 'all is well', 'Here it is, all of it', 'about Your order'],
      ...Object.values(said),
      ...['An offer from my phone', 'Dear Carla', 'A question', 'Shall we?', 'Partners?', 'Pay this', 'offer.pdf'],
      ...['archive.bin', 'note.txt', 'order.pdf', 'huge.iso', 'Carla', name],
      ...[
        eight.rest.apiKey,
        password,
        Buffer.from(password).toString('base64'),
        Buffer.from(`\0${address}\0${password}`).toString('base64'),
      ],
    ];
    const spans = JSON.stringify(traces.spans);
    expect(planted.filter((text) => spans.includes(text))).toEqual([]);
    for (const service of eight.names) {
      const output = eight.program(service).output();
      expect(output).toContain('"level":20');
      expect(output).not.toContain(DROPPED_OUTPUT);
      expect(planted.filter((text) => output.includes(text)).map((text) => `${service} logged ${text}`)).toEqual([]);
    }
  });

  it('say that PostgreSQL is away, and are well again once it is back', async () => {
    const told = async () => Object.values(await troubles());
    expect((await told()).flat()).toEqual([]);
    await eight.postgres.down();
    await settle('every role to say so', async () => (await told()).every((role) => role.length > 0), { timeoutMs: 60_000 });
    expect(new Set(await statuses('live'))).toEqual(new Set([200]));
    expect(new Set(await statuses('startup'))).toEqual(new Set([200]));
    await eight.postgres.up();
    await settle('every role to be well again', async () => (await told()).flat().length === 0, { timeoutMs: 90_000 });
  }, 180_000);

  it('say what else is away that they need, are live meanwhile, and well again once it is back', async () => {
    const saysOf = (told: string[], what: RegExp) => told.some((trouble) => what.test(trouble));
    const who = async (what: RegExp) => {
      const told = await troubles();
      return eight.names.filter((service) => saysOf(told[service]!, what));
    };
    const until = (which: string, what: RegExp, expected: readonly ProcessName[]) =>
      settle(which, async () => String(await who(what)) === String(expected), { timeoutMs: 60_000 });
    const [kafka, keyring, store] = [/Kafka|consumer/, /^the keyring/, /^the store/];
    expect(Object.values(await troubles()).flat()).toEqual([]);

    eight.kafka.pause();
    eight.keyringProxy.refuse();
    eight.s3.pause();
    // Retention and the intake hear no events, and attachment alone stores files.
    const hearing = eight.names.filter((service) => service !== 'retention' && service !== 'intake');
    await until('Kafka to be missed', kafka, hearing);
    await until('the keyring to be missed', keyring, eight.names);
    await until('the store to be missed', store, ['attachment']);
    expect(new Set(await statuses('live'))).toEqual(new Set([200]));
    expect(new Set(await statuses('startup'))).toEqual(new Set([200]));

    eight.s3.resume();
    await until('the store to be back', store, []);
    expect(await who(keyring)).toEqual(eight.names);
    eight.keyringProxy.allow();
    await until('the keyring to be back', keyring, []);
    expect(await who(kafka)).toEqual(hearing);
    eight.kafka.resume();
    let told: Record<string, string[]> = {};
    const areWell = async () => Object.values((told = await troubles())).flat().length === 0;
    await settle('every role to be well again', areWell, { timeoutMs: 90_000 }).catch((cause: unknown) => {
      throw new Error(JSON.stringify(told), { cause });
    });
  }, 240_000);

  it('end on SIGTERM within their drain time, with code 0', async () => {
    await eight.stopAll();
    const codes = eight.names.map((service) => `${service} ${/ended: (.*)\]/.exec(eight.program(service).output())?.[1]}`);
    expect(codes).toEqual(eight.names.map((service) => `${service} code 0`));
  }, 90_000);
});
