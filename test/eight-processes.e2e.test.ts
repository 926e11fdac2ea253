// Each service in its own process over Kafka, gRPC, PostgreSQL and S3: the main job, and again with services killed at seeded moments.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { migrateAll } from '../services/rejoinder/src/migrate-command.js';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { startKafka, type Kafka } from '@rejoinder/testing/kafka';
import { freePorts } from '@rejoinder/testing/ports';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { ready, startProgram, type Program } from '@rejoinder/testing/processes';
import { startS3, type S3 } from '@rejoinder/testing/s3';
import { fileKey } from '@rejoinder/vault/kek';
import { mainJob } from './main-job.js';
import { Rest } from './rest.js';
import { startTown, type Town } from './town.js';

const apiKey = 'rk_end_to_end_test_key_of_eight_processes';
const main = (service: ServiceName) => new URL(`../services/${service}/dist/main.js`, import.meta.url).pathname;

let town: Town;
let kafka: Kafka;
let postgres: Postgres;
let s3: S3;
let rest: Rest;
const folder = mkdtempSync(join(tmpdir(), 'rejoinder-eight-'));
const running = new Map<ServiceName, Program>();
const start = new Map<ServiceName, () => Promise<void>>();

beforeAll(async () => {
  [town, kafka, postgres, s3] = await Promise.all([startTown(), startKafka(), startPostgres(), startS3()]);
  const env = await shared();
  await migrateAll(env);
  const ports = await freePorts(services.length * 2 + 1);
  const http = ports.pop()!;
  const grpc = Object.fromEntries(services.map((service, n) => [`REJOINDER_${service.toUpperCase()}_GRPC`, `127.0.0.1:${ports[n]}`]));
  services.forEach((service, n) => {
    const own = {
      REJOINDER_GRPC_LISTEN: `127.0.0.1:${ports[n]}`,
      REJOINDER_HEALTH_LISTEN: `127.0.0.1:${ports[services.length + n]}`,
      REJOINDER_HTTP_LISTEN: `127.0.0.1:${http}`,
    };
    start.set(service, async () => {
      const program = startProgram({ name: service, command: process.execPath, args: [main(service)], env: { ...env, ...grpc, ...own } });
      running.set(service, program);
      await ready(program, () => healthy(ports[services.length + n]!), { timeoutMs: 60_000 });
    });
  });
  await Promise.all([...start.values()].map((one) => one()));
  rest = new Rest(`http://127.0.0.1:${http}`, apiKey);
}, 240_000);

afterAll(async () => {
  await Promise.all([...running.values()].map((program) => program.stop('SIGTERM', 30_000)));
  await Promise.all([town?.stop(), kafka?.stop(), postgres?.stop(), s3?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function shared(): Promise<Record<string, string>> {
  const keyFile = join(folder, 'key');
  await fileKey(keyFile, { createIfMissing: true });
  return {
    ...town.env,
    REJOINDER_DATABASE_URL: await postgres.createDatabase('rejoinder'),
    REJOINDER_KEYRING_URL: await postgres.createDatabase('keyring'),
    REJOINDER_KEY_FILE: keyFile,
    REJOINDER_BUS: 'kafka',
    REJOINDER_KAFKA_BROKERS: kafka.brokers.join(','),
    REJOINDER_STORE: 's3',
    REJOINDER_S3_ENDPOINT: s3.endpoint,
    REJOINDER_S3_REGION: s3.region,
    REJOINDER_S3_BUCKET: s3.bucket,
    REJOINDER_S3_ACCESS_KEY_ID: s3.accessKeyId,
    REJOINDER_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    REJOINDER_BOOTSTRAP_API_KEY: apiKey,
  };
}

async function healthy(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(2_000) });
  if (!response.ok) throw new Error(await response.text());
}

it('connects, sends, logs the reply with its attachments, and reads nothing else', async () => {
  await mainJob({ rest, town });
}, 300_000);
