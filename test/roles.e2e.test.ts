// What a person meets at the command line: wrong settings, help, a port in use, a folder that cannot be written. Needs a build.
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { services } from '@rejoinder/runtime/services';
import { settingNames } from '../services/rejoinder/src/setting-names.js';
import { listSettings } from '../services/rejoinder/src/settings-command.js';
import { roleNames } from '../services/rejoinder/src/roles.js';
import { bin, rejoinder } from './command.js';
import { filesIn } from './folder.js';
import { freePort } from '@rejoinder/testing/ports';
import { startPostgres } from '@rejoinder/testing/postgres';
import { startProgram } from '@rejoinder/testing/processes';
import { settle } from '@rejoinder/testing/settle';

const secret = 'postgres://planted:s3cr3t@127.0.0.1:1/x';

/** Every setting that the source of the roles and of the house declares. */
async function declaredSettings(): Promise<string[]> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folders = [...services.map((service) => join(root, 'services', service, 'src')), join(root, 'libs', 'runtime', 'src')];
  const files = (await Promise.all(folders.map(filesIn))).flat().filter((file) => file.endsWith('.ts') && !file.includes('.test.'));
  const sources = files.map((file) => readFileSync(file, 'utf8'));
  return [...new Set(sources.flatMap((source) => [...source.matchAll(/Setting\(\s*'(REJOINDER_\w+)'/g)].map(([, name]) => name!)))];
}

describe('a role with wrong settings', () => {
  it.each(roleNames)(
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
  for (const part of ['all', 'migrate', 'make-key', 'keys', 'dead-letters', 'republish', 'skip-lost', ...roleNames]) {
    expect(out).toContain(`  ${part}`);
    const help = await rejoinder([part, '--help']);
    expect([part, help.code, help.out.includes(`Usage: rejoinder ${part}`)]).toEqual([part, 0, true]);
  }
}, 120_000);

it('lists every setting with its meaning and default', async () => {
  const { code, out } = await rejoinder(['settings']);
  expect(code).toBe(0);
  for (const name of ['every role', 'intake', ...services.filter((service) => out.includes(`\n${service}:`))])
    expect(out).toContain(`${name}:\n  REJOINDER_`);
  expect(out).toMatch(/^ {2}REJOINDER_DATABASE_URL +\S.* \(must be set\)$/m);
  expect(out).toMatch(/^ {2}REJOINDER_BODY_DAYS +\S.* \(7\)$/m);
  const declared = await declaredSettings();
  expect(declared.length).toBeGreaterThan(40);
  expect(declared.filter((name) => !out.includes(`  ${name} `))).toEqual([]);
}, 60_000);

it('what is mistyped is named beside what is missing, with the name that is meant and without its value', async () => {
  const { code, err } = await rejoinder(['timeline'], { REJOINDER_DATABSE_URL: secret, REJOINDER_GATEWAY_SERVICE_HOST: '10.96.0.7' });
  expect(code).toBe(1);
  expect(err).toContain('REJOINDER_DATABASE_URL must be set');
  expect(err).toContain('There is no setting REJOINDER_DATABSE_URL: it does nothing. Is REJOINDER_DATABASE_URL meant?');
  expect(err).not.toMatch(/s3cr3t|SERVICE_HOST/);
  expect([...(await settingNames())].sort()).toEqual(
    [...new Set(['REJOINDER_PORT', ...(await listSettings()).map(({ name }) => name)])].sort(),
  );
}, 60_000);

it('a role names its own wrong settings together with those of the house', async () => {
  const { code, err } = await rejoinder(['attachment'], { REJOINDER_DATABASE_URL: secret, REJOINDER_STORE: 'a drawer' });
  expect(code).toBe(1);
  for (const name of ['REJOINDER_KEYRING_URL', 'REJOINDER_KEY_FILE', 'REJOINDER_STORE']) expect(err).toContain(`${name} must be`);
}, 60_000);

it('make-key says what it did: made, left as it was, or why not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-key-'));
  const file = join(folder, 'key');
  expect((await rejoinder(['make-key', file])).out).toContain('is made');
  expect((await rejoinder(['make-key', file])).out).toContain('it stays as it is');
  writeFileSync(join(folder, 'junk'), 'junk', { mode: 0o600 });
  for (const [path, sentence] of [
    [join(folder, 'junk'), /is no key file/],
    [join(folder, 'missing', 'key'), /cannot be made \(ENOENT\)/],
  ] as const) {
    const { code, err } = await rejoinder(['make-key', path]);
    expect([code, err.trim().split('\n').length]).toEqual([1, 1]);
    expect(err).toMatch(sentence);
  }
  rmSync(folder, { recursive: true });
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

  it('says so of a folder in a file system that takes none', async () => {
    const { code, err } = await rejoinder(['all', '--data', '/proc/rejoinder/data', '--port', String(await freePort())]);
    expect([code, err.trim().split('\n').length]).toEqual([1, 1]);
    expect(err).toMatch(/^The data folder \/proc\/rejoinder\/data cannot be written/);
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

describe('without its PostgreSQL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-unreached-'));
  const keyFile = join(folder, 'key');
  const settings = (url: string) => ({
    REJOINDER_DATABASE_URL: url,
    REJOINDER_KEYRING_URL: url,
    REJOINDER_KEY_FILE: keyFile,
    REJOINDER_BUS: 'local',
  });
  /** Takes connections and never answers. */
  const silent = createServer();
  const sockets = new Set<Socket>();
  let silentPort: number;
  beforeAll(async () => {
    await rejoinder(['make-key', keyFile]);
    silent.on('connection', (socket) => sockets.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    silentPort = (silent.address() as AddressInfo).port;
  });
  afterAll(() => {
    silent.close();
    for (const socket of sockets) socket.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([['migrate'], ['dead-letters'], ['republish', 'sync', '--since', '2026-01-01']])(
    '%s says so in a sentence within seconds, and ends with 1',
    async (...args) => {
      const closed = await freePort();
      for (const port of [closed, silentPort]) {
        const started = Date.now();
        const { code, out, err } = await rejoinder(args, settings(`postgres://planted:s3cr3t@127.0.0.1:${port}/x`));
        expect([code, out, err.trim().split('\n').length]).toEqual([1, '', 1]);
        expect(err).toMatch(new RegExp(`^PostgreSQL at 127\\.0\\.0\\.1:${port} cannot be reached \\(.+\\): see REJOINDER_DATABASE_URL\\.`));
        expect(err).not.toContain('s3cr3t');
        expect(Date.now() - started).toBeLessThan(15_000);
      }
    },
    60_000,
  );

  it('a role says so, waits for it, and goes when it is told to', async () => {
    const role = startProgram({
      name: 'timeline',
      command: process.execPath,
      args: [bin, 'timeline'],
      env: {
        ...settings(`postgres://planted:s3cr3t@127.0.0.1:${await freePort()}/x`),
        REJOINDER_LOGLEVEL: 'debug',
        // Of another role, as where all are given the same.
        REJOINDER_HTTP_HOSTS: 'crm.example.com',
      },
    });
    try {
      await settle('the second try', async () => role.output().split('cannot start yet').length > 2);
      expect(role.output()).toContain('cannot be reached (ECONNREFUSED): see REJOINDER_DATABASE_URL.');
      expect(role.output()).not.toContain('s3cr3t');
      expect(role.output().split('There is no setting')).toHaveLength(2);
      expect(role.output()).toContain('There is no setting REJOINDER_LOGLEVEL: it does nothing. Is REJOINDER_LOG_LEVEL meant?');
    } finally {
      await role.stop();
    }
    expect(role.output()).toContain('[timeline ended: code 0]');
  }, 60_000);

  it('says that a login is refused, that there is no such database, that nothing was migrated yet, and what is no address', async () => {
    const postgres = await startPostgres();
    try {
      const url = await postgres.createDatabase('empty');
      const answer = async (args: string[], changed: string) => (await rejoinder(args, settings(changed))).err;
      const wrong = new URL(url);
      wrong.username = 'planted';
      expect(await answer(['migrate'], wrong.href)).toMatch(
        /^PostgreSQL at .* refuses this login \(28000\): see REJOINDER_DATABASE_URL\.\n$/,
      );
      expect(await answer(['migrate'], url.replace(/empty$/, 'other'))).toMatch(/has no database other: see REJOINDER_DATABASE_URL\.\n$/);
      expect(await answer(['timeline'], url)).toMatch(/has nothing of Rejoinder in empty yet: run rejoinder migrate first\.\n$/);
      expect(await answer(['migrate'], 'postgres://planted:s3cr3t@[nowhere/x')).toMatch(/^REJOINDER_DATABASE_URL is no postgres:[^\n]*\n$/);
    } finally {
      await postgres.stop();
    }
  }, 120_000);

  it('a role waits for a schema that is older than itself, as after a restart with a newer image, and begins once it is migrated', async () => {
    const postgres = await startPostgres();
    const url = await postgres.createDatabase('older');
    expect((await rejoinder(['migrate'], settings(url))).code).toBe(0);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const last = '(select max(name) from timeline.migration)';
    const { rows } = await client.query<{ name: string }>(`delete from timeline.migration where name = ${last} returning name, sha256`);
    const role = startProgram({ name: 'timeline', command: process.execPath, args: [bin, 'timeline'], env: settings(url) });
    try {
      const said = `The schema timeline is older than this release (${rows[0]!.name}): run rejoinder migrate first.`;
      await settle('it to say so', () => role.output().includes(said));
      expect(role.output()).not.toContain('"msg":"ready"');
      await client.query(`insert into timeline.migration select * from jsonb_populate_record(null::timeline.migration, $1)`, [
        JSON.stringify({ ...rows[0], applied_at: new Date() }),
      ]);
      await settle('it to begin', () => role.output().includes('"msg":"ready"'));
    } finally {
      await role.stop();
      await client.end();
      await postgres.stop();
    }
  }, 120_000);
});
