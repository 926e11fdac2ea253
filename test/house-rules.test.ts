// Each rule of the house fails on a fault planted for it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, copyFileSync, cpSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkBuilds, checkFile, checkHouse, readBuilds, readHouse } from '../scripts/house-rules.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const opening = '// Says what it is for.\n';

describe('a planted fault is found', () => {
  const faults: [string, string, string][] = [
    ['libs never import services', 'libs/bus/src/x.ts', `import { role } from '@rejoinder/sync/role';`],
    ['a service never imports another', 'services/sync/src/x-store.ts', `import { role } from '@rejoinder/timeline/role';`],
    ['libs never import services', 'libs/bus/src/x.ts', `import { role } from '@rejoinder/sync';`],
    ['a service never imports another', 'services/sync/src/x-store.ts', `import { role } from '@rejoinder/timeline';`],
    ['a service never imports another', 'services/sync/src/x-store.ts', `import { x } from '@rejoinder/rejoinder/cli';`],
    ['libraries stand on each other in one order', 'libs/contracts/src/x.ts', `import { x } from '@rejoinder/runtime/house';`],
    ['only tests and benches have the test town', 'services/sync/src/x.ts', `import { startTown } from '@rejoinder/testing/crm-town';`],
    ['a store meets nobody but its database', 'services/sync/src/x-store.ts', `import { ImapFlow } from 'imapflow';`],
    ['a handler touches nothing but its own database', 'services/sync/src/on-x.ts', `import { connect } from 'node:net';`],
    ['only a store has Prisma or SQL', 'services/sync/src/capture-worker.ts', `import pg from 'pg';`],
    ['no reaching into another package', 'services/sync/src/x.ts', `import { x } from '../../timeline/src/role.js';`],
    ['needs nothing that only tests install', 'services/console/src/x.tsx', `import { vi } from 'vitest';`],
    ['base and mail do no I/O', 'libs/mail/src/x.ts', `import { readFile } from 'node:fs/promises';`],
    ['base and mail do no I/O', 'libs/base/src/x.ts', `const pg = await import('pg');`],
    ['base and mail do no I/O', 'libs/mail/src/x.ts', `import { readFileSync } from 'fs';`],
    ['a handler touches nothing but its own database', 'services/sync/src/on-x.ts', `import { get } from 'http';`],
    ['the domain touches nothing of the world', 'services/threading/src/judge.ts', `import pg from 'pg';`],
    [
      'a handler touches nothing but its own database',
      'services/sync/src/on-commands.ts',
      `import { Peers } from '@rejoinder/runtime/peers';`,
    ],
    ['a handler touches nothing but its own database', 'services/sending/src/on-x.ts', `import { send } from './smtp-client.js';`],
    ['only a store has Prisma or SQL', 'services/sync/src/capture-worker.ts', `import { Prisma } from './generated/client.js';`],
    ['no reaching into another package', 'services/sync/src/x-store.ts', `import { x } from '../../../libs/bus/src/event.js';`],
    ['no reaching into another package', 'services/sync/src/x-store.ts', `import { x } from '@rejoinder/bus/src/event.js';`],
    ['import the file, not the folder', 'libs/bus/src/x.ts', `import { x } from './kafka';`],
    ['no barrels', 'libs/bus/src/index.ts', `export * from './event.js';`],
  ];
  it.each(faults)('%s: %s', (rule, path, source) => {
    expect(checkFile(path, `${opening}${source}\n`).join()).toContain(rule);
  });

  it('a file without an opening sentence', () => {
    expect(checkFile('libs/bus/src/x.ts', 'export const x = 1;\n').join()).toContain('opens with a sentence');
  });

  it('more than 15 files in a service, and folders two deep', () => {
    const many = Array.from({ length: 16 }, (_, n): [string, string] => [`services/sync/src/f${n}.ts`, opening]);
    expect(checkHouse(many).join()).toContain('make noun folders');
    expect(checkHouse([['services/sync/src/imap/deep/x.ts', opening]]).join()).toContain('never two');
  });

  it('a test in what a package builds', () => {
    const files: [string, string][] = ['x.test.ts', 'deep/x.test.tsx', 'x.ts'].map((name) => [`services/console/src/${name}`, opening]);
    const built = (exclude?: string[]) => checkBuilds([['services/console/tsconfig.json', { exclude }]], files).join();
    expect(built()).toContain('a build leaves tests out (exclude src/x.test.ts)');
    expect(built(['src/**/*.test.ts'])).toBe('services/console/tsconfig.json: a build leaves tests out (exclude src/deep/x.test.tsx)');
    expect(built(['src/**/*.test.*'])).toBe('');
  });

  it('types of an import do not hide it, and what is clean is not accused', () => {
    expect(checkFile('libs/mail/src/x.ts', `${opening}import type { Pool } from 'pg';\n`)).toHaveLength(1);
    expect(checkFile('libs/mail/src/x.ts', `${opening}import { newId } from '@rejoinder/base/id';\n`)).toEqual([]);
  });
});

describe('oxlint, as configured, finds a planted', () => {
  const faults: [string, Record<string, string>][] = [
    [
      'import/no-cycle|import(no-cycle)',
      {
        'a.ts': `import { b } from './b.js';\nexport const a = () => b;\n`,
        'b.ts': `import { a } from './a.js';\nexport const b = () => a;\n`,
      },
    ],
    ['no-default-export', { 'a.ts': 'export default 1;\n' }],
    ['no-explicit-any', { 'a.ts': 'export const a = (b: any) => String(b);\n' }],
    ['no-empty', { 'a.ts': 'export function a() {\n  try {\n    JSON.parse("");\n  } catch {}\n}\n' }],
    ['max-lines-per-function', { 'a.ts': `export function a(n: number) {\n${'  n += 1;\n'.repeat(70)}  return n;\n}\n` }],
    ['max-lines', { 'a.ts': 'export const a = 1;\n' + Array.from({ length: 320 }, (_, n) => `export const a${n} = ${n};\n`).join('') }],
    ['no-console', { 'a.ts': 'console.log(1);\n' }],
  ];
  it.each(faults)('%s', (rule, files) => {
    const folder = mkdtempSync(join(tmpdir(), 'rejoinder-lint-'));
    mkdirSync(join(folder, 'libs', 'bus', 'src'), { recursive: true });
    copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    for (const [name, source] of Object.entries(files)) writeFileSync(join(folder, 'libs', 'bus', 'src', name), source);
    const { status, stdout } = spawnSync(join(root, 'node_modules', '.bin', 'oxlint'), ['--quiet'], { cwd: folder, encoding: 'utf8' });
    rmSync(folder, { recursive: true, force: true });
    expect(status).toBe(1);
    expect(rule.split('|').some((name) => stdout.includes(name))).toBe(true);
  });
});

describe('contracts', () => {
  it('buf breaking names a field whose type was changed since the release', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rejoinder-proto-'));
    cpSync(join(root, 'proto'), folder, { recursive: true });
    const buf = (args: string[]) => spawnSync(join(root, 'node_modules', '.bin', 'buf'), args, { cwd: folder, encoding: 'utf8' });
    expect(buf(['breaking', '--against', 'released.binpb']).status).toBe(0);
    const file = join(folder, 'rejoinder', 'attachment', 'v1', 'events.proto');
    const released = readFileSync(file, 'utf8');
    const changed = released.replace('int64 size_bytes = 3;', 'string size_bytes = 3;');
    expect(changed).not.toBe(released);
    writeFileSync(file, changed);
    const { status, stdout } = buf(['breaking', '--against', 'released.binpb']);
    rmSync(folder, { recursive: true, force: true });
    expect(status).not.toBe(0);
    expect(stdout.trim().split('\n')).toEqual([expect.stringMatching(/"size_bytes".*"AttachmentStored".* from "int64" to "string"/)]);
  });
});

it('the house itself breaks none of its rules', async () => {
  const [files, builds] = [await readHouse(root), await readBuilds(root)];
  expect([...checkHouse(files), ...checkBuilds(builds, files)]).toEqual([]);
  expect(builds.map(([path]) => path)).toEqual(
    expect.arrayContaining(['libs/bus/tsconfig.json', 'services/console/tsconfig.json', 'bench/tsconfig.json']),
  );
});
