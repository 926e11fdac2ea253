// The CRM's own pod beside the release: the tests reach the gateway's Service through it, and run programs in it.
import { spawn, type ChildProcess } from 'node:child_process';
import { stringify } from 'yaml';
import { clusterTools } from '@rejoinder/testing/cluster-tools';
import { freePorts } from '@rejoinder/testing/ports';
import { settle } from '@rejoinder/testing/settle';
import { crmLabels, image, kubectl } from './cluster.js';

const relayPort = 8_080;
const readyMs = 60_000;
/** Leads each connection to the Service, so that the cluster chooses the pod that answers, as for any client in it. */
const relay = (service: string) => `
const { createServer, connect } = require('node:net');
createServer((client) => {
  const gateway = connect(7420, '${service}');
  const end = () => { client.destroy(); gateway.destroy(); };
  client.on('error', end).on('close', end).pipe(gateway).on('error', end).on('close', end).pipe(client);
}).listen(${relayPort}, '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));`;

export interface CrmPod {
  /** Runs a module with the packages of the image, in a pod: what it printed. */
  run(program: string, ...args: string[]): Promise<string>;
  stop(): void;
}

/** What any pod must say of itself where Pod Security `restricted` is enforced. */
export function pod(namespace: string, name: string, labels: Record<string, string>, container: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 2,
      securityContext: { runAsNonRoot: true, runAsUser: 10_001, runAsGroup: 10_001, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name,
          image: `${image().repository}:${image().tag}`,
          imagePullPolicy: 'Never',
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '256Mi' } },
          ...container,
        },
      ],
    },
  };
}

/** Runs a module with the packages of the image in a pod that is there: what it printed. */
export const runIn = (namespace: string, where: string, program: string, args: string[] = []): Promise<string> =>
  kubectl(['exec', '--namespace', namespace, '--stdin', where, '--', 'node', '--input-type=module', '-', ...args], program);

/** Its port here leads to the Service `<service>`. */
export async function startCrmPod(namespace: string, service: string, port: number): Promise<CrmPod> {
  const command = ['node', '--eval', relay(service)];
  await kubectl(['apply', '--filename', '-'], stringify(pod(namespace, 'crm', crmLabels, { command })));
  await kubectl(['wait', 'pod/crm', '--namespace', namespace, '--for', 'condition=Ready', '--timeout', '60s']);
  const forward = await startForward(namespace, port);
  return { run: (program, ...args) => runIn(namespace, 'crm', program, args), stop: () => void forward.kill() };
}

async function startForward(namespace: string, port: number): Promise<ChildProcess> {
  const { kubectl: program } = await clusterTools();
  const child = spawn(program, ['port-forward', '--namespace', namespace, 'pod/crm', `${port}:${relayPort}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-10_000)));
  await settle(
    'the port to be forwarded',
    () => {
      if (child.exitCode !== null) throw new Error(`kubectl port-forward ended: ${said}`);
      return said.includes('Forwarding from 127.0.0.1');
    },
    { timeoutMs: readyMs },
  );
  return child;
}

export const freePort = async (): Promise<number> => (await freePorts(1))[0]!;
