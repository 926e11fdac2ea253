// Pods of one service come and go behind one address, and their callers see nothing of it; what does not end in time is cut and named.
import 'reflect-metadata';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from 'vitest';
import { delay } from '@rejoinder/base/wait';
import { AttachmentService } from '@rejoinder/contracts/api/attachment';
import { startBalancer, type Balancer } from '@rejoinder/testing/balancer';
import { freePort } from '@rejoinder/testing/ports';
import { settle } from '@rejoinder/testing/settle';
import { grpcClient } from '../src/grpc-client.js';
import { GrpcDoor } from '../src/grpc-door.js';

let held: Promise<void>;
/** How often each call was handled, and by which pods. */
let handled = new Map<string, number[]>();

/** A pod's module, whose handler answers in a moment. Tests are not built with decorators. */
function podModule(pod: number) {
  class Attachments {
    async get({ attachmentId }: { attachmentId: string }) {
      handled.set(attachmentId, [...(handled.get(attachmentId) ?? []), pod]);
      await (attachmentId === 'held' ? held : delay(20));
      return { attachmentId };
    }
  }
  const method = Object.getOwnPropertyDescriptor(Attachments.prototype, 'get')!;
  GrpcMethod('AttachmentService', 'GetAttachment')(Attachments.prototype, 'get', method);
  Controller()(Attachments);
  class Pod {}
  Module({ controllers: [Attachments] })(Pod);
  return Pod;
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  handled = new Map();
});

async function preparePod(balancer: Balancer, connectionAgeMs?: number) {
  const port = await freePort();
  const door = new GrpcDoor([AttachmentService], `127.0.0.1:${port}`, connectionAgeMs);
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(podModule(port), { strategy: door, logger: false });
  await app.listen();
  let isReady = true;
  const health = createServer((_request, response) => response.writeHead(isReady ? 200 : 503).end()).listen(0, '127.0.0.1');
  ends.push(
    () => app.close(),
    () => (health.closeAllConnections(), health.close()),
  );
  await settle('health', () => health.listening);
  const pod = { port, healthPort: (health.address() as AddressInfo).port };
  const join = async () => {
    balancer.add(pod);
    await settle('the balancer to know it', () => balancer.ready().includes(pod));
  };
  const becomeUnready = async () => {
    isReady = false;
    await settle('the balancer to leave it alone', () => !balancer.ready().includes(pod));
  };
  const leave = async (withinMs = 5_000) => {
    await becomeUnready();
    return door.end(AbortSignal.timeout(withinMs));
  };
  return { port, door, join, becomeUnready, leave };
}

async function startPod(balancer: Balancer, connectionAgeMs?: number) {
  const pod = await preparePod(balancer, connectionAgeMs);
  await pod.join();
  return pod;
}
async function startService() {
  const balancer = await startBalancer();
  const client = grpcClient(AttachmentService, `127.0.0.1:${balancer.port}`);
  ends.push(
    () => balancer.stop(),
    () => client.close(),
  );
  return { balancer, client };
}

/** Calls without a pause until told to stop; answers how many failed, and why. */
function callAgainAndAgain(client: ReturnType<typeof grpcClient<typeof AttachmentService>>, callers: number) {
  let done = 0;
  const over = new AbortController();
  const failures: unknown[] = [];
  const caller = async (name: number) => {
    for (let n = 0; !over.signal.aborted; n++)
      await client.getAttachment({ tenantId: 't', attachmentId: `${name}/${n}` }, { deadlineMs: 5_000 }).then(
        () => done++,
        (error: unknown) => failures.push(error),
      );
  };
  const all = Promise.all(Array.from({ length: callers }, (_, name) => caller(name)));
  return { failures, done: () => done, stop: () => (over.abort(), all) };
}

describe('a pod that goes away', () => {
  it('shows its callers nothing: its calls end, the next go to another pod, and none is handled twice', async () => {
    const { balancer, client } = await startService();
    let pod = await startPod(balancer);
    const calls = callAgainAndAgain(client, 40);
    for (let round = 0; round < 5; round++) {
      const next = await startPod(balancer);
      expect(await pod.leave()).toEqual([]);
      const before = calls.done();
      await settle('calls to be answered by the next', () => calls.done() > before + 100);
      pod = next;
    }
    await calls.stop();
    expect(calls.failures).toEqual([]);
    expect([...handled.values()].filter((pods) => pods.length > 1)).toEqual([]);
  }, 60_000);

  it('is known to be leaving before it leaves: its callers connect anew, and a call under way goes on', async () => {
    const { balancer, client } = await startService();
    const old = await startPod(balancer);
    let release = () => {};
    held = new Promise((resolve) => (release = resolve));
    const call = client.getAttachment({ tenantId: 't', attachmentId: 'held' });
    const calls = callAgainAndAgain(client, 10);
    await settle('both kinds of call', () => handled.has('held') && calls.done() > 20);
    const next = await startPod(balancer);
    await old.becomeUnready();
    old.door.renew();
    await settle('calls to come to the next', () => [...handled.values()].at(-1)?.[0] === next.port);
    const before = handled.size;
    await settle('more calls', () => handled.size > before + 100);
    expect(new Set([...handled.values()].slice(before).flat())).toEqual(new Set([next.port]));
    release();
    await call;
    expect(await old.leave()).toEqual([]);
    await calls.stop();
    expect(calls.failures).toEqual([]);
  }, 30_000);

  it('ends a call that takes longer than callers wait between two signs of life', async () => {
    const { balancer, client } = await startService();
    const { leave } = await startPod(balancer);
    held = delay(14_000);
    const call = client.getAttachment({ tenantId: 't', attachmentId: 'held' }, { deadlineMs: 30_000 });
    await settle('the call', () => handled.size === 1);
    expect(await leave(20_000)).toEqual([]);
    await call;
  }, 40_000);

  it('cuts a call that does not end in time, and names it', async () => {
    const { balancer, client } = await startService();
    const { door } = await startPod(balancer);
    let release = () => {};
    held = new Promise((resolve) => (release = resolve));
    const call = client.getAttachment({ tenantId: 't', attachmentId: 'held' }).catch((error: unknown) => error);
    await settle('the call', () => handled.size === 1);
    expect(await door.end(AbortSignal.timeout(200))).toEqual(['gRPC /rejoinder.attachment.v1.AttachmentService/GetAttachment']);
    expect(await call).toMatchObject({ kind: 'broken' });
    expect(handled.get('held')).toHaveLength(1);
    release();
  }, 20_000);
});

it('a call that finds nobody is made once more a moment later, and refused where there is nobody then', async () => {
  const { balancer, client } = await startService();
  const call = (attachmentId: string) => client.getAttachment({ tenantId: 't', attachmentId });
  await expect(call('nobody')).rejects.toMatchObject({ kind: 'broken', code: 'GRPC_UNAVAILABLE' });
  const { join } = await preparePod(balancer);
  // Another client, since this one waits a while before it tries to connect again.
  const other = grpcClient(AttachmentService, `localhost:${balancer.port}`);
  ends.push(() => other.close());
  const early = other.getAttachment({ tenantId: 't', attachmentId: 'early' });
  await delay(50);
  await join();
  await early;
  expect(handled.get('early')).toHaveLength(1);
}, 30_000);

it('a pod that is added takes its share of callers who are connected already, once their connection is renewed', async () => {
  const { balancer, client } = await startService();
  await startPod(balancer, 300);
  const calls = callAgainAndAgain(client, 10);
  const added = await startPod(balancer, 300);
  const before = calls.done();
  await settle('both to be called', () => [...handled.values()].flat().filter((pod) => pod === added.port).length > 100);
  await settle('some renewals', () => calls.done() > before + 1_000);
  await calls.stop();
  expect(calls.failures).toEqual([]);
}, 30_000);
