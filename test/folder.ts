// Looks through a folder past the program that keeps it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Every file below it. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Whether these bytes lie in any of its files. */
export async function folderHolds(folder: string, bytes: Buffer): Promise<boolean> {
  for (const file of await filesIn(folder)) if ((await readFile(file)).includes(bytes)) return true;
  return false;
}
