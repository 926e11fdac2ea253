// Loads every module of ours in the tree of the image, so that a file which is missing is missed before a pod does: `node scripts/image-check.mjs APP`.
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Programs would run; the page runs in browsers; the demo's packages are optional, and the image has none of them. */
const notLoaded = /\/(main|cli|clean-thread)\.js$|^services\/console\/|^services\/rejoinder\/(bin|dist\/demo)\//;

const app = resolve(process.argv[2]);
const modules = ['libs', 'services'].flatMap((room) => readdirSync(join(app, room), { recursive: true }).map((path) => `${room}/${path}`));
const load = (path) => import(pathToFileURL(join(app, path)).href);
const missing = [];
const look = async (what, loading) => {
  try {
    await loading();
  } catch (error) {
    missing.push(`${what}: ${error.message}`);
  }
};
for (const path of modules.filter((one) => one.endsWith('.js') && !notLoaded.test(one))) await look(path, () => load(path));
// A role is loaded by its name when it is to run; to list the settings, all are.
await look('roles', async () => (await load('services/rejoinder/dist/settings-command.js')).listSettings());
process.stderr.write(missing.map((line) => `${line}\n`).join(''));
process.exit(missing.length === 0 ? 0 : 1);
