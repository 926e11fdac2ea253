// The scripts behind `npm test` and `npm run lint`: system packages, tools that are missing, and what the last lines tell.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensureSystemPackages } from '../scripts/system-packages.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rejoinder-scripts-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

describe('system packages', () => {
  const packages = ['dovecot-imapd', 'maven'].map((name) => ({ name, what: `the need of ${name}`, isThere: () => existsSync(at(name)) }));
  const asked = () => (existsSync(at('asked')) ? readFileSync(at('asked'), 'utf8').trim().split('\n') : []);
  /** A planted apt-get that notes what it is asked, and then does this. */
  const plant = (then: string) => {
    mkdirSync(at('bin'));
    writeFileSync(at('bin/apt-get'), `#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> ${at('asked')}\n${then}\n`);
    chmodSync(at('bin/apt-get'), 0o755);
    vi.stubEnv('PATH', `${at('bin')}${delimiter}${process.env.PATH}`);
  };
  const asUser = (uid: number) => vi.spyOn(process as { getuid(): number }, 'getuid').mockReturnValue(uid);
  const said: unknown[] = [];
  beforeEach(() => {
    vi.spyOn(console, 'log').mockImplementation((line: unknown) => void said.push(line));
  });

  it('asks nobody where all are there', () => {
    plant('exit 1');
    asUser(0);
    for (const { name } of packages) writeFileSync(at(name), '');
    ensureSystemPackages(packages);
    expect(asked()).toEqual([]);
  });

  it('as root installs those that are missing, and no other', () => {
    plant(`touch ${at('maven')}`);
    asUser(0);
    writeFileSync(at('dovecot-imapd'), '');
    ensureSystemPackages(packages);
    expect(asked()).toEqual(['noninteractive -q update', 'noninteractive -q install -y --no-install-recommends maven']);
    expect(said).toContain('maven is missing: needed for the need of maven');
  });

  it('as anybody else says the command, and installs nothing', () => {
    plant('');
    asUser(1_000);
    expect(() => ensureSystemPackages(packages)).toThrow('sudo apt-get update && sudo apt-get install -y dovecot-imapd maven');
    expect(asked()).toEqual([]);
  });

  it('shows what apt-get said where it fails', () => {
    plant('echo "no space left" >&2; exit 100');
    asUser(0);
    expect(() => ensureSystemPackages(packages)).toThrow(/^apt-get update failed: code 100\nno space left/);
  });

  it('does not believe an apt-get that ends well and brings nothing', () => {
    plant('');
    asUser(0);
    expect(() => ensureSystemPackages(packages)).toThrow('these are still missing: dovecot-imapd maven');
  });
});

it('lint and generate name the tool that is missing, and what to do', () => {
  cpSync(join(root, 'scripts'), at('scripts'), { recursive: true });
  mkdirSync(at('proto'));
  const run = (script: string) =>
    spawnSync(process.execPath, [at(`scripts/${script}`)], { encoding: 'utf8', env: { PATH: at('nowhere') } });
  const lint = run('lint.mjs');
  expect(lint.status).toBe(1);
  for (const tool of ['oxlint', 'buf', 'prettier']) expect(lint.stdout).toContain(`${tool} is missing: run npm ci first`);
  const generate = run('generate.mjs');
  expect([generate.status, generate.stderr]).toEqual([1, 'buf is missing: start this by npm run generate, after npm ci\n']);
});

describe('the last lines of npm test', () => {
  /** A clone with this one test. */
  const run = (source: string, env: Record<string, string> = {}) => {
    for (const path of ['scripts', 'vitest.config.ts', 'test/tries.ts']) cpSync(join(root, path), at(path), { recursive: true });
    writeFileSync(at('package.json'), '{ "type": "module" }');
    writeFileSync(at('test/planted.test.ts'), `import { it } from 'vitest';\n${source}\n`);
    symlinkSync(join(root, 'node_modules'), at('node_modules'));
    const { status, stdout } = spawnSync(process.execPath, [at('scripts/test.mjs'), 'planted'], {
      encoding: 'utf8',
      env: { PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`, ...env },
    });
    const lines = stdout.trimEnd().split('\n');
    return { status, lines, end: lines.slice(-6) };
  };
  const flaky = `let tries = 0;\nit('is moody', () => {\n  if (++tries === 1) throw new Error('not today');\n});`;

  it('name a test that passed only on a second try, and what it said before', () => {
    const { status, end } = run(flaky, { CI: '1' });
    expect(status).toBe(0);
    expect(end.slice(-5)).toEqual([
      '1 passed only on a second try:',
      '  test/planted.test.ts: is moody',
      '    not today',
      '',
      '1 passed, 0 failed',
    ]);
  }, 60_000);

  it('and on a desk there is no second try', () => {
    const { status, end } = run(flaky, { CI: '' });
    expect([status, end.at(-1)]).toEqual([1, '0 passed, 1 failed']);
  }, 60_000);

  it('tell again what failed, and why', () => {
    const { lines } = run(`it('is wrong', () => {\n  throw new Error('not like this');\n});`);
    const told = lines.slice(lines.lastIndexOf('1 failed:'));
    expect(told.slice(0, 2)).toEqual(['1 failed:', '  test/planted.test.ts: is wrong']);
    expect(told[2]).toContain('not like this');
  }, 60_000);

  it('name a test that did not run, and say that the corpora are not there', () => {
    const { status, end } = run(`it.skip('of the corpora', () => {});\nit('of others', () => {});`);
    expect(status).toBe(0);
    expect(end).toEqual([
      '1 did not run:',
      '  test/planted.test.ts: of the corpora',
      '',
      'Tests with the mails of the corpora did not run: there is no folder ../shared/corpora beside this clone.',
      '',
      '1 passed, 0 failed',
    ]);
  }, 60_000);
});
