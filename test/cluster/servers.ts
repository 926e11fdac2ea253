// PostgreSQL, Kafka, S3 and mail servers beside the cluster, on this machine, at an address that pods reach.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startKafka } from '@rejoinder/testing/kafka';
import { startTown, type Town } from '@rejoinder/testing/crm-town';
import { freePorts } from '@rejoinder/testing/ports';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { startS3, type S3 } from '@rejoinder/testing/s3';

const openWithinMs = 20_000;

/** As pods see them. */
export interface Servers {
  host: string;
  ports: { postgres: number; kafka: number; s3: number };
  databaseUrl: string;
  keyringUrl: string;
  s3: { endpoint: string; bucket: string; accessKeyId: string; secretAccessKey: string };
  town: Town;
  /** What the S3 server has, as its disk tells it. */
  store: Pick<S3, 'dataDir' | 'listObjects'>;
  stop(): Promise<void>;
}

/** This machine's first address that is not its own alone, unless REJOINDER_CLUSTER_HOST names another. */
function reachableHost(): string {
  const host =
    process.env.REJOINDER_CLUSTER_HOST ??
    Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  if (!host) throw new Error('Set REJOINDER_CLUSTER_HOST to an address of this machine that pods reach.');
  return host;
}

/** Unheard: nothing is written down of what is said by IMAP. */
export async function startServers({ unheard = false } = {}): Promise<Servers> {
  const host = reachableHost();
  const [kafkaPort, controllerPort] = (await freePorts(2)) as [number, number];
  const [postgres, kafka, s3, town] = await Promise.all([
    startPostgres({ settings: { max_connections: '400', listen_addresses: `127.0.0.1,${host}` } }),
    startKafka({
      port: kafkaPort,
      lasting: true,
      settings: {
        listeners: `PLAINTEXT://0.0.0.0:${kafkaPort},CONTROLLER://127.0.0.1:${controllerPort}`,
        'advertised.listeners': `PLAINTEXT://${host}:${kafkaPort}`,
        'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      },
    }),
    startS3(),
    startTown({ reachedAt: host, unheard }),
  ]);
  await letIn(postgres);
  const urls = await Promise.all([postgres.createDatabase('rejoinder'), postgres.createDatabase('keyring')]);
  // The town tells others at which ports it is reached.
  const told = [town.imapPort, town.dovecot.submissionsPort].map((port) => openDoor(host, port, port));
  const doors = await Promise.all([openDoor(host, s3.port), ...told]);
  const [{ port: s3Port }] = doors as [Door];
  const [databaseUrl, keyringUrl] = urls.map((url) => url.replace('127.0.0.1', host)) as [string, string];
  return {
    host,
    ports: { postgres: postgres.port, kafka: kafkaPort, s3: s3Port },
    databaseUrl,
    keyringUrl,
    town,
    store: s3,
    s3: { ...s3, endpoint: `http://${host}:${s3Port}` },
    stop: async () => {
      for (const door of doors) door.close();
      await Promise.all([postgres.stop(), kafka.stop(), s3.stop(), town.stop()]);
    },
  };
}

/** It trusts whoever comes from this machine alone. */
async function letIn({ dataDir, query }: Postgres): Promise<void> {
  appendFileSync(join(dataDir, 'pg_hba.conf'), 'host all all 0.0.0.0/0 trust\n');
  await query('select pg_reload_conf()');
}

/** These servers listen on 127.0.0.1. Tests that make load have no time to lead traffic there: each door is a process of its own. */
async function openDoor(host: string, to: number, port = 0): Promise<Door> {
  const door = fork(fileURLToPath(new URL('door.ts', import.meta.url)), [host, String(to), String(port)], { execArgv: [] });
  const [opened] = (await once(door, 'message', { signal: AbortSignal.timeout(openWithinMs) })) as [number];
  return { port: opened, close: () => void door.kill() };
}

interface Door {
  port: number;
  close(): void;
}
