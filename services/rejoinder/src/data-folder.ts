// Where the quick start keeps its data, and what is in it.
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '@rejoinder/base/fault';

export interface DataFolder {
  root: string;
  postgres: string;
  attachments: string;
  keyFile: string;
  /** The key of the quick start's one tenant. */
  apiKeyFile: string;
  logFile: string;
  /** How commands reach the house that runs on this data; gone when it stops. */
  runningFile: string;
  demo: string;
}

/** Where things are in it; nothing is made. */
export function dataFolder(given: string | undefined): DataFolder {
  const root = resolve(given ?? defaultFolder());
  const inside = (name: string) => join(root, name);
  return {
    root,
    postgres: inside('postgres'),
    attachments: inside('attachments'),
    keyFile: join(root, 'keys', 'master.key'),
    apiKeyFile: inside('api-key'),
    logFile: inside('rejoinder.log'),
    runningFile: inside('running.json'),
    demo: inside('demo'),
  };
}

/**
 * The folder given, else .rejoinder in the clone. As root PostgreSQL runs as another user, who may not be let into the clone: there it is
 * a folder under /var/lib/rejoinder, one for each clone.
 */
export function openDataFolder(given: string | undefined): DataFolder {
  const folder = dataFolder(given);
  const { root } = folder;
  try {
    makeFolders(root);
    accessSync(root, constants.W_OK);
  } catch (error) {
    throw new Fault(
      'denied',
      'DATA_FOLDER',
      `The data folder ${root} cannot be written (${(error as NodeJS.ErrnoException).code}). Choose another with --data FOLDER.`,
    );
  }
  if (process.getuid?.() === 0) refuseClosed(root);
  for (const one of [folder.attachments, folder.demo, dirname(folder.keyFile)]) if (!existsSync(one)) mkdirSync(one, { mode: 0o700 });
  return folder;
}

/** One by one: of a file system that takes no folders, such as /proc, Node's own recursion never returns. */
function makeFolders(folder: string): void {
  if (existsSync(folder)) return;
  makeFolders(dirname(folder));
  mkdirSync(folder, { mode: 0o711 });
}

/** As root PostgreSQL runs as `nobody`: every folder on the way must let others pass. */
function refuseClosed(root: string): void {
  for (let folder = root; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) {
      throw new Fault(
        'denied',
        'DATA_FOLDER',
        `As root, PostgreSQL runs as another user, who may not pass ${folder}. Choose a folder with --data that others may pass, or chmod o+x ${folder}.`,
      );
    }
    if (folder === dirname(folder)) return;
  }
}

function defaultFolder(): string {
  const clone = fileURLToPath(new URL('../../..', import.meta.url));
  if (process.getuid?.() !== 0) return join(clone, '.rejoinder');
  return join('/var/lib/rejoinder', createHash('sha256').update(resolve(clone)).digest('hex').slice(0, 12));
}
