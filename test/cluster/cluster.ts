// The cluster that the kubeconfig names, and a release of the chart in a namespace of its own, where Pod Security `restricted` is enforced.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { clusterTools } from '@rejoinder/testing/cluster-tools';
import { createKeyFile } from '@rejoinder/vault/key-file';
import { chart } from '../chart.js';
import type { Servers } from './servers.js';

export const release = 'rejoinder';
export const apiKey = 'rk_test_key_of_the_cluster';
/** The CRM's own pod, which may call the gateway and timeline. */
export const crmLabels = { app: 'crm' };
const limitMs = 400_000;

/** What a command printed on standard output; an error has all that it said. It is waited for without a stop: pods reach their servers through this process. */
async function run(program: 'helm' | 'kubectl', args: string[], input = ''): Promise<string> {
  const tools = await clusterTools();
  return new Promise((resolve, reject) => {
    const child = execFile(tools[program], args, { timeout: limitMs, maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${program} ${args.join(' ')}: ${stdout}${stderr || error.message}`)) : resolve(stdout),
    );
    child.stdin!.end(input);
  });
}

export const helm = (args: string[], input?: string) => run('helm', args, input);
export const kubectl = (args: string[], input?: string) => run('kubectl', args, input);
export const kubectlJson = async <T>(args: string[]) => JSON.parse(await kubectl([...args, '--output', 'json'])) as T;

export interface Namespace {
  name: string;
  remove(): Promise<void>;
}

export async function createNamespace(): Promise<Namespace> {
  const name = `rejoinder-test-${Date.now().toString(36)}`;
  await kubectl(['create', 'namespace', name]);
  await kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted']);
  return { name, remove: async () => void (await kubectl(['delete', 'namespace', name, '--timeout', '120s'])) };
}

/** The Secrets that the chart refers to. */
export async function createSecrets(namespace: string, servers: Servers): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-cluster-'));
  const make = (name: string, ...from: string[]) => kubectl(['create', 'secret', 'generic', name, '--namespace', namespace, ...from]);
  try {
    await createKeyFile(join(folder, 'key'));
    await make('rejoinder-database', `--from-literal=uri=${servers.databaseUrl}`);
    await make('rejoinder-keyring', `--from-literal=uri=${servers.keyringUrl}`);
    await make('rejoinder-key', `--from-file=key=${join(folder, 'key')}`);
    await make('rejoinder-first-tenant', `--from-literal=apiKey=${apiKey}`);
    const { accessKeyId, secretAccessKey } = servers.s3;
    await make('mail-authority', `--from-literal=ca.pem=${servers.town.dovecot.ca.pem}`);
    await make('rejoinder-s3', `--from-literal=accessKeyId=${accessKeyId}`, `--from-literal=secretAccessKey=${secretAccessKey}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** It stands on the nodes already: REJOINDER_CLUSTER_IMAGE names it, as repository:tag. */
export function image(): { repository: string; tag: string } {
  const [, repository, tag] = /^(.+):([^:/]+)$/.exec(process.env.REJOINDER_CLUSTER_IMAGE ?? '') ?? [];
  if (repository === undefined || tag === undefined)
    throw new Error('Set REJOINDER_CLUSTER_IMAGE to the image that the nodes have, as repository:tag.');
  return { repository, tag };
}

/**
 * The share that each role takes under the load of the tests, of a node of two cores: beside one release there is room for a few pods of the next, so that an
 * upgrade replaces some roles after others, and what starts leaves time to what serves.
 */
const milliCores = {
  gateway: 340,
  sync: 290,
  timeline: 290,
  threading: 220,
  sending: 150,
  attachment: 100,
  connections: 100,
  retention: 35,
  intake: 20,
};

export function valuesFor({ host, ports, s3, town }: Servers, gatewayHosts: string[]): object {
  const crm = { podSelector: { matchLabels: crmLabels } };
  const only = (port: number) => ({ to: [{ ipBlock: { cidr: `${host}/32` } }], ports: [port] });
  return {
    image: { ...image(), pullPolicy: 'Never' },
    database: { existingSecret: 'rejoinder-database' },
    keyring: { existingSecret: 'rejoinder-keyring' },
    keyFile: { existingSecret: 'rejoinder-key' },
    kafka: { brokers: [`${host}:${ports.kafka}`] },
    s3: { endpoint: s3.endpoint, bucket: s3.bucket, existingSecret: 'rejoinder-s3' },
    gateway: { bootstrapApiKey: { existingSecret: 'rejoinder-first-tenant' }, hosts: gatewayHosts },
    mail: { imapPorts: [town.imapPort], smtpPorts: [town.dovecot.submissionsPort], allowedNetworks: [`${host}/32`] },
    fileSettings: { REJOINDER_MAIL_CA_FILE: { existingSecret: 'mail-authority', key: 'ca.pem' } },
    intake: { domain: 'log.test' },
    roleDefaults: { replicas: 1 },
    // Pods of the name service may listen elsewhere than its Service does; networks without IPv6 need not know its addresses.
    networkPolicy: {
      dns: { ports: [53, 1053, 5353] },
      public: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }],
      database: only(ports.postgres),
      kafka: only(ports.kafka),
      s3: only(ports.s3),
      httpFrom: [crm],
    },
    roles: Object.fromEntries(
      Object.entries(milliCores).map(([role, cpu]) => [
        role,
        { resources: { requests: { cpu: `${cpu}m`, memory: '96Mi' } }, ...(role === 'timeline' ? { grpcFrom: [crm] } : {}) },
      ]),
    ),
  };
}

/** Until all its pods are ready. */
export const install = (namespace: string, values: object) =>
  helm(['install', release, chart, '--namespace', namespace, '--values', '-', '--wait', '--timeout', '8m'], stringify(values));

/** Everything of the release that is there, as kind/name; of Helm's own records nothing. */
export async function leftOf(namespace: string): Promise<string[]> {
  const kinds = (await kubectl(['api-resources', '--namespaced', '--verbs=list,delete', '--output', 'name'])).trim().split('\n');
  const counted = kinds.filter((kind) => !/^(events|events\.events\.k8s\.io|pods\.metrics\.k8s\.io)$/.test(kind));
  const found = await kubectl([
    'get',
    counted.join(','),
    '--namespace',
    namespace,
    '--selector',
    `app.kubernetes.io/instance=${release}`,
    '--output',
    'name',
  ]);
  return found.split('\n').filter(Boolean);
}
