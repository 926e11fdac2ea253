// Loads every module of ours in the tree of the image, so that a file which is missing is missed before a pod does: `node scripts/image-check.mjs APP`.
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Programs would run; the page runs in browsers; the demo's packages are optional, and the image has none of them. */
const notLoaded = /\/(main|cli|clean-thread)\.js$|^services\/console\/|^services\/rejoinder\/(bin|dist\/demo)\//;

const app = resolve(process.argv[2]);
const modules = ['libs', 'services'].flatMap((room) => readdirSync(join(app, room), { recursive: true }).map((path) => `${room}/${path}`));
const missing = [];
for (const path of modules.filter((one) => one.endsWith('.js') && !notLoaded.test(one))) {
  try {
    await import(pathToFileURL(join(app, path)).href);
  } catch (error) {
    missing.push(`${path}: ${error.message}`);
  }
}
for (const line of new Set(missing)) process.stderr.write(`${line}\n`);
process.exit(missing.length === 0 ? 0 : 1);
