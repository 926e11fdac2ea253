// The store on a disk: one file per object, written under another name, synced and then renamed.
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkedKey, objectMissing, type ObjectStore, type StoredObject } from './object-store.js';

const draftSuffix = '.draft';
const openTries = 5;

export class DiskObjectStore implements ObjectStore {
  constructor(private readonly folder: string) {}

  async put(key: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const path = this.#path(key);
    const draft = `${path}${draftSuffix}`;
    try {
      await writeSynced(await openDraft(draft), body, signal);
      await rename(draft, path);
      await syncFolder(dirname(path));
    } catch (error) {
      await this.remove(key);
      throw error;
    }
  }

  async get(key: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const path = this.#path(key);
    if (!(await this.has(key))) throw objectMissing();
    return createReadStream(path, { signal });
  }

  async remove(key: string): Promise<void> {
    const path = this.#path(key);
    for (const one of [path, `${path}${draftSuffix}`]) await rm(one, { force: true });
    for (const folder of [dirname(path), dirname(dirname(path))]) await rmdir(folder).catch(unlessInUse);
  }

  async has(key: string): Promise<boolean> {
    return (await stat(this.#path(key)).catch(orMissing)) !== undefined;
  }

  async list(after: string, limit: number): Promise<StoredObject[]> {
    const objects: StoredObject[] = [];
    for await (const key of this.#keys(after)) {
      const file = (await stat(this.#path(key)).catch(orMissing)) ?? (await stat(`${this.#path(key)}${draftSuffix}`).catch(orMissing));
      if (file) objects.push({ key, sizeBytes: file.size, since: file.mtime });
      if (objects.length === limit) break;
    }
    return objects;
  }

  onModuleDestroy(): void {
    // Holds nothing open.
  }

  #path(key: string): string {
    return join(this.folder, checkedKey(key));
  }

  /** Folder by folder in the order of names, so that no more than one folder's names are held. */
  async *#keys(after: string): AsyncGenerator<string> {
    for (const tenant of await namesIn(this.folder)) {
      if (tenant < after.slice(0, tenant.length)) continue;
      for (const attachment of await namesIn(join(this.folder, tenant))) {
        const prefix = `${tenant}/${attachment}`;
        if (prefix < after.slice(0, prefix.length)) continue;
        const keys = (await namesIn(join(this.folder, prefix))).map((name) => `${prefix}/${name.replace(draftSuffix, '')}`);
        yield* [...new Set(keys)].filter((key) => key > after);
      }
    }
  }
}

/** The removal of a neighbour may take the folder away just before. */
async function openDraft(path: string): Promise<FileHandle> {
  for (let attempt = 1; ; attempt++) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      return await open(path, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === openTries) throw error;
    }
  }
}

async function writeSynced(file: FileHandle, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  try {
    for await (const piece of body) {
      signal.throwIfAborted();
      await file.writeFile(piece);
    }
    signal.throwIfAborted();
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without it a power cut may take back the name though the bytes are there. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return ((await readdir(folder).catch(orMissing)) ?? []).sort();
}

function orMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}

/** A folder that another object came into stays. */
function unlessInUse(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error;
}
