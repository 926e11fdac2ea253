// Each service in its own process over Kafka, gRPC, PostgreSQL and S3: the main job, health, logs without content, and a clean end.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { people, startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses, type EightProcesses } from '@rejoinder/testing/eight-processes';
import { settle } from '@rejoinder/testing/settle';
import { folderHolds } from './folder.js';
import { mainJob } from './main-job.js';

let town: Town;
let eight: EightProcesses;

beforeAll(async () => {
  town = await startTown();
  eight = await startEightProcesses({ ...town.env, REJOINDER_LOG_LEVEL: 'debug' });
}, 300_000);

afterAll(async () => {
  await eight?.stop();
  await town?.stop();
}, 120_000);

describe('eight processes', () => {
  it('connect, send, log the reply with its attachments, and read nothing else', async () => {
    const { s3 } = eight;
    const store = { holds: (bytes: Buffer) => folderHolds(s3.dataDir, bytes), count: async () => (await s3.listObjects()).length };
    await mainJob({ rest: eight.rest, town }, store);
  }, 300_000);

  it('log nothing of what was said, to whom, or with which password', () => {
    const planted = [
      ...Object.values(people),
      'Your order 4711',
      'all is well',
      'archive.bin',
      'note.txt',
      'Carla',
      eight.rest.apiKey,
      '"secret"',
    ];
    for (const service of services) {
      const output = eight.program(service).output();
      expect(planted.filter((text) => output.includes(text)).map((text) => `${service} logged ${text}`)).toEqual([]);
    }
  });

  it('are not ready while PostgreSQL is away, but live, and ready again once it is back', async () => {
    const answers = (path: string) => Promise.all(services.map(async (service) => (await eight.health(service, path)).status));
    expect(new Set(await answers('ready'))).toEqual(new Set([200]));
    await eight.postgres.down();
    await settle('every role to say that it is not ready', async () => (await answers('ready')).every((status) => status === 503), {
      timeoutMs: 60_000,
    });
    expect(new Set(await answers('live'))).toEqual(new Set([200]));
    expect(new Set(await answers('startup'))).toEqual(new Set([200]));
    await eight.postgres.up();
    await settle('every role to be ready again', async () => (await answers('ready')).every((status) => status === 200), {
      timeoutMs: 90_000,
    });
  }, 180_000);

  it('end on SIGTERM within their drain time, with code 0', async () => {
    await eight.stopAll();
    const codes = services.map((service: ServiceName) => `${service} ${/ended: (.*)\]/.exec(eight.program(service).output())?.[1]}`);
    expect(codes).toEqual(services.map((service) => `${service} code 0`));
  }, 90_000);
});
