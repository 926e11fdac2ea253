// A release that is upgraded, rolled back and killed pod by pod, while twenty inboxes get mail and people work: nobody is to notice but who asked a pod that was killed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { roleNames } from '@rejoinder/rejoinder/roles';
import { Rest } from '@rejoinder/testing/rest';
import { pause, settle } from '@rejoinder/testing/settle';
import { chart } from '../chart.js';
import { connectSales, sendToContact } from '../main-job.js';
import { RollingLoad, type Failure } from '../rolling-load.js';
import {
  apiKey,
  createNamespace,
  createSecrets,
  helm,
  install,
  kubectl,
  kubectlJson,
  release,
  valuesFor,
  type Namespace,
} from './cluster.js';
import { runIn, startCrmPod } from './crm-pod.js';
import { Deliveries } from './deliveries.js';
import { startServers, type Servers } from './servers.js';

const inboxes = 20;
const mostDelayMs = 10_000;
/** A role that has no other pod is away for as long as it needs to start, and then catches up: on two cores sync has needed 18 s (docs/decisions/0021-how-a-role-ends.md). */
const mostAfterKillMs = 30_000;
const onTimeMs = 5_000;
const rolloutMs = 300_000;
const quietMs = 30_000;
const say = (line: string) => process.stdout.write(`${line}\n`);

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  status: { containerStatuses?: { ready: boolean; restartCount: number }[] };
}

let servers: Servers;
let namespace: Namespace;
let load: RollingLoad;
let deliveries: Deliveries;
let values: object;
const phases: { what: string; began: number; ended: number }[] = [];

beforeAll(async () => {
  servers = await startServers({ unheard: true });
  namespace = await createNamespace();
  await createSecrets(namespace.name, servers);
  const crm = await startCrmPod(namespace.name, `${release}-gateway`);
  values = valuesFor(servers, [crm.host]);
  await install(namespace.name, values);
  const rest = new Rest(`http://${crm.host}`, apiKey);
  const job = { rest, town: servers.town };
  const inboxId = await connectSales(job);
  const { send } = await sendToContact(job, inboxId, 'Before');
  deliveries = await Deliveries.prepare(rest, servers, inboxes);
  load = await RollingLoad.prepare(rest, servers.town, inboxId, send);
  load.start();
  deliveries.start();
});

afterAll(async () => {
  await load?.stop();
  await deliveries?.close();
  await namespace?.remove();
  await servers?.stop();
});

const podsOf = async (role: string) =>
  (
    await kubectlJson<{ items: Pod[] }>([
      'get',
      'pods',
      ...['--namespace', namespace.name],
      ...['--selector', `app.kubernetes.io/instance=${release},app.kubernetes.io/component=${role}`],
    ])
  ).items;

/** What was said meanwhile: how long it took, how many requests were made, and how many of them failed. */
async function during(what: string, work: () => Promise<void>): Promise<Failure[]> {
  const [began, asked, failed, came] = [Date.now(), load.asked, load.failures.length, deliveries.count];
  await work();
  phases.push({ what, began, ended: Date.now() });
  const failures = load.failures.slice(failed);
  for (const [said, times] of Object.entries(Object.groupBy(failures, ({ asked, error }) => `${asked}: ${error}`)).slice(0, 8))
    say(`  ${times!.length} times ${said}`);
  say(
    `${what}: ${Math.round((Date.now() - began) / 1_000)} s, ${load.asked - asked} requests, ${failures.length} failed, ${deliveries.count - came} answers came`,
  );
  return failures;
}

const slowest = (delays: number[], share: number) => delays.toSorted((one, other) => one - other)[Math.ceil(delays.length * share) - 1]!;
const told = (delays: number[]) =>
  `${delays.length} answers on the timeline, p50 ${slowest(delays, 0.5)} ms, p99 ${slowest(delays, 0.99)} ms, the last ${slowest(delays, 1)} ms`;

/** Every role has its one new pod, and the old ones have gone. */
async function rolledOut(): Promise<void> {
  for (const role of roleNames) {
    await kubectl(['rollout', 'status', `deployment/${release}-${role}`, '--namespace', namespace.name, '--timeout', '5m']);
    await settle(`the old pod of ${role} to go`, async () => (await podsOf(role)).length === 1, { timeoutMs: rolloutMs });
  }
}

const upgrade = (more: object, ...args: string[]) =>
  helm(
    ['upgrade', release, chart, '--namespace', namespace.name, '--values', '-', '--timeout', '8m', ...args],
    stringify({ ...values, ...more }),
  );

/** As kill -9 would: the process is gone before it can say a word. From within its own pod no signal kills a first process, but it can be told to end itself. */
const killFromWithin = `process.kill(1, 'SIGUSR1');
let found;
for (let tries = 0; !found && tries < 100; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  found = await fetch('http://127.0.0.1:9229/json').then((answer) => answer.json()).catch(() => undefined);
}
const socket = new WebSocket(found[0].webSocketDebuggerUrl);
// Any other way to exit waits for this debugger to leave.
socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: 'process.abort()' } }));
setTimeout(() => process.exit(0), 1_000);`;

describe('while people work and mail comes', () => {
  it('nothing is replaced, and no request fails', async () => {
    expect(await during('nothing replaced', () => pause(quietMs))).toEqual([]);
  });

  it('an upgrade replaces every pod, and no request fails', async () => {
    const failures = await during('upgraded', async () => {
      await upgrade(
        { roleDefaults: { ...(values as { roleDefaults: object }).roleDefaults, podAnnotations: { release: 'next' } } },
        '--wait',
      );
      await rolledOut();
    });
    expect(failures).toEqual([]);
  });

  it('a rollback does the same', async () => {
    const failures = await during('rolled back', async () => {
      await helm(['rollback', release, '--namespace', namespace.name, '--wait', '--timeout', '8m']);
      await rolledOut();
    });
    expect(failures).toEqual([]);
  });

  it('a release whose pods never get ready leaves the old one serving', async () => {
    const failures = await during('a release that cannot start', async () => {
      const nowhere = { kafka: { brokers: [`${servers.host}:9`] } };
      await expect(upgrade(nowhere, '--wait', '--timeout', '90s')).rejects.toThrow(/not ready|deadline|timed out/);
      await helm(['rollback', release, '--namespace', namespace.name, '--wait', '--timeout', '8m']);
      await rolledOut();
    });
    expect(failures).toEqual([]);
  });

  it.each(roleNames)('%s is killed, and starts again', async (role) => {
    await during(`${role} killed`, async () => {
      const [pod] = await podsOf(role);
      const restarts = pod!.status.containerStatuses![0]!.restartCount;
      await runIn(namespace.name, pod!.metadata.name, killFromWithin).catch(() => undefined);
      const isBack = ({ status }: Pod) => status.containerStatuses?.[0]?.restartCount === restarts + 1 && status.containerStatuses[0].ready;
      await settle(`${role} to be ready again`, async () => (await podsOf(role)).some(isBack), { timeoutMs: rolloutMs });
      // One at a time: what this one held up is over before the next is killed.
      await settle('mail to be on time again', () => deliveries.longestWaitMs() < onTimeMs, { timeoutMs: rolloutMs });
    });
  });

  it('nothing was lost, nothing is there twice, and mail was on the timeline within ten seconds, or thirty after a kill', async () => {
    await load.stop();
    await deliveries.stop();
    // Each request that a pod had in hand when it was killed, or that came while the role had no other, may have failed.
    say(`of ${load.asked} requests ${load.failures.length} failed, all of them of kills; ${load.askedAgain} were made again`);
    const unconfirmed = await load.holds();
    const answers = await deliveries.holds();
    const late: string[] = [];
    for (const { what, began, ended } of phases) {
      const delays = answers.filter(({ atMs }) => atMs >= began && atMs < ended).map(({ delayMs }) => delayMs);
      say(`${what}: ${told(delays)}`);
      if (slowest(delays, 0.99) >= (what.endsWith('killed') ? mostAfterKillMs : mostDelayMs)) late.push(what);
    }
    const delays = answers.map(({ delayMs }) => delayMs);
    say(`all: ${told(delays)}; ${unconfirmed} sends that nobody could confirm`);
    expect(late).toEqual([]);
  });
});
