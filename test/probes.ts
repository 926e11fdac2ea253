// Looks for planted bytes in every file of a folder, as somebody would who has got hold of the disk.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes to be looked for, by the name that a failure tells. */
export type Probes = Record<string, string | Buffer>;

/** The names of the probes that lie in some file under the folder, each with the first file that has it. */
export async function foundIn(folder: string, probes: Probes): Promise<Record<string, string>> {
  const wanted = Object.entries(probes).map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes) }));
  for (const { name, bytes } of wanted) if (bytes.length < 8) throw new Error(`${name} is too short to be told from chance`);
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path).catch(goneMeanwhile);
    for (const { name, bytes } of wanted) if (!(name in found) && content.includes(bytes)) found[name] = path.slice(folder.length + 1);
  }
  return found;
}

/** A database that runs deletes files while they are looked at. */
function goneMeanwhile(error: NodeJS.ErrnoException): Buffer {
  if (error.code === 'ENOENT') return Buffer.alloc(0);
  throw error;
}
