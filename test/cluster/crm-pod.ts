// The CRM's own pod beside the release: the tests reach the gateway's Service through it, and run programs in it.
import { stringify } from 'yaml';
import { crmLabels, image, kubectl, kubectlJson } from './cluster.js';

const relayPort = 8_080;
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
  /** Host and port by which this machine reaches the gateway's Service through it. */
  host: string;
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

/** A port of the nodes leads to it, and from there to the Service: a forwarded port of kubectl breaks under load. */
export async function startCrmPod(namespace: string, service: string): Promise<CrmPod> {
  const command = ['node', '--eval', relay(service)];
  const selector = crmLabels;
  const door = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'crm', namespace },
    spec: { type: 'NodePort', selector, ports: [{ port: relayPort }] },
  };
  await kubectl(
    ['apply', '--filename', '-'],
    [pod(namespace, 'crm', crmLabels, { command }), door].map((one) => stringify(one)).join('---\n'),
  );
  await kubectl(['wait', 'pod/crm', '--namespace', namespace, '--for', 'condition=Ready', '--timeout', '60s']);
  const { spec } = await kubectlJson<{ spec: { ports: { nodePort: number }[] } }>(['get', 'service/crm', '--namespace', namespace]);
  const nodes = await kubectlJson<{ items: { status: { addresses: { type: string; address: string }[] } }[] }>(['get', 'nodes']);
  const node = nodes.items[0]!.status.addresses.find(({ type }) => type === 'InternalIP')!;
  return { host: `${node.address}:${spec.ports[0]!.nodePort}`, run: (program, ...args) => runIn(namespace, 'crm', program, args) };
}
