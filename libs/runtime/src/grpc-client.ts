// A typed gRPC client of a generated service: promises for single answers, iterables for streams, a deadline on every call.
import { create, type DescMethod, type DescService, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import {
  credentials,
  Metadata,
  makeClientConstructor,
  status,
  type Client,
  type ClientReadableStream,
  type ClientWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { grpcDefinition } from '@rejoinder/contracts/grpc-definition';
import { delay } from '@rejoinder/base/wait';
import { fromServiceError } from './grpc-faults.js';
import { keepCallsOverGoaway } from './grpc-goaway.js';
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
const nameAskedEveryMs = 1_000;
const firstReconnectMs = 200;
/** By then a connection was tried once more. */
const askAgainMs = 500;

keepCallsOverGoaway();

/**
 * Connects lazily to host:port or unix:path, and again after a break. A call that no handler has seen, since its pod was going away (GOAWAY), is made
 * once more elsewhere within its deadline (gRPC's transparent retry), and one that found no pod is made once more in a moment; one that may have been
 * handled never is.
 */
export function grpcClient<S extends DescService>(service: S, address: string): GrpcClient<S> {
  const Stub = makeClientConstructor(grpcDefinition(service), service.name);
  const stub = new Stub(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.initial_reconnect_backoff_ms': firstReconnectMs,
    'grpc.max_reconnect_backoff_ms': 5_000,
    'grpc.keepalive_time_ms': keepaliveEveryMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    // A call that hangs ends at its deadline, before a ping that only runs beside calls could tell.
    'grpc.keepalive_permit_without_calls': 1,
    // Each address of a name takes its share, and a pod that goes away is another's in a second: names are asked anew whenever a connection ends.
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.service_config_disable_resolution': 1,
    'grpc.dns_min_time_between_resolutions_ms': nameAskedEveryMs,
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
    const { deadline } = settings(options);
    const message = create(method.input, request as Record<string, unknown>);
    const ask = () => {
      let off = () => {};
      const answered = new Promise((resolve, reject) => {
        const answer = (error: ServiceError | null, value: unknown) => (error ? reject(error) : resolve(value));
        off = cancelOn(options.signal, (stub as unknown as Stub)[method.name]!(message, metadata, { deadline }, answer));
      });
      return answered.finally(off);
    };
    const answered = ask()
      .catch(async (error: ServiceError) => {
        if (!foundNobody(error) || Date.now() + askAgainMs > deadline) throw error;
        await delay(askAgainMs, options.signal);
        return ask();
      })
      .catch((error: ServiceError) => {
        throw fromServiceError(error);
      });
    endWith(answered, end);
    return answered;
  };
}

/** No pod was reached, as in the moment in which one has died or its address is out of date: grpc-js tells it by these words alone. */
function foundNobody({ code, details }: ServiceError): boolean {
  return code === status.UNAVAILABLE && /No connection established|Name resolution failed/.test(details);
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
