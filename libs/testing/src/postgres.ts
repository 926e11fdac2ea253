// Starts a real PostgreSQL of its own for tests, from the binaries that came with npm.
import { join } from 'node:path';
import pg from 'pg';
import { removeFolder, temporaryFolder, type Owner } from './folders.js';
import { freePort } from './ports.js';
import { initialise, nativeFolder, ownerOf } from './postgres-files.js';
import { ready, startProgram, type Program } from './processes.js';
import { unprivileged } from './users.js';

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '64MB',
  dynamic_shared_memory_type: 'mmap',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum_naptime: '10s',
  log_line_prefix: '%m [%p] %d ',
};

/** `fast` breaks connections and writes a checkpoint; `immediate` is a crash. */
export type StopMode = 'fast' | 'immediate';

export interface PostgresOptions {
  /** More settings, or other ones: `{ fsync: 'on' }`. */
  settings?: Record<string, string>;
  /** Folder of other binaries than those that came with npm. */
  native?: string;
}

export interface Postgres extends AsyncDisposable {
  /** As the superuser, to the database `postgres`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** As `template` is, if one is given, to which nobody may be connected. */
  createDatabase(name: string, template?: string): Promise<string>;
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  log(): string;
  down(mode?: StopMode): Promise<void>;
  up(): Promise<void>;
  restart(mode?: StopMode): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres({ settings = {}, native: given }: PostgresOptions = {}): Promise<Postgres> {
  const owner = unprivileged('postgres', 'nobody');
  const native = given ?? (await nativeFolder());
  const folder = await temporaryFolder('postgres', owner);
  const place = { native, folder, dataDir: join(folder, 'data'), port: await freePort(), settings, owner };
  const postgres = handle(place);
  try {
    await initialise(native, place.dataDir, folder, owner);
    await postgres.up();
    return postgres;
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

interface Place {
  native: string;
  folder: string;
  dataDir: string;
  port: number;
  settings: Record<string, string>;
  owner: Owner;
}

function handle(place: Place): Postgres {
  let program: Program | undefined;
  const urlOf = (database: string) => `postgres://postgres:postgres@127.0.0.1:${place.port}/${database}`;
  const query = <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => queryOnce<Row>(urlOf('postgres'), sql, values);
  const up = async () => {
    if (program?.running()) return;
    program = startServer(place);
    await ready(program, () => query('select 1'));
  };
  const down = async (mode: StopMode = 'fast') => program?.stop(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  const stop = async () => {
    await down('immediate');
    await removeFolder(place.folder);
  };
  return {
    url: urlOf('postgres'),
    host: '127.0.0.1',
    port: place.port,
    dataDir: place.dataDir,
    query,
    up,
    down,
    stop,
    async createDatabase(name, template = 'template1') {
      await query(`create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(template)}`);
      return urlOf(encodeURIComponent(name));
    },
    log: () => program?.output() ?? '',
    restart: async (mode) => {
      await down(mode);
      await up();
    },
    [Symbol.asyncDispose]: stop,
  };
}

function startServer({ native, folder, dataDir, port, settings, owner }: Place): Program {
  const options = Object.entries({ ...SETTINGS, ...settings, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const args = ['-D', dataDir, ...options];
  return startProgram({ name: 'PostgreSQL', command: join(native, 'bin', 'postgres'), args, folders: [folder], ...ownerOf(owner) });
}

async function queryOnce<Row extends pg.QueryResultRow>(connectionString: string, sql: string, values?: unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
