// What the chart promises of safety: pods that may do nothing but their work, and networks that lead nowhere but where a role has to go.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chart, componentOf, examples, podsOf, policyOf, rendered, type Manifest, type Rule } from './chart.js';

const chartRoles = parse(readFileSync(join(chart, 'files/roles.yaml'), 'utf8')) as Record<string, { calls: string[]; outside?: string[] }>;
const roles = Object.keys(chartRoles);
let manifests: Manifest[];
beforeAll(async () => {
  manifests = await rendered('production');
}, 300_000);

describe('every pod', () => {
  it.each(examples)('of %s runs restricted, knows nothing of the cluster, and has bounds', async (example) => {
    for (const [role, pod] of podsOf(await rendered(example))) {
      const [container] = pod.containers;
      expect([role, pod.securityContext]).toEqual([
        role,
        { runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, seccompProfile: { type: 'RuntimeDefault' } },
      ]);
      expect([role, container!.securityContext]).toEqual([
        role,
        { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      ]);
      expect([role, pod.automountServiceAccountToken]).toEqual([role, false]);
      expect(container!.resources).toMatchObject({
        requests: { cpu: expect.anything(), memory: expect.anything() },
        limits: { memory: expect.anything() },
      });
    }
  });

  it('of a role has an account of its own, which has no token', () => {
    const accounts = manifests.filter(({ kind }) => kind === 'ServiceAccount');
    expect(accounts.every((account) => account.automountServiceAccountToken === false)).toBe(true);
    const pods = podsOf(manifests);
    const named = [...roles, 'migrate'].map((role) => pods.get(role)!.serviceAccountName);
    expect(named.toSorted()).toEqual(accounts.map(({ metadata }) => metadata.name).sort());
  });

  it('of a role has three probes of three meanings, and time to end', () => {
    for (const role of roles) {
      const pod = podsOf(manifests).get(role)!;
      const { startupProbe, readinessProbe, livenessProbe } = pod.containers[0]!;
      expect([startupProbe, readinessProbe, livenessProbe].map((probe) => probe!.httpGet.path)).toEqual([
        '/health/startup',
        '/health/ready',
        '/health/live',
      ]);
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(5 + 20);
    }
  });

  it('reads its key file as our group does, and nobody else', () => {
    const volume = podsOf(manifests)
      .get('sync')!
      .volumes!.find(({ secret }) => secret?.secretName === 'rejoinder-key');
    expect(volume!.secret!.defaultMode).toBe(0o440);
  });
});

describe('networks', () => {
  const selects = (rule: Rule, role: string) =>
    [...(rule.to ?? []), ...(rule.from ?? [])].some(
      ({ podSelector }) => podSelector?.matchLabels?.['app.kubernetes.io/component'] === role,
    );
  const grpc = (rules: Rule[] = []) => rules.filter(({ ports }) => ports?.some(({ port }) => port === 'grpc'));

  it('are closed for every pod but for what its own policy names', () => {
    const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy');
    expect(policies.map(({ metadata }) => componentOf(metadata.labels)).sort()).toEqual([...roles, 'deny', 'migrate', 'test'].sort());
    expect(policyOf(manifests, 'deny')).toEqual({
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'rejoinder', 'app.kubernetes.io/instance': 'rejoinder' } },
      policyTypes: ['Ingress', 'Egress'],
    });
    for (const { spec } of policies) expect(spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'] });
    for (const { kind, spec } of manifests)
      if (kind === 'Deployment') expect(spec.template.metadata.labels).toMatchObject(policyOf(manifests, 'deny').podSelector.matchLabels);
  });

  it('let a role call those that it has to call, from both ends, and no other', () => {
    for (const caller of roles)
      for (const called of roles) {
        const may = chartRoles[caller]!.calls.includes(called);
        const goesOut = grpc(policyOf(manifests, caller).egress).some((rule) => selects(rule, called));
        const getsIn = grpc(policyOf(manifests, called).ingress).some((rule) => selects(rule, caller));
        expect([caller, called, goesOut, getsIn]).toEqual([caller, called, may, may]);
      }
  });

  it('lead outside for mail and webhooks alone, at their ports, never to private addresses that nobody allowed', () => {
    const outside = (role: string) =>
      policyOf(manifests, role)
        .egress!.filter(({ to }) => to?.some(({ ipBlock }) => ipBlock))
        .map(({ ports, to }) => [ports!.map(({ port }) => port), to!.map(({ ipBlock }) => ipBlock!.cidr)]);
    const mail = ['0.0.0.0/0', '2000::/3', '10.20.0.0/16'];
    const expected: Record<string, unknown[]> = {
      connections: [
        [[993, 143], mail],
        [[465, 587], mail],
        [[443], mail],
      ],
      sync: [[[993, 143], mail]],
      sending: [[[465, 587], mail]],
      gateway: [
        [
          [443, 8443],
          ['0.0.0.0/0', '2000::/3'],
        ],
      ],
    };
    for (const role of [...roles, 'migrate', 'test']) expect([role, outside(role)]).toEqual([role, expected[role] ?? []]);
    const blocks = manifests.flatMap(({ spec }) => spec?.egress ?? []).flatMap(({ to }) => to ?? []);
    for (const { ipBlock } of blocks)
      if (ipBlock?.cidr === '0.0.0.0/0')
        expect(ipBlock.except).toEqual(
          expect.arrayContaining(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '127.0.0.0/8']),
        );
  });

  it('lead to anybody at the port of S3 only from attachment, and the world comes in only where it has to', () => {
    const open = roles.filter((role) => policyOf(manifests, role).egress!.some(({ to }) => !to));
    expect(open).toEqual(['attachment']);
    const entered = roles.flatMap((role) =>
      policyOf(manifests, role)
        .ingress!.filter(({ from }) => !from)
        .map(({ ports }) => [role, ports![0]!.port]),
    );
    expect(entered).toEqual([['intake', 'smtp']]);
  });
});
