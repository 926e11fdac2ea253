// Makes a grpc-js service definition of a generated service: the one bridge between Protobuf-ES and gRPC.
import { create, fromBinary, toBinary, type DescMessage, type DescService } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

function codec(schema: DescMessage) {
  return {
    write: (value: object) => Buffer.from(toBinary(schema, create(schema, value as Record<string, unknown>))),
    read: (bytes: Buffer) => fromBinary(schema, bytes),
  };
}

/** Paths, stream kinds and codecs of every method; messages are plain objects on the way out and Protobuf-ES messages on the way in. */
export function grpcDefinition(service: DescService): ServiceDefinition {
  const methods: Record<string, MethodDefinition<object, object>> = {};
  for (const method of service.methods) {
    const input = codec(method.input);
    const output = codec(method.output);
    methods[method.name] = {
      path: `/${service.typeName}/${method.name}`,
      originalName: method.localName,
      requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
      responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
      requestSerialize: input.write,
      requestDeserialize: input.read,
      responseSerialize: output.write,
      responseDeserialize: output.read,
    } as MethodDefinition<object, object>;
  }
  return methods as ServiceDefinition;
}

/** What Nest's gRPC transport takes as `packageDefinition`: every given service under its full name. */
export function packageDefinition(services: readonly DescService[]): Record<string, ServiceDefinition> {
  return Object.fromEntries(services.map((service) => [service.typeName, grpcDefinition(service)]));
}
