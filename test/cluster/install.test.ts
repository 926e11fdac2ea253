// An install on real pods: every role gets ready where Pod Security is enforced, `helm test` passes, the server knows what no offline check does, and nothing is left.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleNames } from '@rejoinder/rejoinder/roles';
import { settle } from '@rejoinder/testing/settle';
import { componentOf, examples, template, type Labels } from '../chart.js';
import {
  createNamespace,
  createSecrets,
  helm,
  install,
  kubectl,
  kubectlJson,
  leftOf,
  release,
  valuesFor,
  type Namespace,
} from './cluster.js';
import { startServers, type Servers } from './servers.js';

interface Pod {
  metadata: { name: string; labels: Labels };
  status: {
    phase: string;
    startTime: string;
    conditions: { type: string; status: string; lastTransitionTime: string }[];
    containerStatuses: { restartCount: number; state: { running?: { startedAt: string } } }[];
  };
}

let servers: Servers;
let namespace: Namespace;
const podsHere = async () => (await kubectlJson<{ items: Pod[] }>(['get', 'pods', '--namespace', namespace.name])).items;

beforeAll(async () => {
  servers = await startServers();
  namespace = await createNamespace();
  await createSecrets(namespace.name, servers);
});

afterAll(async () => {
  await namespace?.remove();
  await servers?.stop();
});

describe('the server, asked without effect', () => {
  const dryRun = (manifests: string) =>
    kubectl(['apply', '--dry-run=server', '--validate=strict', '--namespace', 'crm', '--filename', '-'], manifests);
  beforeAll(async () => void (await kubectl(['create', 'namespace', 'crm'])));
  afterAll(async () => void (await kubectl(['delete', 'namespace', 'crm'])));

  it.each(examples)('takes all of %s', async (example) => {
    await dryRun(await template(example));
  });

  it.each([
    ['an unknown field', 'maxSurge: 1', 'maxSurge: 1\n      atOnce: 1', 'unknown field "spec.strategy.rollingUpdate.atOnce"'],
    ['an autoscaler whose least is over its most', 'minReplicas: 2', 'minReplicas: 9', 'must be greater than or equal to `minReplicas`'],
    ['a port that is none', 'containerPort: 7430', 'containerPort: 74300', 'must be between 1 and 65535'],
  ])('refuses %s', async (_what, there, instead, said) => {
    const manifests = await template('production');
    expect(manifests).toContain(there);
    await expect(dryRun(manifests.replace(there, instead))).rejects.toThrow(said);
  });
});

describe('a release', () => {
  it('is installed: every role is ready, and none was started twice', async () => {
    const began = Date.now();
    await install(namespace.name, valuesFor(servers));
    const seconds = (Date.now() - began) / 1_000;
    const pods = await podsHere();
    expect(pods.map(({ metadata }) => componentOf(metadata.labels)).sort()).toEqual(roleNames.toSorted());
    const rows = pods.map(({ metadata, status }) => {
      const ready = status.conditions.find(({ type }) => type === 'Ready')!;
      const [container] = status.containerStatuses;
      expect([metadata.name, ready.status, container!.restartCount]).toEqual([metadata.name, 'True', 0]);
      const toReady = (Date.parse(ready.lastTransitionTime) - Date.parse(container!.state.running!.startedAt)) / 1_000;
      return `${componentOf(metadata.labels)} ${toReady} s`;
    });
    process.stdout.write(`\nInstalled in ${seconds.toFixed(1)} s; from a container's start until it is ready: ${rows.join(', ')}\n`);
  });

  it('passes helm test', async () => {
    const said = await helm(['test', release, '--namespace', namespace.name, '--logs', '--timeout', '2m']);
    for (const role of roleNames) expect(said).toContain(`ok      ${role} is ready`);
    expect(said).not.toContain('failed ');
  });

  it('leaves nothing when it is uninstalled', async () => {
    expect((await leftOf(namespace.name)).length).toBeGreaterThan(40);
    await helm(['uninstall', release, '--namespace', namespace.name, '--wait', '--timeout', '3m']);
    await settle('its last pods to end', async () => (await podsHere()).length === 0, { timeoutMs: 120_000 });
    expect(await leftOf(namespace.name)).toEqual([]);
  });
});
