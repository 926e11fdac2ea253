// The file that holds the local key-encryption keys: made once and whole, for its owner's eyes alone.
import { randomBytes } from 'node:crypto';
import { link, open, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Stats } from 'node:fs';
import { Fault } from '@rejoinder/base/fault';
import { Private } from '@rejoinder/base/private';

const versionLine = 'rejoinder-key-file 1';
const keyBytes = 32;
/** Two while keys are exchanged, and some to spare. */
const maxKeys = 4;
const maxFileBytes = 256;
const content = new RegExp(`^${versionLine}\\n((?:[A-Za-z0-9+/]{43}=\\n){0,${maxKeys - 1}}[A-Za-z0-9+/]{43}=)\\n?$`);

/** Reads the keys in their order; refuses a file that is missing, open to others, or no key file. */
export async function readKeyFile(path: string): Promise<Private<Buffer[]>> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new Fault('broken', 'KEY_FILE_MISSING', `There is no key file ${path}: bring back the one that this keyring was made with.`);
  });
  try {
    refuseOpenFile(path, await file.stat());
    const text = await readStart(file);
    const lines = content.exec(text)?.[1];
    if (lines !== undefined) return new Private(lines.split('\n').map((line) => Buffer.from(line, 'base64')));
    throw new Fault(
      'broken',
      'KEY_FILE_DAMAGED',
      `${path} is no key file: it begins with the line "${versionLine}", then a line of ${keyBytes} bytes in base64 for each key, ${maxKeys} at the most.`,
    );
  } finally {
    await file.close();
  }
}

/**
 * Makes a key file unless there is one; answers whether it did. Linked into place once it is on disk: no reader sees half of it, and of two only one wins.
 */
export async function createKeyFile(path: string): Promise<boolean> {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new Fault(
      'denied',
      'KEY_FILE_FOLDER',
      `${path} cannot be made (${error.code}): name a file in a folder that is there and yours.`,
    );
  });
  let isNew = true;
  try {
    try {
      await file.writeFile(`${versionLine}\n${randomBytes(keyBytes).toString('base64')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      isNew = false;
    });
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(dirname(path));
  return isNew;
}

/**
 * Kubernetes mounts a secret as a file of root's that its group may read, which is how the pod reads it: reading by the group is
 * refused only where the file is our own.
 */
function refuseOpenFile(path: string, { mode, uid }: Stats): void {
  if (!process.getuid) return;
  const refused = uid === process.getuid() ? 0o077 : 0o027;
  if ((mode & refused) === 0) return;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  throw new Fault('denied', 'KEY_FILE_OPEN', `Others may read or change the key file ${path} (mode ${shown}): run chmod 600 ${path}.`);
}

async function readStart(file: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(maxFileBytes);
  const { bytesRead } = await file.read(buffer, 0, maxFileBytes, 0);
  return buffer.toString('latin1', 0, bytesRead);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
