// The set-up of a clone: what it installs and builds, and when it does so again. npm is a planted one that notes what it is asked.
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = [
  'package.json',
  'package-lock.json',
  'nx.json',
  'tsconfig.base.json',
  'libs/bus/src/relay.ts',
  'libs/bus/package.json',
  'libs/contracts/src/generated/events_pb.ts',
  'services/sync/prisma/schema.prisma',
  'services/console/index.html',
  'bench/src/main.ts',
];
const others = [
  'README.md',
  'libs/bus/README.md',
  'libs/bus/src/relay.test.ts',
  'libs/bus/test/scenes.ts',
  'libs/bus/dist/relay.js',
  'services/sync/src/generated/client.ts',
  'services/sync/prisma/migrations/0001_init/migration.sql',
];
const builtFiles = ['services/rejoinder/dist/cli.js', 'services/console/dist/index.html'];
let clone: string;

const at = (path: string) => join(clone, path);
function put(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

/** Makes what the real one would, as far as the set-up looks at it; it fails where a file `fail` lies in the clone. */
const npm = `#!/bin/sh
echo "$*" >> "$CLONE/asked"
if [ -f "$CLONE/fail" ]; then echo "a reason of npm's"; exit 3; fi
if [ "$1" = ci ]; then rm -rf "$CLONE/node_modules"; mkdir -p "$CLONE/node_modules"; fi
if [ "$1" = run ]; then for file in ${builtFiles.join(' ')}; do mkdir -p "$(dirname "$CLONE/$file")"; : > "$CLONE/$file"; done; fi
`;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'rejoinder-clone-'));
  for (const path of [...sources, ...others]) put(path, path);
  mkdirSync(at('scripts'));
  copyFileSync(join(root, 'scripts', 'setup.mjs'), at('scripts/setup.mjs'));
  put('bin/npm', npm);
  chmodSync(at('bin/npm'), 0o755);
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

/** Runs the set-up; answers what npm was asked. */
function setUp(purpose: string, env: Record<string, string> = {}) {
  rmSync(at('asked'), { force: true });
  const { status, stderr } = spawnSync(process.execPath, [at('scripts/setup.mjs'), purpose], {
    encoding: 'utf8',
    env: { PATH: `${at('bin')}${delimiter}${process.env.PATH}`, CLONE: clone, ...env },
  });
  let asked: string[] = [];
  try {
    asked = readFileSync(at('asked'), 'utf8').trim().split('\n');
  } catch {
    // npm was not asked anything.
  }
  return { status, stderr, asked };
}

const install = 'ci --ignore-scripts --omit=dev';
const build = 'run --silent build:run';

it('installs and builds what runs, once', () => {
  expect(setUp('start')).toMatchObject({ status: 0, asked: [install, build] });
  expect(setUp('start')).toMatchObject({ status: 0, asked: [], stderr: '' });
});

it.each(sources)('builds again when %s has changed', (path) => {
  setUp('start');
  appendFileSync(at(path), ' ');
  expect(setUp('start').asked).toEqual(path === 'package-lock.json' ? [install, build] : [build]);
  expect(setUp('start').asked).toEqual([]);
});

it.each(others)('does not build again when %s has changed: nothing is built from it', (path) => {
  setUp('start');
  appendFileSync(at(path), ' ');
  expect(setUp('start').asked).toEqual([]);
});

it.each(builtFiles)('builds again when %s is gone', (path) => {
  setUp('start');
  rmSync(at(path));
  expect(setUp('start').asked).toEqual([build]);
});

it('installs the tools for tests, whose steps build by themselves, and does not take them away for a start', () => {
  setUp('start');
  expect(setUp('test').asked).toEqual(['ci --ignore-scripts']);
  expect(setUp('test').asked).toEqual([]);
  expect(setUp('start').asked).toEqual([build]);
  expect(setUp('bench').asked).toEqual([]);
});

it('shows what npm said where it fails, ends with 1, and tries again the next time', () => {
  put('fail', '');
  const failed = setUp('start');
  expect([failed.status, failed.asked]).toEqual([1, [install]]);
  expect(failed.stderr).toMatch(/a reason of npm's\n+Installing packages .* failed: the lines above say why\.\n$/);
  rmSync(at('fail'));
  expect(setUp('start').asked).toEqual([install, build]);
});

it('says in a sentence that the machine is none of those that it runs on', () => {
  const elsewhere = "--import data:text/javascript,Object.defineProperty(process,'arch',{value:'riscv64'})";
  const { status, stderr, asked } = setUp('start', { NODE_OPTIONS: elsewhere });
  expect([status, asked, stderr.trim().split('\n').length]).toEqual([1, [], 1]);
  expect(stderr).toContain('riscv64');
});
