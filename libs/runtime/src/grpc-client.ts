// A typed gRPC client of a generated service: promises for single answers, iterables for streams, a deadline on every call.
import { create, type DescMethod, type DescService, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import {
  credentials,
  Metadata,
  makeClientConstructor,
  type Client,
  type ClientReadableStream,
  type ClientWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { grpcDefinition } from '@rejoinder/contracts/grpc-definition';
import { fromServiceError } from './grpc-faults.js';
import { startCall } from './trace.js';

export interface CallOptions {
  /** 10 seconds by default; streams need longer. */
  deadlineMs?: number;
  signal?: AbortSignal;
}

type Call<M extends DescMethod> = M['methodKind'] extends 'unary'
  ? (request: MessageInitShape<M['input']>, options?: CallOptions) => Promise<MessageShape<M['output']>>
  : M['methodKind'] extends 'server_streaming'
    ? (request: MessageInitShape<M['input']>, options?: CallOptions) => AsyncIterable<MessageShape<M['output']>>
    : M['methodKind'] extends 'client_streaming'
      ? (requests: AsyncIterable<MessageInitShape<M['input']>>, options?: CallOptions) => Promise<MessageShape<M['output']>>
      : never;

/** What calls a service: its methods in camelCase, and close(). */
export type GrpcClient<S extends DescService> = {
  [K in keyof S['method']]: S['method'][K] extends DescMethod ? Call<S['method'][K]> : never;
} & { close(): void };

/** Largest message either way: the text of a mail is up to 5 MB of each kind. */
export const maxMessageBytes = 16_000_000;
const defaultDeadlineMs = 10_000;
/** A peer whose machine is gone says no goodbye, and TCP would believe in the connection for a quarter of an hour. */
const keepaliveEveryMs = 10_000;
const keepaliveTimeoutMs = 10_000;

/** Connects lazily to host:port or unix:path, and again after a break. */
export function grpcClient<S extends DescService>(service: S, address: string): GrpcClient<S> {
  const Stub = makeClientConstructor(grpcDefinition(service), service.name);
  const stub = new Stub(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 5_000,
    'grpc.keepalive_time_ms': keepaliveEveryMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    // A call that hangs ends at its deadline, before a ping that only runs beside calls could tell.
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.enable_retries': 0,
  });
  const methods = service.methods.map((method) => [method.localName, callOf(stub, method)] as const);
  return { ...Object.fromEntries(methods), close: () => stub.close() } as GrpcClient<S>;
}

function callOf(stub: Client, method: DescMethod): unknown {
  if (method.methodKind === 'unary') return unary(stub, method);
  if (method.methodKind === 'server_streaming') return serverStream(stub, method);
  if (method.methodKind === 'client_streaming') return clientStream(stub, method);
  throw new Error(`${method.name}: streams both ways are not used here`);
}

type Stub = Record<string, (...args: unknown[]) => { cancel(): void }>;

function settings({ deadlineMs = defaultDeadlineMs }: CallOptions) {
  return { deadline: Date.now() + deadlineMs };
}

/** Until the returned function is called, the signal cancels the call; one that fired before does so at once. */
function cancelOn(signal: AbortSignal | undefined, call: { cancel(): void }): () => void {
  const cancel = () => call.cancel();
  if (signal?.aborted) cancel();
  else signal?.addEventListener('abort', cancel, { once: true });
  return () => signal?.removeEventListener('abort', cancel);
}

/** The trace goes with each call: the instrumentation of grpc-js cannot wrap clients that are made from ES modules. */
function traced(method: DescMethod): { metadata: Metadata; end: (failed: boolean) => void } {
  const { headers, end } = startCall(`${method.parent.typeName}/${method.name}`);
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return { metadata, end };
}

function endWith<T>(answered: Promise<T>, end: (failed: boolean) => void): void {
  answered.then(
    () => end(false),
    () => end(true),
  );
}

function unary(stub: Client, method: DescMethod) {
  return async (request: object, options: CallOptions = {}) => {
    const { metadata, end } = traced(method);
    let off = () => {};
    const answered = new Promise((resolve, reject) => {
      const answer = (error: ServiceError | null, value: unknown) => (error ? reject(fromServiceError(error)) : resolve(value));
      const message = create(method.input, request as Record<string, unknown>);
      off = cancelOn(options.signal, (stub as unknown as Stub)[method.name]!(message, metadata, settings(options), answer));
    });
    endWith(answered, end);
    return answered.finally(off);
  };
}

function serverStream(stub: Client, method: DescMethod) {
  return async function* (request: object, options: CallOptions = {}) {
    const { metadata, end } = traced(method);
    let failed = false;
    const call = (stub as unknown as Stub)[method.name]!(
      create(method.input, request as Record<string, unknown>),
      metadata,
      settings(options),
    ) as unknown as ClientReadableStream<unknown>;
    const off = cancelOn(options.signal, call);
    try {
      yield* call;
    } catch (error) {
      failed = true;
      throw fromServiceError(error as ServiceError);
    } finally {
      end(failed);
      off();
      call.cancel();
    }
  };
}

function clientStream(stub: Client, method: DescMethod) {
  return async (requests: AsyncIterable<object>, options: CallOptions = {}) => {
    const { metadata, end } = traced(method);
    let call: ClientWritableStream<unknown> | undefined;
    const answered = new Promise((resolve, reject) => {
      const answer = (error: ServiceError | null, value: unknown) => (error ? reject(fromServiceError(error)) : resolve(value));
      call = (stub as unknown as Stub)[method.name]!(metadata, settings(options), answer) as unknown as ClientWritableStream<unknown>;
    });
    endWith(answered, end);
    const off = cancelOn(options.signal, call!);
    const settled = answered.then(
      () => undefined,
      () => undefined,
    );
    try {
      await writeAll(call!, method, requests, settled);
      return await answered;
    } finally {
      off();
    }
  };
}

/**
 * Writes with back-pressure until done, or until the call is settled: the server has answered early (it refuses, or has the file already), time is
 * over, or the signal fired. Nobody waits for a source that stalls then.
 */
async function writeAll(
  call: ClientWritableStream<unknown>,
  method: DescMethod,
  requests: AsyncIterable<object>,
  settled: Promise<undefined>,
): Promise<void> {
  const source = requests[Symbol.asyncIterator]();
  let [isDone, isOver] = [false, false];
  const write = async () => {
    for (;;) {
      const next = await source.next();
      isDone = next.done === true;
      if (isOver) return;
      if (isDone) return void call.end();
      if (call.write(create(method.input, next.value as Record<string, unknown>))) continue;
      await new Promise<void>((resolve) => call.once('drain', resolve));
    }
  };
  try {
    // One race for all of it: what is raced against a promise is held for as long as that promise is, so that one race a message would hold the whole file.
    await Promise.race([write(), settled]);
  } catch (error) {
    call.cancel();
    throw error;
  } finally {
    isOver = true;
    // A generator that stalls answers this once it goes on; what it throws then is about a call that is over.
    if (!isDone) void source.return?.().catch(() => undefined);
  }
}
