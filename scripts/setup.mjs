// Makes a clone ready: installs what is missing, builds what has changed. Runs on the machine's own Node (>= 20), before Node 24 is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const platforms = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];
const purpose = process.argv[2];
const forTests = purpose !== 'start';

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function checkMachine() {
  const platform = `${process.platform}-${process.arch}`;
  if (!platforms.includes(platform))
    refuse(`Rejoinder runs from a clone on ${platforms.join(', ')}; this machine is ${platform}. Use the container image there.`);
  if (Number(process.versions.node.split('.')[0]) < 20) refuse(`Node 20 or newer is needed to begin with; this is ${process.version}.`);
}

/** Runs a step quietly; its output is shown only if it fails. */
function step(title, command, args) {
  const started = Date.now();
  process.stderr.write(`${title} ... `);
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) {
    process.stderr.write('failed\n');
    refuse(`${stdout ?? ''}${stderr ?? ''}${error ? error.message : ''}\n${title} failed: the lines above say why.`);
  }
  process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

function install() {
  const stamp = join(root, 'node_modules', '.rejoinder-installed');
  const lock = sha256(readFileSync(join(root, 'package-lock.json')));
  const installed = read(stamp);
  if (installed === `${lock} all` || (!forTests && installed === `${lock} run`)) return;
  step(forTests ? 'Installing packages for development (about 2 minutes)' : 'Installing packages (about 1 minute)', 'npm', [
    'ci',
    '--ignore-scripts',
    ...(forTests ? [] : ['--omit=dev']),
  ]);
  writeFileSync(stamp, `${lock} ${forTests ? 'all' : 'run'}`);
}

/** Names, sizes and times of everything that is built from: cheap, and enough to know that nothing changed. */
function fingerprint() {
  const lines = [];
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (['node_modules', 'dist', 'generated', '.nx', 'test'].includes(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (!/\.(test\.ts|md|sql)$/.test(entry.name))
        lines.push(`${path.slice(root.length)} ${statSync(path).size} ${statSync(path).mtimeMs}`);
    }
  };
  // The build makes Prisma's clients; the code of the contracts is committed, as proto/ has it. Migrations are read when they are applied.
  for (const folder of ['libs', 'services', 'bench', 'libs/contracts/src/generated']) walk(join(root, folder));
  const whole = ['package-lock.json', 'package.json', 'nx.json', 'tsconfig.base.json'].map((name) => read(join(root, name)));
  return sha256([...whole, ...lines.sort()].join('\n'));
}

function build() {
  const stamp = join(root, 'node_modules', '.rejoinder-built');
  const now = fingerprint();
  const complete =
    existsSync(join(root, 'services', 'rejoinder', 'dist', 'cli.js')) &&
    existsSync(join(root, 'services', 'console', 'dist', 'index.html'));
  if (complete && read(stamp) === now) return;
  // Without development packages only what runs can be built.
  step('Building', 'npm', ['run', '--silent', forTests ? 'build' : 'build:run']);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, now);
}

checkMachine();
install();
// The tests build by themselves, as one of their steps.
if (purpose !== 'test') build();
