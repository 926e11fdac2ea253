// `rejoinder all` with embedded defaults: PostgreSQL, local events, attachments on disk and a key file, all in one data folder.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '@rejoinder/base/fault';
import { readSettings, type Environment } from '@rejoinder/runtime/config';
import { houseSettings } from '@rejoinder/runtime/house-settings';
import { createLogger } from '@rejoinder/runtime/logging';
import { startHouse, type RunningHouse } from '@rejoinder/runtime/main';
import { unknownSettings } from '@rejoinder/runtime/unknown-settings';
import { DEMO } from '@rejoinder/runtime/tokens';
import { fileKey } from '@rejoinder/vault/kek';
import { pino } from 'pino';
import { openDataFolder, type DataFolder } from './data-folder.js';
import type { Demo } from './demo/demo.js';
import { settingNames } from './setting-names.js';
import { isAlive, startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
import { migrateAll } from './migrate-command.js';
import { allIn, loadRoles } from './roles.js';
import { readRunning, writeRunning } from './running-here.js';

export interface QuickStartOptions {
  data?: string;
  port: number;
  demo: boolean;
  /** Progress, a line at a time. */
  say: (line: string) => void;
}

export interface QuickStart {
  /** Signs the console in, once. */
  url: string;
  folder: DataFolder;
  /** Nothing where it is not installed, as in the container image. */
  demo: Demo | undefined;
  house: RunningHouse;
  stop(): Promise<void>;
}

/** Starts everything; whatever was started is stopped again if something cannot be. */
export async function quickStart(options: QuickStartOptions, env: Environment): Promise<QuickStart> {
  await checkPort(options.port);
  const folder = openDataFolder(options.data);
  refuseRunning(folder);
  const undo: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (const one of undo.splice(0).reverse()) await one();
  };
  try {
    return { ...(await startAll(options, env, folder, undo)), folder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startAll(options: QuickStartOptions, env: Environment, folder: DataFolder, undo: (() => Promise<void> | void)[]) {
  for (const sentence of unknownSettings(env, await settingNames())) options.say(`Warning      ${sentence}`);
  const own = env.REJOINDER_DATABASE_URL === undefined;
  const demoType = await loadDemo(options.demo);
  if (env.REJOINDER_KEY_FILE === undefined) await ownKey(folder);
  const postgres = own ? await startEmbeddedPostgres(folder.postgres) : undefined;
  if (postgres) {
    undo.push(() => postgres.stop());
    options.say(`PostgreSQL   127.0.0.1:${postgres.port}, embedded`);
  }
  const demo = await demoType?.open(folder.demo);
  undo.push(() => demo?.stop());
  const token = randomBytes(24).toString('base64url');
  const apiKey = bootstrapKey(folder);
  const embedded = await embeddedSettings(folder, postgres, options.port);
  const settings: Environment = {
    ...embedded,
    REJOINDER_CONSOLE_TOKEN: token,
    REJOINDER_BOOTSTRAP_API_KEY: apiKey,
    ...env,
    ...demo?.settings(env),
  };
  const applied = await migrateAll(settings);
  if (applied.length > 0) options.say(`Database     ${applied.length} migrations applied`);
  const sockets = mkdtempSync(join(tmpdir(), 'rejoinder-'));
  undo.push(() => rmSync(sockets, { recursive: true, force: true }));
  const { logLevel } = readSettings({ logLevel: houseSettings.logLevel }, settings);
  const logger = createLogger(logLevel, pino.destination({ dest: folder.logFile, sync: false, mkdir: true }));
  const house = await startHouse('rejoinder', () => loadRoles(allIn(settings)), settings, {
    logger,
    socketFolder: sockets,
    providers: demo ? [{ provide: DEMO, useValue: demo }] : [],
  });
  undo.push(() => house.stop());
  const reached = { ...embedded, REJOINDER_RETENTION_GRPC: `unix:${sockets}/retention.sock` };
  undo.push(writeRunning(folder, { pid: process.pid, settings: reached }));
  const gateway = house.roles.find((role) => role.name === 'gateway');
  const base = `http://${gateway?.httpAddress}`;
  demo?.attach(base, apiKey);
  return { house, demo, url: `${base}/open?token=${token}` };
}

/** Its packages are optional ones: the container image has none of them. */
async function loadDemo(asked: boolean): Promise<typeof Demo | undefined> {
  try {
    return (await import('./demo/demo.js')).Demo;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    if (!asked) return undefined;
    throw new Fault(
      'invalid',
      'NO_DEMO',
      'The demo is not installed here, as in the container image: run it from a clone, npm start -- --demo.',
    );
  }
}

async function embeddedSettings(folder: DataFolder, postgres: EmbeddedPostgres | undefined, port: number): Promise<Record<string, string>> {
  return {
    ...(postgres
      ? {
          REJOINDER_DATABASE_URL: await postgres.database('rejoinder'),
          REJOINDER_KEYRING_URL: await postgres.database('rejoinder_keyring'),
        }
      : {}),
    REJOINDER_DATABASE_CONNECTIONS: '12',
    REJOINDER_KEY_FILE: folder.keyFile,
    REJOINDER_BUS: 'local',
    REJOINDER_STORE: 'disk',
    REJOINDER_STORE_FOLDER: folder.attachments,
    REJOINDER_HTTP_LISTEN: `127.0.0.1:${port}`,
    REJOINDER_DRAIN_SECONDS: '10',
  };
}

/** Made before anything is kept; a new one would open nothing of what is there. */
async function ownKey({ keyFile, postgres, root }: DataFolder): Promise<void> {
  if (existsSync(keyFile)) return;
  if (existsSync(postgres))
    throw new Fault(
      'broken',
      'KEY_FILE_GONE',
      `The key file ${keyFile} is gone, and nothing that is kept in ${root} opens without it. Put it back from your copy, or choose another folder with --data.`,
    );
  await fileKey(keyFile, { createIfMissing: true });
}

/** The API key of the quick start's one tenant, made once; scripts on this machine may use it too. */
function bootstrapKey(folder: DataFolder): string {
  const { apiKeyFile } = folder;
  if (!existsSync(apiKeyFile)) writeFileSync(apiKeyFile, `rk_${randomBytes(24).toString('base64url')}`, { mode: 0o600 });
  return readFileSync(apiKeyFile, 'utf8').trim();
}

/** Two houses on one folder would share its database and each take the other's end for its own. What a killed house left behind is no house. */
function refuseRunning(folder: DataFolder): void {
  const running = readRunning(folder);
  if (running && existsSync(running.settings.REJOINDER_RETENTION_GRPC!.replace(/^unix:/, '')) && isAlive(running.pid))
    throw new Fault(
      'conflict',
      'ALREADY_RUNNING',
      `Rejoinder already runs on ${folder.root} (process ${running.pid}). Stop it, or choose another folder with --data.`,
    );
}

/** Told before anything is started, so that the sentence is the first thing one sees. */
function checkPort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is in use: is Rejoinder running already?' : `cannot be opened (${error.code}).`;
      reject(new Fault('conflict', 'PORT_IN_USE', `Port ${port} of 127.0.0.1 ${why} Choose another with --port NUMBER.`));
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}
