// What the processes of tests are started from: this clone as it was built, or what the container image holds, as a pod runs it.
import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { removeFolder, temporaryFolder, type Owner } from './folders.js';
import { nodeFlags } from './node-flags.js';
import type { ProgramOptions } from './processes.js';
import { isRoot } from './users.js';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const inClone = (path: string) => join(repository, path);
const commandLine = join('services', 'rejoinder', 'bin', 'rejoinder.js');
const layOutWithinMs = 600_000;
/** The user of the image. */
const imageUser = { uid: 10_001, gid: 10_001 };

export type Executable = Pick<ProgramOptions, 'command' | 'args' | 'cwd' | 'env'> & Partial<Owner>;

export interface Installation {
  /** Whose processes they are; nobody where they are those of whoever runs the tests. */
  owner?: Owner;
  role(name: string): Executable;
  /** A command of the command line. */
  command(...args: string[]): Executable;
}

export const clone: Installation = {
  // The intake is a part of sync without a program of its own.
  role: (name) => {
    const program = name === 'intake' ? [inClone(commandLine), name] : [inClone(join('services', name, 'dist', 'main.js'))];
    return { command: process.execPath, args: [...nodeFlags, ...program] };
  },
  command: (...args) => ({ command: process.execPath, args: [inClone(commandLine), ...args] }),
};

export interface ImageRoot extends Installation {
  /** The folder that is / in the image. */
  root: string;
  /** What scripts/image-root.mjs says of it. */
  report: { bytes: number; files: number; packages: number; heaviest: { name: string; bytes: number }[] };
  remove(): Promise<void>;
}

/**
 * Laid out apart from the clone, so that no package is found there that the image lacks. As root, its processes are the image's user, to whom
 * nothing of it belongs; they have no home, and a Node of their own, since they may not be let into the clone's.
 */
export async function layOutImageRoot(): Promise<ImageRoot> {
  const owner = isRoot() ? imageUser : undefined;
  const folder = await temporaryFolder('image', owner);
  const [root, node] = [join(folder, 'root'), join(folder, 'node')];
  try {
    await copyFile(process.execPath, node);
    const { stdout } = await promisify(execFile)(process.execPath, [inClone('scripts/image-root.mjs'), root, '--json'], {
      timeout: layOutWithinMs,
    });
    const app = join(root, 'app');
    const command = (...args: string[]): Executable => ({
      command: node,
      args: [...nodeFlags, join(app, commandLine), ...args],
      cwd: app,
      env: { HOME: '' },
      ...owner,
    });
    const report = JSON.parse(stdout) as ImageRoot['report'];
    return { owner, role: (name) => command(name), command, root, report, remove: () => removeFolder(folder) };
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}
