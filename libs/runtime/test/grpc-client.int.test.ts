// Calls over a real gRPC server: a stream whose source stalls still hears the early answer, its deadline and its signal.
import { Server, ServerCredentials, type ServerReadableStream, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { AttachmentService, type UploadRequest } from '@rejoinder/contracts/api/attachment';
import { grpcDefinition } from '@rejoinder/contracts/grpc-definition';
import { settle } from '@rejoinder/testing/settle';
import { grpcClient, type GrpcClient } from '../src/grpc-client.js';
import { toServiceError } from '../src/grpc-faults.js';

type Upload = ServerReadableStream<UploadRequest, object>;
type Answer = (error: unknown, value?: object) => void;

let server: Server;
let client: GrpcClient<typeof AttachmentService>;
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
  client = grpcClient(AttachmentService, `127.0.0.1:${port}`);
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
