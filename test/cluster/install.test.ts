// A release on real pods: every role gets ready where Pod Security is enforced, does the main job, reaches whom it must and nobody else, and leaves nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { EngagementLoggedSchema } from '@rejoinder/contracts/events/timeline';
import { roleNames } from '@rejoinder/rejoinder/roles';
import { Rest, type Engagement } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { people } from '@rejoinder/testing/crm-town';
import { chart, componentOf, examples, template, type Labels } from '../chart.js';
import { folderHolds } from '../folder.js';
import { mainJob } from '../main-job.js';
import {
  apiKey,
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
import { pod, runIn, startCrmPod, type CrmPod } from './crm-pod.js';
import { reached, reachesOnly, type Places } from './reach.js';
import { startServers, type Servers } from './servers.js';

interface Pod {
  metadata: { name: string; labels: Labels };
  status: {
    phase: string;
    podIP: string;
    startTime: string;
    conditions: { type: string; status: string; lastTransitionTime: string }[];
    containerStatuses: { restartCount: number; state: { running?: { startedAt: string } } }[];
  };
}

/** A process of Nest that does nothing: no database, no log, no health but an open port. */
const bareNest = `import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
class Bare {}
Module({})(Bare);
const app = await NestFactory.createMicroservice(Bare, { transport: Transport.TCP, options: { host: '0.0.0.0', port: 7440 }, logger: false });
await app.listen();`;
/** As a service of the CRM would: the contract, and where timeline is. */
const listEngagements = `import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { Peers } from '@rejoinder/runtime/peers';
const [, , address, tenantId, contactId] = process.argv;
const peers = new Peers(() => address);
const { engagements } = await peers.client(TimelineService).listEngagements({ tenantId, contactId, pageSize: 50 }, { deadlineMs: 10_000 });
for (const { engagementId, subject } of engagements) console.log(engagementId, subject);
peers.close();`;
const roles = parse(readFileSync(join(chart, 'files/roles.yaml'), 'utf8')) as Record<string, { calls: string[]; outside?: string[] }>;

let servers: Servers;
let namespace: Namespace;
let crm: CrmPod;
let rest: Rest;
/** As events tell it. */
let tenantId: string;
const podsHere = async () => (await kubectlJson<{ items: Pod[] }>(['get', 'pods', '--namespace', namespace.name])).items;

const nameOf = ({ metadata }: Pod): string => componentOf(metadata.labels) ?? metadata.name;

function startS({ status }: Pod): number {
  const ready = status.conditions.find(({ type }) => type === 'Ready')!;
  return (Date.parse(ready.lastTransitionTime) - Date.parse(status.containerStatuses[0]!.state.running!.startedAt)) / 1_000;
}

async function memoryMb({ metadata }: Pod): Promise<number> {
  const said = await runIn(
    namespace.name,
    metadata.name,
    `import { readFileSync } from 'node:fs'; console.log(readFileSync('/proc/1/status', 'utf8'));`,
  );
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(said)![1]) / 1_000);
}

/** The contact of the main job, and their answer on the timeline. */
async function logged(): Promise<{ contact: string; reply: Engagement }> {
  const { contact_id: contact } = (await rest.contacts()).find(({ address }) => address === people.contact)!;
  return { contact, reply: (await rest.timeline(contact)).find(({ direction }) => direction === 'in')! };
}

beforeAll(async () => {
  servers = await startServers();
  namespace = await createNamespace();
  await createSecrets(namespace.name, servers);
  crm = await startCrmPod(namespace.name, `${release}-gateway`);
  rest = new Rest(`http://${crm.host}`, apiKey);
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
    await install(namespace.name, valuesFor(servers, [crm.host]));
    const seconds = (Date.now() - began) / 1_000;
    const pods = (await podsHere()).filter((one) => nameOf(one) !== 'crm');
    expect(pods.map(nameOf).sort()).toEqual(roleNames.toSorted());
    for (const { metadata, status } of pods) {
      const ready = status.conditions.find(({ type }) => type === 'Ready')!;
      expect([metadata.name, ready.status, status.containerStatuses[0]!.restartCount]).toEqual([metadata.name, 'True', 0]);
    }
    process.stdout.write(`\nInstalled in ${seconds.toFixed(1)} s\n`);
  });

  it('takes how much more than a bare Nest process', async () => {
    const bare = {
      command: ['node', '--input-type=module', '--eval', bareNest],
      readinessProbe: { tcpSocket: { port: 7_440 }, periodSeconds: 1 },
    };
    await kubectl(['apply', '--filename', '-'], stringify(pod(namespace.name, 'bare', { app: 'bare' }, bare)));
    await kubectl(['wait', 'pod/bare', '--namespace', namespace.name, '--for', 'condition=Ready', '--timeout', '60s']);
    const rows = await Promise.all(
      (await podsHere())
        .filter((one) => nameOf(one) !== 'crm')
        .map(async (one) => `${nameOf(one)} ${startS(one)} s, ${await memoryMb(one)} MB`),
    );
    await kubectl(['delete', 'pod/bare', '--namespace', namespace.name]);
    process.stdout.write(`From a container's start until it is ready, and memory then: ${rows.toSorted().join('; ')}\n`);
  });

  it('passes helm test', async () => {
    const said = await helm(['test', release, '--namespace', namespace.name, '--logs', '--timeout', '2m']);
    for (const role of roleNames) expect(said).toContain(`ok      ${role} is ready`);
    expect(said).not.toContain('failed ');
  });

  it('does the main job through its Service', async () => {
    const { dataDir, listObjects } = servers.store;
    const store = { holds: (bytes: Buffer) => folderHolds(dataDir, bytes), count: async () => (await listObjects()).length };
    await mainJob({ rest, town: servers.town }, store);
  });

  it('tells consumers outside of what it logged', async () => {
    const { reply } = await logged();
    const consumer = new Kafka({ brokers: [`${servers.host}:${servers.ports.kafka}`], logLevel: logLevel.NOTHING }).consumer({
      groupId: 'crm',
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topic: 'rejoinder.timeline.v1', fromBeginning: true });
      await consumer.run({
        eachMessage: async ({ message: { headers, value } }) => {
          if (headers?.ce_type?.toString() !== EngagementLoggedSchema.name) return;
          if (fromBinary(EngagementLoggedSchema, value!).engagementId === reply.engagement_id) tenantId = headers.ce_tenant!.toString();
        },
      });
      await settle('the event', () => tenantId !== undefined, { timeoutMs: 60_000 });
    } finally {
      await consumer.disconnect();
    }
  });

  it('answers gRPC to a pod that may call it', async () => {
    const { contact, reply } = await logged();
    const said = await crm.run(listEngagements, `${release}-timeline:7430`, tenantId, contact);
    expect(said).toContain(`${reply.engagement_id} ${reply.subject}`);
  });

  describe('reaches whom it must, and nobody else', () => {
    let places: Places;
    beforeAll(async () => {
      const { host, ports, town } = servers;
      const [gateway] = (await podsHere()).filter((one) => nameOf(one) === 'gateway');
      places = {
        ...Object.fromEntries(
          roleNames.filter((role) => role !== 'intake').map((role): [string, [string, number]] => [role, [`${release}-${role}`, 7_430]]),
        ),
        database: [host, ports.postgres],
        kafka: [host, ports.kafka],
        s3: [host, ports.s3],
        imap: [host, town.imapPort],
        smtp: [host, town.dovecot.submissionsPort],
        http: [`${release}-gateway`, 7_420],
        intake: [`${release}-intake`, 25],
        'kubernetes API': ['kubernetes.default.svc', 443],
        'health of another': [gateway!.status.podIP, 7_440],
      };
    });

    it.each(Object.entries(roles))('%s', async (role, { calls, outside = [] }) => {
      const own = (await podsHere()).find((one) => nameOf(one) === role)!;
      // A pod's way to itself passes no policy.
      const { [role]: _, ...others } = places;
      const own7440 = role === 'gateway' ? ['http', 'health of another'] : [];
      const tried = Object.fromEntries(Object.entries(others).filter(([name]) => !own7440.includes(name)));
      const may = ['database', 'kafka', ...calls, ...outside].filter((name) => name in tried);
      expect(Object.keys(tried).length - may.length).toBeGreaterThanOrEqual(3);
      await reachesOnly(namespace.name, own.metadata.name, tried, may);
    });

    it('and is reached by the CRM where it may, and by strangers for mail alone', async () => {
      const ours = (name: string) =>
        name === 'http' || name === 'intake' || name === 'health of another' || roleNames.includes(name as never);
      const doors = Object.fromEntries(Object.entries(places).filter(([name]) => ours(name)));
      expect((await reached(namespace.name, 'crm', doors)).toSorted()).toEqual(['http', 'intake', 'timeline']);
      await kubectl(
        ['apply', '--filename', '-'],
        stringify(pod(namespace.name, 'stranger', { app: 'stranger' }, { command: ['node', '--eval', 'setInterval(() => 0, 1e6)'] })),
      );
      await kubectl(['wait', 'pod/stranger', '--namespace', namespace.name, '--for', 'condition=Ready', '--timeout', '60s']);
      expect(await reached(namespace.name, 'stranger', doors)).toEqual(['intake']);
    });
  });

  it('leaves nothing when it is uninstalled', async () => {
    expect((await leftOf(namespace.name)).length).toBeGreaterThan(40);
    await helm(['uninstall', release, '--namespace', namespace.name, '--wait', '--timeout', '3m']);
    await settle(
      'its last pods to end',
      async () => (await podsHere()).every(({ metadata }) => componentOf(metadata.labels) === undefined),
      { timeoutMs: 120_000 },
    );
    expect(await leftOf(namespace.name)).toEqual([]);
  });
});
