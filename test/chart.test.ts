// The chart, without a cluster: every example is valid, wrong values are named, and what it says of the code is what the code says.
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { listSettings, type ListedSetting } from '@rejoinder/rejoinder/settings-command';
import { roleNames } from '@rejoinder/rejoinder/roles';
import { services } from '@rejoinder/runtime/services';
import { clusterTools, manifestFaults } from '@rejoinder/testing/cluster-tools';
import { chart, exampleFile, examples, helm, manifestsOf, podsOf, portFaults, rendered, template } from './chart.js';

const root = fileURLToPath(new URL('..', import.meta.url));
/** The oldest that the chart promises, and the newest there is. */
const releases = ['1.29.0', '1.37.0'];
const chartRoles = parse(readFileSync(join(chart, 'files/roles.yaml'), 'utf8')) as Record<string, { calls: string[] }>;

beforeAll(async () => {
  await clusterTools();
}, 300_000);

/** A folder until the test ends. */
function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-chart-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function validated(release: string, manifests: string): Promise<string> {
  const file = join(scratch(), 'manifests.yaml');
  writeFileSync(file, manifests);
  return manifestFaults(release, [file]);
}

describe('every example', () => {
  it.each(examples)(
    '%s is a chart without a fault',
    async (example) => {
      const lint = await helm(['lint', '--strict', '--quiet', chart, '--values', exampleFile(example)]);
      expect([lint.status, lint.stdout + lint.stderr]).toEqual([0, '']);
      const text = await template(example);
      for (const release of releases) expect(await validated(release, text)).toBe('');
      expect(portFaults(manifestsOf(text))).toEqual([]);
    },
    300_000,
  );

  it('has the intake only where it has a domain', async () => {
    const rolesOf = async (example: 'minimal' | 'production') => [...podsOf(await rendered(example)).keys()].sort();
    expect(await rolesOf('minimal')).toEqual([...services, 'migrate', 'test'].sort());
    expect(await rolesOf('production')).toEqual([...services, 'intake', 'migrate', 'test'].sort());
  });
});

describe('settings', () => {
  let listed: ListedSetting[];
  beforeAll(async () => {
    listed = await listSettings();
  });
  const declaredBy = (role: string) => listed.filter((one) => one.role === null || one.role === role).map(({ name }) => name);
  const namesOf = (setting: 'env', manifests: Awaited<ReturnType<typeof rendered>>) =>
    new Map([...podsOf(manifests)].map(([role, pod]) => [role, pod.containers[0]![setting]?.map(({ name }) => name) ?? []]));
  /** With these over the least values, the chart writes all that it can write by itself. */
  const everything = {
    gateway: {
      ingress: { enabled: true, host: 'crm.example.com', tls: { existingSecret: 'some' } },
      bootstrapApiKey: { existingSecret: 'some' },
      trustedProxies: ['10.1.0.0/16'],
    },
    intake: { domain: 'log.example.com', certificate: { existingSecret: 'some' } },
    mail: { allowedNetworks: ['10.1.0.0/16'] },
    webhooks: { allowedNetworks: ['10.1.0.0/16'] },
    traces: { endpoint: 'http://collector:4318' },
    kafka: {
      tls: { enabled: true, existingSecret: 'some' },
      sasl: { mechanism: 'scram-sha-512', user: 'rejoinder', existingSecret: 'some' },
    },
  };

  it('are those that the code declares, as the chart has them listed', () => {
    const inChart = JSON.parse(readFileSync(join(chart, 'files/settings.json'), 'utf8')) as unknown;
    const remedy = 'run: node services/rejoinder/bin/rejoinder.js settings --json > charts/rejoinder/files/settings.json';
    expect(inChart, remedy).toEqual(listed);
  });

  it('all reach the roles that declare them, and no other', async () => {
    const written = new Set([...namesOf('env', await rendered('minimal', everything)).values()].flat());
    const left = new Map(listed.filter(({ name }) => !written.has(name)).map((one) => [one.name, one]));
    const [files, others] = [
      [...left.values()].filter(({ name }) => name.endsWith('_FILE')),
      [...left.values()].filter(({ name }) => !name.endsWith('_FILE')),
    ];
    const from = { existingSecret: 'some', key: 'some' };
    const named = (some: ListedSetting[], value: unknown) => Object.fromEntries(some.map(({ name }) => [name, value]));
    const values = {
      ...everything,
      settings: named(
        others.filter(({ secret }) => !secret),
        'some',
      ),
      secretSettings: named(
        others.filter(({ secret }) => secret),
        from,
      ),
      fileSettings: named(files, from),
    };
    const given = namesOf('env', await rendered('minimal', values));
    for (const role of roleNames) expect([role, given.get(role)!.toSorted()]).toEqual([role, [...new Set(declaredBy(role))].sort()]);
    expect(given.get('migrate')).toEqual(['REJOINDER_DATABASE_URL', 'REJOINDER_KEYRING_URL']);
  });

  it('that must be set are set by the least values there can be', async () => {
    const given = namesOf('env', await rendered('minimal'));
    for (const role of services) {
      const needed = listed.filter((one) => one.required && (one.role === null || one.role === role)).map(({ name }) => name);
      expect(given.get(role)).toEqual(expect.arrayContaining(needed));
    }
  });

  it('hold no secret: secrets come from Secrets', async () => {
    const secret = new Set(listed.filter((one) => one.secret).map(({ name }) => name));
    const env = [...podsOf(await rendered('production')).values()].flatMap(({ containers }) => containers[0]!.env ?? []);
    expect(env.filter(({ name, value }) => secret.has(name) && value !== undefined)).toEqual([]);
  });

  it('of one role go before those of all', async () => {
    const values = {
      settings: { REJOINDER_LOG_LEVEL: 'warn', REJOINDER_MAIL_LIMIT_BYTES: 50_000_000 },
      roles: { sync: { settings: { REJOINDER_LOG_LEVEL: 'debug' } } },
    };
    const pods = podsOf(await rendered('minimal', values));
    const valueOf = (role: string, setting: string) => pods.get(role)!.containers[0]!.env!.find(({ name }) => name === setting)?.value;
    expect(['sync', 'timeline'].map((role) => valueOf(role, 'REJOINDER_LOG_LEVEL'))).toEqual(['debug', 'warn']);
    expect(valueOf('sync', 'REJOINDER_MAIL_LIMIT_BYTES')).toBe('50000000');
  });
});

it('lets each role call those that its code calls', () => {
  // Every owner of data is asked by retention how old it is, and by timeline to forget a mail.
  const owners: Record<string, readonly string[]> = { retention: services, timeline: ['attachment', 'sync', 'sending', 'threading'] };
  for (const service of services) {
    const sources = globSync(`services/${service}/src/**/*.ts`, { cwd: root }).map((path) => readFileSync(join(root, path), 'utf8'));
    const asked = sources.flatMap((source) => [...source.matchAll(/\.client\((\w+)Service\)/g)].map(([, name]) => name!.toLowerCase()));
    expect(sources.some((source) => source.includes('.storeOf(')) ? service : '').toBe(service in owners ? service : '');
    expect([service, chartRoles[service]!.calls.toSorted()]).toEqual([
      service,
      [...new Set([...asked, ...(owners[service] ?? [])])].sort(),
    ]);
  }
});

describe('what operators are told', () => {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const operations = 'docs/operations.md';

  it.each([operations, 'charts/rejoinder/README.md', 'charts/rejoinder/examples/minimal.yaml'])('of %s names the namespace', (path) => {
    const inNamespace =
      /(kubectl (create secret|exec|get|logs|rollout|scale)|helm (history|install|rollback|test|uninstall|upgrade)) [^`\n]{9,}/g;
    const commands = read(path).match(inNamespace)!;
    expect(commands.length).toBeGreaterThan(2);
    expect(commands.filter((command) => !command.includes('--namespace rejoinder'))).toEqual([]);
  });

  it('of connections to PostgreSQL is what all pods ask for', async () => {
    const forTransactions = (await listSettings()).find(({ name }) => name === 'REJOINDER_DATABASE_CONNECTIONS')!.default;
    const ofPod = Number(forTransactions) + 2 + 4;
    /** As many as an autoscaler may make, and with one more of each role during an upgrade. */
    const podsAtMost = async (example: 'minimal' | 'production') => {
      const manifests = await rendered(example);
      const pods = manifests.reduce((sum, { spec }) => sum + (spec?.maxReplicas ?? spec?.replicas ?? 0), 0);
      return [pods, pods + manifests.filter(({ kind }) => kind === 'Deployment').length] as const;
    };
    const [pods, upgraded] = await podsAtMost('minimal');
    expect(read(operations).replace(/\s+/g, ' ')).toContain(
      `${ofPod} for a pod of the chart. Its ${pods} pods ask for ${pods * ofPod} at most, and for ${upgraded * ofPod} while`,
    );
    const cluster = read('charts/rejoinder/examples/operators/cloudnative-pg.yaml');
    const [, most] = await podsAtMost('production');
    expect(Number(/max_connections: '(\d+)'/.exec(cluster)![1])).toBeGreaterThanOrEqual(most * ofPod);
    expect(cluster).toContain(`${ofPod} for each pod: examples/production.yaml has ${most} at most`);
  });
});

describe('wrong values are named', () => {
  const secret = { existingSecret: 'some', key: 'some' };
  it.each<[string, object, string[]]>([
    [
      'a missing secret',
      { database: { existingSecret: '' }, keyFile: { existingSecret: '' } },
      ['database.existingSecret: name the Secret', 'keyFile.existingSecret: name the Secret'],
    ],
    [
      'a login to Kafka by halves',
      { kafka: { sasl: { mechanism: 'scram-sha-512', user: 'rejoinder' } } },
      ['kafka.sasl: name the user, and the Secret that holds the password'],
    ],
    [
      'a password to Kafka in the open, and an authority without TLS',
      { kafka: { sasl: { mechanism: 'plain', user: 'rejoinder', existingSecret: 'some' }, tls: { existingSecret: 'some' } } },
      ['kafka.sasl.mechanism: plain says the password as it is', 'kafka.tls.existingSecret: is of no use unless'],
    ],
    ['no brokers', { kafka: { brokers: [] } }, ['kafka.brokers: name the Kafka brokers, each as host:port']],
    [
      'an autoscaler whose least is over its most',
      { roles: { sync: { autoscaling: { enabled: true, minReplicas: 9, maxReplicas: 5 } } } },
      ['roles.sync.autoscaling: minReplicas (9) is over maxReplicas (5)'],
    ],
    [
      'a budget that would never let a node go',
      { roles: { gateway: { podDisruptionBudget: { minAvailable: 2 } } } },
      ['roles.gateway.podDisruptionBudget: minAvailable (2) must be below the least number of pods (2)'],
    ],
    ['an Ingress without a host', { gateway: { ingress: { enabled: true } } }, ['gateway.ingress.host: name the host']],
    [
      'a setting that there is not',
      { settings: { REJOINDER_LOGLEVEL: 'info' } },
      ['settings.REJOINDER_LOGLEVEL: there is no such setting'],
    ],
    [
      'a setting of the chart itself',
      { settings: { REJOINDER_GRPC_LISTEN: 'x', REJOINDER_RELEASE: 'x' } },
      ['settings.REJOINDER_GRPC_LISTEN: the chart writes this one itself', 'settings.REJOINDER_RELEASE: the chart writes this one itself'],
    ],
    ['a secret in plain', { settings: { REJOINDER_CONSOLE_TOKEN: 'x' } }, ['settings.REJOINDER_CONSOLE_TOKEN: this one is a secret']],
    ['a file in plain', { settings: { REJOINDER_MAIL_CA_FILE: 'x' } }, ['settings.REJOINDER_MAIL_CA_FILE: this one names a file']],
    [
      'a file that is none',
      { fileSettings: { REJOINDER_LOG_LEVEL: secret } },
      ['fileSettings.REJOINDER_LOG_LEVEL: this one names no file'],
    ],
    [
      'a setting of another role',
      { roles: { timeline: { settings: { REJOINDER_SYNC_PARTS: 1 } } } },
      ['roles.timeline.settings.REJOINDER_SYNC_PARTS: this role has no such setting'],
    ],
    ['an unknown value', { image: { tagg: 'x' } }, ["additional properties 'tagg' not allowed"]],
    ['an unknown role', { roles: { sink: {} } }, ["at '/roles': additional properties 'sink' not allowed"]],
    ['a broker without a port', { kafka: { brokers: ['kafka'] } }, ["at '/kafka/brokers/0'"]],
    ['a number of pods in words', { roleDefaults: { replicas: 'two' } }, ["at '/roleDefaults/replicas': got string, want integer"]],
    ['a port that is none', { mail: { imapPorts: [70_000] } }, ["at '/mail/imapPorts/0': maximum: got 70,000, want 65,535"]],
    [
      'a file of two places',
      { fileSettings: { REJOINDER_MAIL_CA_FILE: { ...secret, existingConfigMap: 'some' } } },
      ["at '/fileSettings/REJOINDER_MAIL_CA_FILE'"],
    ],
  ])('%s', async (_what, values, said) => {
    const refused = await template('minimal', values).then(
      () => 'taken',
      (error: Error) => error.message,
    );
    for (const sentence of said) expect(refused).toContain(sentence);
  });
});

describe('a planted fault is caught', () => {
  /** What the chart makes with one line of it changed. */
  async function planted(file: string, there: string, instead: string): Promise<string> {
    const folder = scratch();
    cpSync(chart, folder, { recursive: true });
    const before = readFileSync(join(folder, file), 'utf8');
    expect(before).toContain(there);
    writeFileSync(join(folder, file), before.replace(there, instead));
    return template('production', {}, folder);
  }

  it.each([
    ['an unknown field of a Deployment', 'templates/roles.yaml', 'maxSurge: 1', 'maxSurge: 1\n      atOnce: 1', "'atOnce' was unexpected"],
    [
      'an unknown field of a PodDisruptionBudget',
      'templates/roles.yaml',
      'unhealthyPodEvictionPolicy',
      'unhealthyEviction',
      "'unhealthyEviction' was unexpected",
    ],
    ['a field of the wrong kind', 'templates/roles.yaml', 'failureThreshold: 150', 'failureThreshold: often', "'often' is not of type"],
  ])('%s, by the validator', async (_what, file, there, instead, said) => {
    expect(await validated(releases[1]!, await planted(file, there, instead))).toContain(said);
  });

  it.each([
    [
      'a Service',
      'templates/roles.yaml',
      'targetPort: grpc',
      'targetPort: grcp',
      'Service rejoinder-connections: its pods have no port grcp',
    ],
    [
      'a probe',
      'templates/roles.yaml',
      '/health/live\n              port: health',
      '/health/live\n              port: http',
      'connections: its probe /health/live asks a port http that it has not',
    ],
    ['the Ingress', 'templates/ingress.yaml', 'name: http', 'name: web', 'Ingress: there is no Service rejoinder-gateway with a port web'],
  ])('a wrong port of %s', async (_what, file, there, instead, said) => {
    expect(portFaults(manifestsOf(await planted(file, there, instead)))).toContain(said);
  });
});
