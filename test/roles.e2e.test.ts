// What a person meets at the command line: wrong settings, help, a port in use, a folder that cannot be written. Needs a build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { services } from '@rejoinder/runtime/services';
import { filesIn } from './folder.js';
import { freePort } from '@rejoinder/testing/ports';

const command = fileURLToPath(new URL('../services/rejoinder/bin/rejoinder.js', import.meta.url));
const limitMs = 60_000;
const secret = 'postgres://planted:s3cr3t@127.0.0.1:1/x';

/** Every setting that the source of the roles and of the house declares. */
async function declaredSettings(): Promise<string[]> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folders = [...services.map((service) => join(root, 'services', service, 'src')), join(root, 'libs', 'runtime', 'src')];
  const files = (await Promise.all(folders.map(filesIn))).flat().filter((file) => file.endsWith('.ts') && !file.includes('.test.'));
  const sources = files.map((file) => readFileSync(file, 'utf8'));
  return [...new Set(sources.flatMap((source) => [...source.matchAll(/Setting\(\s*'(REJOINDER_\w+)'/g)].map(([, name]) => name!)))];
}

/** The command line with this environment alone. */
async function rejoinder(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [command, ...args], { cwd: '/', env: { PATH: process.env.PATH, ...env }, timeout: limitMs });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

describe('a role with wrong settings', () => {
  it.each(services)(
    '%s names them all at once, shows no secret, and ends with 1',
    async (service) => {
      const { code, err } = await rejoinder([service], {
        REJOINDER_DATABASE_URL: secret,
        REJOINDER_BUS: 'carrier pigeon',
        REJOINDER_DRAIN_SECONDS: 'soon',
      });
      expect(code).toBe(1);
      for (const name of ['REJOINDER_KEYRING_URL', 'REJOINDER_KEY_FILE', 'REJOINDER_BUS', 'REJOINDER_DRAIN_SECONDS'])
        expect(err).toContain(name);
      expect(err).not.toMatch(/s3cr3t|planted|\n\s+at /);
    },
    60_000,
  );
});

it('help is there for the command and for each of its parts', async () => {
  const { code, out } = await rejoinder(['--help']);
  expect(code).toBe(0);
  for (const part of ['all', 'migrate', 'make-key', ...services]) {
    expect(out).toContain(`  ${part}`);
    const help = await rejoinder([part, '--help']);
    expect([part, help.code, help.out.includes(`Usage: rejoinder ${part}`)]).toEqual([part, 0, true]);
  }
}, 120_000);

it('lists every setting with its meaning and default', async () => {
  const { code, out } = await rejoinder(['settings']);
  expect(code).toBe(0);
  for (const name of ['every role', ...services.filter((service) => out.includes(`\n${service}:`))])
    expect(out).toContain(`${name}:\n  REJOINDER_`);
  expect(out).toMatch(/^ {2}REJOINDER_DATABASE_URL +\S.* \(must be set\)$/m);
  expect(out).toMatch(/^ {2}REJOINDER_BODY_DAYS +\S.* \(7\)$/m);
  const declared = await declaredSettings();
  expect(declared.length).toBeGreaterThan(40);
  expect(declared.filter((name) => !out.includes(`  ${name} `))).toEqual([]);
}, 60_000);

it('a role names its own wrong settings together with those of the house', async () => {
  const { code, err } = await rejoinder(['attachment'], { REJOINDER_DATABASE_URL: secret, REJOINDER_STORE: 'a drawer' });
  expect(code).toBe(1);
  for (const name of ['REJOINDER_KEYRING_URL', 'REJOINDER_KEY_FILE', 'REJOINDER_STORE']) expect(err).toContain(`${name} must be`);
}, 60_000);

describe('rejoinder all', () => {
  it('says in a sentence that its port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { code, err } = await rejoinder(['all', '--port', String(port)]);
    taken.close();
    expect([code, err.trim().split('\n').length]).toEqual([1, 1]);
    expect(err).toContain(`Port ${port} of 127.0.0.1 is in use`);
  }, 60_000);

  it('says in a sentence that its data folder cannot be written', async () => {
    // A file stands where the folder should be: root cannot write there either.
    const folder = mkdtempSync(join(tmpdir(), 'rejoinder-closed-'));
    writeFileSync(join(folder, 'file'), '');
    const { code, err } = await rejoinder(['all', '--data', join(folder, 'file', 'data'), '--port', String(await freePort())]);
    rmSync(folder, { recursive: true, force: true });
    expect([code, err.trim().split('\n').length]).toEqual([1, 1]);
    expect(err).toMatch(/^The data folder .* cannot be written/);
  }, 60_000);

  it('says in a sentence that the platform has no PostgreSQL to bring along, and what to do', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rejoinder-platform-'));
    chmodSync(folder, 0o711);
    const elsewhere = "--import data:text/javascript,Object.defineProperty(process,'arch',{value:'riscv64'})";
    const { code, err } = await rejoinder(['all', '--data', folder, '--port', String(await freePort())], { NODE_OPTIONS: elsewhere });
    rmSync(folder, { recursive: true, force: true });
    expect([code, err.trim().split('\n').length]).toEqual([1, 1]);
    expect(err).toMatch(/riscv64 is not installed: .* REJOINDER_DATABASE_URL/);
  }, 60_000);
});
