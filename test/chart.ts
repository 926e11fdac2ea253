// The chart as tests see it: what Helm makes of it, and what is wrong with that which no validator of manifests knows.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import { clusterTools } from '@rejoinder/testing/cluster-tools';

export const chart = fileURLToPath(new URL('../charts/rejoinder', import.meta.url));
export const examples = ['minimal', 'production', 'laptop'] as const;
export const exampleFile = (name: (typeof examples)[number]) => join(chart, 'examples', `${name}.yaml`);

export interface Port {
  name?: string;
  port?: number | string;
  containerPort?: number;
  targetPort?: number | string;
}

export interface Probe {
  httpGet: { path: string; port: string };
}

export interface Container {
  name: string;
  image: string;
  args: string[];
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  ports?: Port[];
  startupProbe?: Probe;
  readinessProbe?: Probe;
  livenessProbe?: Probe;
  securityContext: unknown;
  resources: { requests: object; limits: object };
  volumeMounts?: { name: string; mountPath: string }[];
}

export interface PodSpec {
  containers: Container[];
  volumes?: { name: string; secret?: { secretName: string; defaultMode: number }; configMap?: { name: string } }[];
  securityContext: unknown;
  serviceAccountName?: string;
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds?: number;
}

export type Labels = Record<string, string>;
export interface Peer {
  podSelector?: { matchLabels?: Labels };
  namespaceSelector?: object;
  ipBlock?: { cidr: string; except?: string[] };
}
export interface Rule {
  ports?: { port: number | string }[];
  from?: Peer[];
  to?: Peer[];
}

/** One manifest; of its spec what tests look at. */
export interface Manifest {
  kind: string;
  metadata: { name: string; labels: Labels; annotations?: Labels };
  automountServiceAccountToken?: boolean;
  spec: PodSpec & {
    replicas?: number;
    maxReplicas?: number;
    selector: Labels & { matchLabels?: Labels };
    template: { metadata: { labels: Labels }; spec: PodSpec };
    ports: Port[];
    podSelector: { matchLabels: Labels };
    ingress?: Rule[];
    egress?: Rule[];
    rules: { http: { paths: { backend: { service: { name: string; port: { name: string } } } }[] } }[];
  };
}

export async function helm(args: string[], input = '') {
  const { helm } = await clusterTools();
  const { status, stdout, stderr, error } = spawnSync(helm, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  if (error) throw error;
  return { status, stdout, stderr };
}

/** What Helm writes for an example with more values over it; an error has what it says. */
export async function template(example: (typeof examples)[number], values: object = {}, from = chart): Promise<string> {
  const args = ['template', 'rejoinder', from, '--namespace', 'crm', '--values', exampleFile(example), '--values', '-'];
  const { status, stdout, stderr } = await helm(args, stringify(values));
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

export const manifestsOf = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((one) => one.toJS() as Manifest | null)
    .filter((one) => one !== null);

export const rendered = async (example: (typeof examples)[number], values: object = {}) => manifestsOf(await template(example, values));

/** The pods of a release, by the component that each is. */
export function podsOf(manifests: Manifest[]): Map<string, PodSpec> {
  return new Map(
    manifests
      .filter(({ kind }) => ['Deployment', 'Job', 'Pod'].includes(kind))
      .map(({ kind, metadata, spec }) => [componentOf(metadata.labels), kind === 'Pod' ? spec : spec.template.spec]),
  );
}

export const componentOf = (labels: Labels) => labels['app.kubernetes.io/component']!;

export const policyOf = (manifests: Manifest[], role: string) =>
  manifests.find(({ kind, metadata }) => kind === 'NetworkPolicy' && componentOf(metadata.labels) === role)!.spec;

/** Names of ports that lead nowhere: a Service's, a probe's, the Ingress's. */
export function portFaults(manifests: Manifest[]): string[] {
  const pods = podsOf(manifests);
  const services = manifests.filter(({ kind }) => kind === 'Service');
  const has = (pod: PodSpec, port: string | number | undefined) =>
    pod.containers.some(({ ports = [] }) => ports.some(({ name, containerPort }) => port === name || port === containerPort));
  const ofServices = services.flatMap(({ metadata, spec }) =>
    spec.ports
      .filter(({ targetPort }) => !has(pods.get(componentOf(spec.selector))!, targetPort))
      .map(({ targetPort }) => `Service ${metadata.name}: its pods have no port ${targetPort}`),
  );
  const ofProbes = [...pods].flatMap(([role, pod]) =>
    pod.containers.flatMap(({ startupProbe, readinessProbe, livenessProbe }) =>
      [startupProbe, readinessProbe, livenessProbe]
        .filter((probe) => probe && !has(pod, probe.httpGet.port))
        .map((probe) => `${role}: its probe ${probe!.httpGet.path} asks a port ${probe!.httpGet.port} that it has not`),
    ),
  );
  const ofIngress = manifests
    .filter(({ kind }) => kind === 'Ingress')
    .flatMap(({ spec }) => spec.rules.flatMap(({ http }) => http.paths.map(({ backend }) => backend.service)))
    .filter(
      ({ name, port }) =>
        !services.some(({ metadata, spec }) => metadata.name === name && spec.ports.some((one) => one.name === port.name)),
    )
    .map(({ name, port }) => `Ingress: there is no Service ${name} with a port ${port.name}`);
  return [...ofServices, ...ofProbes, ...ofIngress];
}
