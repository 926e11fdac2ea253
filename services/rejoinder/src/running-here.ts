// What a quick start that runs leaves in its data folder, for the commands that reach it.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Fault } from '@rejoinder/base/fault';
import type { Environment } from '@rejoinder/runtime/config';
import { dataFolder, type DataFolder } from './data-folder.js';
import { isAlive } from './embedded-postgres.js';

export interface RunningHere {
  pid: number;
  /** Where its databases, keys, events and attachments are, and where retention answers; what the environment gave is not repeated. */
  settings: Record<string, string>;
}

/** For its owner alone: a database's password is in it. Answers how to take it away. */
export function writeRunning({ runningFile }: DataFolder, here: RunningHere): () => void {
  writeFileSync(runningFile, JSON.stringify(here), { mode: 0o600 });
  return () => rmSync(runningFile, { force: true });
}

/** Undefined where nothing runs. */
export function readRunning({ root, runningFile }: DataFolder): RunningHere | undefined {
  if (!existsSync(runningFile)) return undefined;
  try {
    const { pid, settings } = JSON.parse(readFileSync(runningFile, 'utf8')) as RunningHere;
    if (Number.isInteger(pid) && settings.REJOINDER_RETENTION_GRPC) return { pid, settings };
  } catch {
    // Told below, with what to do.
  }
  throw new Fault('broken', 'RUNNING_FILE', `${runningFile} cannot be read. If no Rejoinder runs on ${root}, delete it and try again.`);
}

/** The settings for a command: the environment's own where it names what the command needs, else those of the quick start that runs on the folder. */
export function settingsHere(env: Environment, needed: string, data: string | undefined): Environment {
  if (data === undefined && env[needed]) return env;
  const folder = dataFolder(data);
  const running = readRunning(folder);
  if (running && isAlive(running.pid)) return { ...running.settings, ...env };
  throw new Fault(
    'invalid',
    'NOT_RUNNING',
    `No Rejoinder runs on ${folder.root}. Start it, name its folder with --data, or set ${needed} and what else a role is given.`,
  );
}
