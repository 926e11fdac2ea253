// Gives servers temporary folders for their data, and downloads a place in the user's cache.
import { chown, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { settle } from './settle.js';

const FILL_TIMEOUT_MS = 300_000;

export interface Owner {
  uid: number;
  gid: number;
}

/** A fresh folder of the system's temporary folder, which `owner` may enter. */
export async function temporaryFolder(name: string, owner?: Owner): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `rejoinder-test-${name}-`));
  if (owner) await chown(folder, owner.uid, owner.gid);
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** The user's cache; tests may fill it by hand where there is no network. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rejoinder-test');
}

/**
 * The file or folder `path`, made by `fill` if it is not there. It is made under another name and then renamed, so that
 * nobody sees half of it; a lock keeps a second process from doing the same work meanwhile.
 */
export async function cached(path: string, fill: (draft: string) => Promise<void>): Promise<string> {
  if (await exists(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const unlock = await lock(`${path}.lock`);
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.draft`;
  try {
    if (await exists(path)) return path;
    await fill(draft);
    await rename(draft, path).catch(async (error: unknown) => {
      if (!(await exists(path))) throw error;
    });
    return path;
  } finally {
    await rm(draft, { recursive: true, force: true });
    await unlock();
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  const unlock = () => rm(path, { force: true });
  return settle(
    `the other process that fills ${path} (remove it if there is none)`,
    async () => {
      try {
        await writeFile(path, String(process.pid), { flag: 'wx' });
        return unlock;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        if (await isStale(path)) await unlock();
        return undefined;
      }
    },
    { timeoutMs: FILL_TIMEOUT_MS },
  );
}

/** A lock whose process is gone. The holder's number is written right after the file appears, hence the grace. */
async function isStale(path: string): Promise<boolean> {
  try {
    const holder = Number(await readFile(path, 'utf8'));
    if (!holder) return Date.now() - (await stat(path)).mtimeMs > 5_000;
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
