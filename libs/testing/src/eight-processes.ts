// Every service in a process of its own, as in production: Kafka, PostgreSQL, S3, gRPC over TCP; the intake too, where it is said where it listens. Needs a build.
import { join } from 'node:path';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { removeFolder, temporaryFolder } from './folders.js';
import { clone, type Executable, type Installation } from './installation.js';
import { startKafka, type Kafka } from './kafka.js';
import { freePorts } from './ports.js';
import { startPostgres, type Postgres } from './postgres.js';
import { ready, run, startProgram, type Program } from './processes.js';
import { Rest } from './rest.js';
import { startS3, type S3 } from './s3.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';

const apiKey = 'rk_test_key_of_eight_processes';
const startWithinMs = 90_000;
const stopWithinMs = 30_000;

/** The intake is a part of sync that runs on its own. */
export type ProcessName = ServiceName | 'intake';

/** Where a process listens; a gateway alone has HTTP. */
export interface Ports {
  grpc: number;
  health: number;
  http: number;
}

export interface EightProcesses extends AsyncDisposable {
  /** Those that run. */
  names: readonly ProcessName[];
  rest: Rest;
  kafka: Kafka;
  postgres: Postgres;
  s3: S3;
  /** Between all of them and the keyring. */
  keyringProxy: TcpProxy;
  /** Settings all of them have. */
  env: Record<string, string>;
  databaseUrl: string;
  program(service: ProcessName): Program;
  /** /health/live, ready or startup of a role. */
  health(service: ProcessName, path: string): Promise<Response>;
  /** As a power cut would. */
  kill(service: ProcessName): Promise<void>;
  /** Starts it (again) and waits until it is ready. */
  start(service: ProcessName, more?: Record<string, string>): Promise<void>;
  /** Starts one more process of a service beside the first, with ports of its own, and waits until it is ready. */
  startAnother(service: ProcessName, more?: Record<string, string>): Promise<Program>;
  portsOf(program: Program): Ports;
  stopAll(): Promise<void>;
  stop(): Promise<void>;
}

/** With more settings for all, such as those of the mail servers, with more for PostgreSQL, started from this, and over this PostgreSQL, which ends with them. */
export async function startEightProcesses(
  more: Record<string, string>,
  postgresSettings: Record<string, string> = {},
  installation: Installation = clone,
  given?: Postgres,
): Promise<EightProcesses> {
  const folder = await temporaryFolder('eight', installation.owner);
  const [kafka, postgres, s3] = await Promise.all([startKafka(), given ?? startPostgres({ settings: postgresSettings }), startS3()]);
  const databaseUrl = await postgres.createDatabase('rejoinder');
  const keyringProxy = await startTcpProxy({ port: postgres.port });
  const keyringUrl = (await postgres.createDatabase('keyring')).replace(`:${postgres.port}/`, `:${keyringProxy.port}/`);
  const names: readonly ProcessName[] = more.REJOINDER_INTAKE_LISTEN ? [...services, 'intake'] : services;
  const free = await freePorts(names.length * 2 + 1);
  const http = free.pop()!;
  const portsAt = (at: number): Ports => ({ grpc: free[at]!, health: free[names.length + at]!, http });
  const first = (service: ProcessName) => portsAt(names.indexOf(service));
  const env: Record<string, string> = {
    ...settingsOf(kafka, s3, databaseUrl, keyringUrl, join(folder, 'key')),
    ...Object.fromEntries(services.map((service) => [`REJOINDER_${service.toUpperCase()}_GRPC`, `127.0.0.1:${first(service).grpc}`])),
    ...more,
  };
  await runCommand(installation.command('make-key', env.REJOINDER_KEY_FILE!), env);
  await runCommand(installation.command('migrate'), env);
  const running = new Map<ProcessName, Program>();
  const places = new Map<Program, Ports>();
  const startOn = (service: ProcessName, ports: Ports, extra: Record<string, string> = {}): Program => {
    const own = {
      REJOINDER_GRPC_LISTEN: `127.0.0.1:${ports.grpc}`,
      REJOINDER_HEALTH_LISTEN: `127.0.0.1:${ports.health}`,
      REJOINDER_HTTP_LISTEN: `127.0.0.1:${ports.http}`,
      // PostgreSQL then knows whose connection is whose.
      REJOINDER_DATABASE_URL: `${env.REJOINDER_DATABASE_URL}?application_name=${service}`,
    };
    const from = installation.role(service);
    const program = startProgram({ name: service, ...from, env: { ...from.env, ...env, ...own, ...extra } });
    places.set(program, ports);
    return program;
  };
  const portsOf = (program: Program) => places.get(program)!;
  const becomeReady = (program: Program) => ready(program, () => isReady(portsOf(program).health), { timeoutMs: startWithinMs });
  const start = async (service: ProcessName, extra: Record<string, string> = {}) => {
    const program = startOn(service, first(service), extra);
    running.set(service, program);
    await becomeReady(program);
  };
  const startAnother = async (service: ProcessName, extra: Record<string, string> = {}) => {
    const [grpc, health, own] = (await freePorts(3)) as [number, number, number];
    const program = startOn(service, { grpc, health, http: own }, extra);
    await becomeReady(program);
    return program;
  };
  const stopAll = async () => {
    await Promise.all([...places.keys()].map((program) => program.stop('SIGTERM', stopWithinMs)));
  };
  const stop = async () => {
    await stopAll();
    await Promise.all([kafka.stop(), postgres.stop(), s3.stop(), keyringProxy.stop()]);
    await removeFolder(folder);
  };
  const rest = new Rest(`http://127.0.0.1:${http}`, apiKey);
  const handle = { names, rest, kafka, postgres, s3, keyringProxy, env, databaseUrl, start, startAnother, portsOf, stopAll, stop };
  try {
    await Promise.all(names.map((service) => start(service)));
  } catch (error) {
    await stop();
    throw error;
  }
  const program = (service: ProcessName) => running.get(service)!;
  const health = (service: ProcessName, path: string) =>
    fetch(`http://127.0.0.1:${first(service).health}/health/${path}`, { signal: AbortSignal.timeout(5_000) });
  return { ...handle, program, health, kill: (service) => program(service).stop('SIGKILL'), [Symbol.asyncDispose]: stop };
}

function settingsOf(kafka: Kafka, s3: S3, databaseUrl: string, keyringUrl: string, keyFile: string): Record<string, string> {
  return {
    REJOINDER_DATABASE_URL: databaseUrl,
    REJOINDER_KEYRING_URL: keyringUrl,
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

/** A command of this clone's command line; answers what it printed. */
export const rejoinder = (env: Record<string, string>, ...args: string[]): Promise<string> => runCommand(clone.command(...args), env);

async function runCommand({ command, args, ...from }: Executable, env: Record<string, string>): Promise<string> {
  return run('rejoinder', command, args, { ...from, env: { ...from.env, ...env }, timeoutMs: startWithinMs });
}

async function isReady(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(2_000) });
  if (!response.ok) throw new Error(await response.text());
}
