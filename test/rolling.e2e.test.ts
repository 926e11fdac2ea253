// Every role in turn is replaced by another process of its own, as a rolling update does, while people work: nobody notices. Killed, somebody may, and nothing is lost.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { startBalancer, type Balancer } from '@rejoinder/testing/balancer';
import { startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses, type EightProcesses } from '@rejoinder/testing/eight-processes';
import type { Program } from '@rejoinder/testing/processes';
import { Rest } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { connectSales, sendToContact } from './main-job.js';
import { RollingLoad } from './rolling-load.js';

const unreadySeconds = 5;
const drainSeconds = 20;
const graceMs = (unreadySeconds + drainSeconds) * 1_000;
const testMs = 400_000;
/** Of all that is asked while processes are replaced in order, none on a machine that has time. */
const mayCross = 3;

let town: Town;
let eight: EightProcesses;
let door: Balancer;
let rest: Rest;
let load: RollingLoad;
/** By role: what stands between it and its callers, and the process that serves. */
const peers = new Map<ServiceName, Balancer>();
const serving = new Map<ServiceName, Program>();
const gateways = new Set<Program>();

beforeAll(async () => {
  town = await startTown();
  door = await startBalancer();
  for (const service of services) peers.set(service, await startBalancer());
  const addresses = services.map((service) => [`REJOINDER_${service.toUpperCase()}_GRPC`, `127.0.0.1:${peers.get(service)!.port}`]);
  eight = await startEightProcesses({
    ...town.env,
    ...Object.fromEntries(addresses),
    REJOINDER_HTTP_HOSTS: `127.0.0.1:${door.port}`,
    REJOINDER_UNREADY_SECONDS: String(unreadySeconds),
    REJOINDER_DRAIN_SECONDS: String(drainSeconds),
  });
  for (const service of services) await takePart(service, eight.program(service));
  await takePart('gateway', await eight.startAnother('gateway'));
  rest = new Rest(`http://127.0.0.1:${door.port}`, eight.rest.apiKey);
  const inboxId = await connectSales({ rest, town });
  const { send } = await sendToContact({ rest, town }, inboxId, 'Before');
  load = await RollingLoad.prepare(rest, town, inboxId, send);
}, 300_000);

afterAll(async () => {
  await load?.stop();
  await eight?.stop();
  await Promise.all([door, ...peers.values()].map((balancer) => balancer?.stop()));
  await town?.stop();
}, 120_000);

/** Its callers reach this process, too, as soon as it is ready. */
async function takePart(service: ServiceName, program: Program): Promise<void> {
  const { grpc, http, health: healthPort } = eight.portsOf(program);
  const places = [{ balancer: peers.get(service)!, pod: { port: grpc, healthPort } }];
  if (service === 'gateway') gateways.add(program);
  if (service === 'gateway') places.push({ balancer: door, pod: { port: http, healthPort } });
  for (const { balancer, pod } of places) {
    balancer.add(pod);
    await settle(`${service} to be reached`, () => balancer.ready().includes(pod));
  }
  serving.set(service, program);
}

/** Starts another, then ends the one before; answers how long that took. */
async function replace(service: ServiceName, signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
  const old = serving.get(service)!;
  await takePart(service, await eight.startAnother(service));
  const began = performance.now();
  await old.stop(signal, graceMs + 10_000);
  return performance.now() - began;
}

const exitOf = (program: Program) => /ended: (.*)\]/.exec(program.output())?.[1];
/** What the gateways logged of requests that they refused. */
const whyRefused = () =>
  [...gateways]
    .flatMap((program) =>
      program
        .output()
        .split('\n')
        .filter((line) => line.includes('a request was refused')),
    )
    .join('\n');
const say = (line: string) => process.stdout.write(`${line}\n`);

// Eight minutes: of the long run.
describe.runIf(process.env.REJOINDER_LONG !== undefined)(
  'while twenty requests a second are made and a mail a second is sent and answered',
  () => {
    it(
      'each role is replaced in order, and no request fails',
      async () => {
        load.start();
        for (const service of services) {
          const [old, before, askedBefore] = [serving.get(service)!, load.failures.length, load.asked];
          const tookMs = await replace(service, 'SIGTERM');
          say(
            `${service}: gone ${(tookMs / 1_000).toFixed(1)} s after SIGTERM; ${load.asked - askedBefore} requests, ${load.failures.length - before} failed`,
          );
          expect([service, exitOf(old)]).toEqual([service, 'code 0']);
          expect(tookMs).toBeLessThan(graceMs);
          expect(old.output()).not.toContain('"cut"');
        }
        say(`${load.askedAgain} requests were made again, since their connection was closed as it was idle`);
        if (load.failures.length > 0) say(whyRefused());
        expect(load.failures).toEqual([]);
        expect(load.askedAgain).toBeLessThanOrEqual(mayCross);
      },
      testMs,
    );

    it(
      'each role is killed in turn, and some requests may fail',
      async () => {
        for (const service of services) {
          const [before, askedBefore] = [load.failures.length, load.asked];
          await replace(service, 'SIGKILL');
          say(`${service}: killed; ${load.asked - askedBefore} requests, ${load.failures.length - before} failed`);
        }
        await load.stop();
        say(
          `of ${load.asked} requests ${load.failures.length} failed, all of them of kills, and ${load.askedAgain} were made again: ${JSON.stringify(load.failures)}`,
        );
      },
      testMs,
    );

    it(
      'nothing was lost, and nothing is there twice',
      async () => say(`${await load.holds()} sends that nobody could confirm after a kill`),
      testMs,
    );
  },
);
