// Calls over a real gRPC server: a stream whose source stalls still hears the early answer, its deadline and its signal.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Server, ServerCredentials, type ServerReadableStream, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { AttachmentService, type UploadRequest } from '@rejoinder/contracts/api/attachment';
import { grpcDefinition } from '@rejoinder/contracts/grpc-definition';
import { heldMbDuring } from '@rejoinder/testing/memory';
import { settle } from '@rejoinder/testing/settle';
import { grpcClient, type GrpcClient } from '../src/grpc-client.js';
import { toServiceError } from '../src/grpc-faults.js';

type Upload = ServerReadableStream<UploadRequest, object>;
type Answer = (error: unknown, value?: object) => void;

let server: Server;
let client: GrpcClient<typeof AttachmentService>;
let address: string;
/** What the server does with an upload. */
let receive: (call: Upload, answer: Answer) => void;
let cancelled = 0;

beforeAll(async () => {
  server = new Server();
  const never = () => undefined;
  server.addService(grpcDefinition(AttachmentService), {
    Upload: (call: Upload, answer: Answer) => {
      call.on('cancelled', () => cancelled++).on('error', () => undefined);
      receive(call, answer);
    },
    Download: never,
    GetAttachment: never,
  } as unknown as UntypedServiceImplementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  address = `127.0.0.1:${port}`;
  client = grpcClient(AttachmentService, address);
});
afterAll(() => {
  client?.close();
  server?.forceShutdown();
});

/** Gives one chunk, and then nothing more for ever. */
function stalling() {
  let given = false;
  const source = {
    returned: 0,
    next: (): Promise<IteratorResult<{ step: { case: 'chunk'; value: Uint8Array } }>> => {
      if (given) return new Promise(() => undefined);
      given = true;
      return Promise.resolve({ done: false, value: { step: { case: 'chunk', value: Buffer.from('first') } } });
    },
    return: () => {
      source.returned++;
      return Promise.resolve({ done: true as const, value: undefined });
    },
    [Symbol.asyncIterator]: () => source,
  };
  return source;
}

describe('a client stream whose source stalls', () => {
  it('takes the answer that the server gives early, and lets go of the source', async () => {
    receive = (call, answer) => call.once('data', () => answer(null, { attachmentId: 'there already' }));
    const source = stalling();
    expect(await client.upload(source)).toMatchObject({ attachmentId: 'there already' });
    expect(source.returned).toBe(1);
  });

  it('is refused as soon as the server refuses', async () => {
    receive = (call, answer) => call.once('data', () => answer(toServiceError(new Fault('not_found', 'FORGOTTEN', 'Gone.'))));
    const source = stalling();
    await expect(client.upload(source)).rejects.toMatchObject({ kind: 'not_found', code: 'FORGOTTEN' });
    expect(source.returned).toBe(1);
  });

  it('ends at its deadline', async () => {
    receive = (call) => call.resume();
    const source = stalling();
    await expect(client.upload(source, { deadlineMs: 200 })).rejects.toMatchObject({ kind: 'broken', code: 'GRPC_DEADLINE_EXCEEDED' });
    expect(source.returned).toBe(1);
  });

  it('ends when its signal fires, also when it has fired before', async () => {
    const stop = new AbortController();
    receive = (call) => call.once('data', () => stop.abort()).resume();
    await expect(client.upload(stalling(), { signal: stop.signal })).rejects.toMatchObject({ code: 'GRPC_CANCELLED' });
    await expect(client.upload(stalling(), { signal: stop.signal })).rejects.toMatchObject({ code: 'GRPC_CANCELLED' });
  });
});

it('a source that breaks cancels the call: the server never takes it for whole', async () => {
  receive = (call) => call.resume();
  const before = cancelled;
  const breaking = async function* () {
    yield { step: { case: 'chunk' as const, value: Buffer.from('first') } };
    throw new Error('the disk broke');
  };
  await expect(client.upload(breaking())).rejects.toThrow('the disk broke');
  await settle('the server to hear of it', () => Promise.resolve(cancelled > before));
});

it('all that a source gives arrives in order', async () => {
  const seen: number[] = [];
  receive = (call, answer) =>
    call
      .on('data', ({ step }: UploadRequest) => step.case === 'chunk' && seen.push(step.value.length))
      .on('end', () => answer(null, { attachmentId: 'whole' }));
  const source = async function* () {
    for (let index = 1; index <= 500; index++) yield { step: { case: 'chunk' as const, value: Buffer.alloc(index * 100) } };
  };
  expect(await client.upload(source())).toMatchObject({ attachmentId: 'whole' });
  expect(seen).toEqual(Array.from({ length: 500 }, (_, index) => (index + 1) * 100));
});

it('nothing that was sent is held until the call ends', async () => {
  receive = (call, answer) => call.resume().on('end', () => answer(null, { attachmentId: 'whole' }));
  const source = async function* () {
    for (let chunk = 0; chunk < 1_000; chunk++) yield { step: { case: 'chunk' as const, value: Buffer.alloc(60_000) } };
  };
  const held = await heldMbDuring(() => client.upload(source(), { deadlineMs: 60_000 }));
  expect(held).toBeLessThan(10);
}, 60_000);

/** Lets connections through to the server; those that are open when it falls silent stay open and carry nothing more. */
async function silencer(port: number) {
  const open = new Set<Socket>();
  const listener = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) open.add(socket.on('error', () => undefined));
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    fallSilent: () => open.forEach((socket) => socket.unpipe().pause()),
    stop: () => (open.forEach((socket) => socket.destroy()), listener.close()),
  };
}

describe('a peer whose machine is gone without a word', () => {
  it('is called anew within half a minute, not when TCP gives up', async () => {
    receive = (call, answer) => call.on('data', () => undefined).on('end', () => answer(null, { attachmentId: 'stored' }));
    const between = await silencer(Number(address.split(':')[1]));
    const far = grpcClient(AttachmentService, `127.0.0.1:${between.port}`);
    const upload = () => far.upload(oneChunk(), { deadlineMs: 1_000 });
    expect(await upload()).toMatchObject({ attachmentId: 'stored' });
    between.fallSilent();
    await expect(upload()).rejects.toMatchObject({ kind: 'broken', code: 'GRPC_DEADLINE_EXCEEDED' });
    expect(await settle('an answer', upload, { timeoutMs: 40_000 })).toMatchObject({ attachmentId: 'stored' });
    far.close();
    between.stop();
  }, 60_000);
});

async function* oneChunk() {
  yield { step: { case: 'chunk' as const, value: Buffer.from('all') } };
}
