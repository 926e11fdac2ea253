// Lays out in a folder what the container image holds below /: `node scripts/image-root.mjs DIR [--json]`. Needs a build, and no Docker.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const npmTimeoutMs = 600_000;
const checkTimeoutMs = 300_000;
const shownPackages = 10;

/** The one workspace that the image is for, and the one that is built into files which gateway serves: its packages are in them. */
const program = 'services/rejoinder';
const page = 'services/console';

/**
 * What Node never reads: types and sources of TypeScript, source maps, and of Prisma's query compilers all but the one that its clients
 * import. Two thirds of all bytes.
 */
const neverRead = [/\.[cm]?ts$/, /\.map$/, /\.tsbuildinfo$/, /@prisma\/client\/runtime\/query_compiler_(?!fast_bg\.postgresql\..*mjs$)/];

class Refusal extends Error {}

function refuse(sentence) {
  throw new Refusal(sentence);
}

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

function npm(what, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync('npm', [...args, '--loglevel=error', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd,
    encoding: 'utf8',
    timeout: npmTimeoutMs,
    maxBuffer: 1 << 28,
    // npm is to run under this very Node, whatever else the machine has.
    env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` },
  });
  if (status !== 0) refuse(`${what} failed: ${error?.message ?? stderr}`);
  return stdout;
}

function checkBuilt() {
  for (const built of [`${program}/dist/cli.js`, `${page}/dist/index.html`])
    if (!existsSync(join(root, built))) refuse(`${built} is missing: run npm run build first.`);
}

function openFolder(folder) {
  if (!relative(root, folder).startsWith('..'))
    refuse(`${folder} is in the clone, whose packages would hide what is missing: name one outside.`);
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0) refuse(`${folder} is not empty: name a folder that is, or that is not there yet.`);
}

/** Our packages that are shipped are those that say what they ship, by `files`. */
function shippedPackages() {
  return ['libs', 'services']
    .flatMap((room) => readdirSync(join(root, room)).map((name) => `${room}/${name}`))
    .filter((path) => existsSync(join(root, path, 'package.json')) && readJson(join(root, path, 'package.json')).files);
}

/** The production packages of the program alone: of what the clone itself needs (compiler, test tools) nothing, of what is optional (PostgreSQL, Node, the demo's mail server) neither. */
function install(app, packages) {
  const { name, version, license, type } = readJson(join(root, 'package.json'));
  const workspaces = packages.filter((path) => path !== page);
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name, version, license, private: true, type, workspaces }, null, 2));
  copyFileSync(join(root, 'package-lock.json'), join(app, 'package-lock.json'));
  for (const path of workspaces) {
    mkdirSync(join(app, path), { recursive: true });
    copyFileSync(join(root, path, 'package.json'), join(app, path, 'package.json'));
  }
  // Not `npm ci`: it refuses a lock that has more in it than is to be installed.
  const only = ['--omit=dev', '--omit=optional', '--omit=peer', '-w', program];
  npm('npm install', ['install', ...only, '--no-bin-links', '--prefer-offline'], app);
  rmSync(join(app, 'package-lock.json'));
}

/** Each package, by its folder in the tree; answers it as npm has noted it. */
function installed(app) {
  return readJson(join(app, 'node_modules', '.package-lock.json')).packages;
}

/** `npm install` may choose versions of its own; the image has those that the lock names and that were tested. */
function checkLock(app) {
  const locked = readJson(join(root, 'package-lock.json')).packages;
  const other = Object.entries(installed(app)).filter(
    ([path, { version, integrity }]) => locked[path]?.version !== version || locked[path]?.integrity !== integrity,
  );
  if (other.length > 0) refuse(`npm installed what package-lock.json does not name: ${other.map(([path]) => path).join(', ')}`);
}

/** Our packages as `npm pack` would ship them. */
function copyOwn(app, packages) {
  const lists = JSON.parse(npm('npm pack', ['pack', '--dry-run', '--json', ...packages.flatMap((path) => ['-w', path])], root));
  const folders = new Map(packages.map((path) => [readJson(join(root, path, 'package.json')).name, path]));
  for (const { name, files } of lists) {
    for (const { path } of files) {
      const to = join(app, folders.get(name), path);
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(join(root, folders.get(name), path), to);
    }
  }
  copyFileSync(join(root, 'LICENSE'), join(app, 'LICENSE'));
  // For clients in other languages: what the roles speak.
  cpSync(join(root, 'proto'), join(app, 'proto'), {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || path.endsWith('.proto'),
  });
}

/** Takes out what Node never reads, lets everybody read the rest, and adds up what is left; answers whether the folder is empty. */
function finish(folder, below, told) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) continue;
    if (entry.isDirectory()) {
      if (finish(path, below, told)) rmSync(path, { recursive: true });
    } else if (neverRead.some((pattern) => pattern.test(path))) {
      rmSync(path);
    } else {
      chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
      told(relative(below, path), statSync(path).size);
    }
  }
  chmodSync(folder, 0o755);
  return readdirSync(folder).length === 0;
}

/** Whose a file is: a package's, by its name, or a room's of our own. */
function ownerOf(path) {
  const last = path.lastIndexOf('node_modules/');
  if (last === -1)
    return path.startsWith(`${page}/`) ? 'the console' : /^(libs|services)\//.test(path) ? 'our services and libraries' : 'other';
  const [first, second] = path.slice(last + 'node_modules/'.length).split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

function checkComplete(app) {
  const { status, stderr, error } = spawnSync(process.execPath, [join(root, 'scripts', 'image-check.mjs'), app], {
    encoding: 'utf8',
    timeout: checkTimeoutMs,
  });
  if (status !== 0) refuse(`What was laid out is not complete:\n${error?.message ?? stderr}`);
}

function layOut(folder) {
  checkBuilt();
  openFolder(folder);
  const app = join(folder, 'app');
  mkdirSync(app);
  const packages = shippedPackages();
  install(app, packages);
  checkLock(app);
  copyOwn(app, packages);
  const sizes = new Map();
  let [bytes, files] = [0, 0];
  finish(app, app, (path, size) => {
    bytes += size;
    files += 1;
    sizes.set(ownerOf(path), (sizes.get(ownerOf(path)) ?? 0) + size);
  });
  // Where a volume for the key file or for the data of `rejoinder all` is mounted.
  mkdirSync(join(folder, 'var', 'lib', 'rejoinder'), { recursive: true });
  checkComplete(app);
  const heaviest = [...sizes].sort(([, one], [, other]) => other - one).slice(0, shownPackages);
  return { bytes, files, packages: sizes.size, heaviest: heaviest.map(([name, size]) => ({ name, bytes: size })) };
}

function tell({ bytes, files, packages, heaviest }, folder) {
  const mb = (size) => (size / 1_000_000).toFixed(1).padStart(6);
  const lines = heaviest.map(({ name, bytes: size }) => `${mb(size)} MB  ${name}`);
  return [`${folder}: ${mb(bytes).trim()} MB in ${files} files of ${packages} packages, without Node. Heaviest:`, ...lines].join('\n');
}

const args = process.argv.slice(2);
const folders = args.filter((arg) => !arg.startsWith('--'));
try {
  if (folders.length !== 1 || args.some((arg) => arg.startsWith('--') && arg !== '--json'))
    refuse('Say where: node scripts/image-root.mjs DIR [--json]');
  const folder = resolve(folders[0]);
  const report = layOut(folder);
  process.stdout.write(`${args.includes('--json') ? JSON.stringify(report) : tell(report, folder)}\n`);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
