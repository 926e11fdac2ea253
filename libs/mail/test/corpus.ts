// Where the shared corpora lie; tests that need them are left out, visibly, where they are not there.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CORPORA = new URL('../../../../shared/corpora/', import.meta.url);

export const corporaExist = existsSync(CORPORA);

export function readCorpus(path: string): Buffer {
  return readFileSync(new URL(path, CORPORA));
}

/** Paths of the files below a folder whose names match, relative to the corpora. */
export function corpusFiles(folder: string, name: RegExp): string[] {
  if (!corporaExist) return [];
  const root = new URL(`${folder}/`, CORPORA);
  const files = readdirSync(fileURLToPath(root), { recursive: true, encoding: 'utf8' }).filter((file) => name.test(file));
  return files.map((file) => `${folder}/${file.replaceAll('\\', '/')}`).sort();
}
