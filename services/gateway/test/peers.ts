// Small honest gRPC servers where the other services would answer.
import {
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { grpcDefinition } from '@rejoinder/contracts/grpc-definition';
import { toServiceError } from '@rejoinder/runtime/grpc-faults';

type Answer<M extends DescMethod> = M['methodKind'] extends 'unary'
  ? (request: MessageShape<M['input']>) => MessageInitShape<M['output']> | Promise<MessageInitShape<M['output']>>
  : M['methodKind'] extends 'server_streaming'
    ? (
        request: MessageShape<M['input']>,
        call: ServerWritableStream<MessageShape<M['input']>, MessageInitShape<M['output']>>,
      ) => Promise<void>
    : M['methodKind'] extends 'client_streaming'
      ? (call: ServerReadableStream<MessageShape<M['input']>, MessageInitShape<M['output']>>) => Promise<MessageInitShape<M['output']>>
      : never;

export type Answers<S extends DescService> = {
  [K in keyof S['method']]?: S['method'][K] extends DescMethod ? Answer<S['method'][K]> : never;
};

export interface Peer extends AsyncDisposable {
  stop(): Promise<void>;
}

/** Answers a service's methods at this address; what they throw crosses the wire as it does for the real ones. */
export async function startPeer<S extends DescService>(address: string, service: S, answers: Answers<S>): Promise<Peer> {
  const server = new Server();
  const methods = service.methods.filter((method) => method.localName in answers);
  server.addService(grpcDefinition(service), Object.fromEntries(methods.map((method) => [method.name, handlerOf(method, answers)])));
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
  const stop = async () => server.forceShutdown();
  return { stop, [Symbol.asyncDispose]: stop };
}

function handlerOf(method: DescMethod, answers: object): UntypedServiceImplementation[string] {
  const answer = (answers as Record<string, (...args: unknown[]) => Promise<object>>)[method.localName]!;
  if (method.methodKind === 'server_streaming') {
    return ((call: ServerWritableStream<object, object>) => {
      answer(call.request, call).then(
        () => call.end(),
        (error: unknown) => call.emit('error', toServiceError(error)),
      );
    }) as never;
  }
  return ((call: { request: object }, done: (error: unknown, value?: object) => void) => {
    Promise.resolve()
      .then(() => answer(method.methodKind === 'client_streaming' ? call : call.request))
      .then(
        (value) => done(null, value),
        (error: unknown) => done(toServiceError(error)),
      );
  }) as never;
}
