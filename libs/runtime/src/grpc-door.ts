// The gRPC server of a role, on Nest's: its connections are renewed now and then, and it ends in order or, after a time, by force.
import { once } from 'node:events';
import type { Server as GrpcServer } from '@grpc/grpc-js';
import { ServerGrpc, type GrpcOptions } from '@nestjs/microservices';
import type { DescService } from '@bufbuild/protobuf';
import { packageDefinition } from '@rejoinder/contracts/grpc-definition';
import { maxMessageBytes } from './grpc-client.js';

/** A caller that is told to come again finds pods that were added since, also behind one address for all of them. Calls under way are not ended by it. */
const renewedEveryMs = 120_000;
/** The longest time that Node counts: what does not end is cut by end() alone. */
const neverCutMs = 2 ** 31 - 1;

/** What Nest says of a call: a copy of grpc-js' own. */
interface CallSeen {
  path?: string;
}

export class GrpcDoor extends ServerGrpc {
  readonly #calls = new Set<CallSeen>();

  constructor(services: DescService[], url: string, connectionAgeMs = renewedEveryMs) {
    const packages = services.map((service) => service.typeName.split('.').slice(0, -1).join('.'));
    const options: GrpcOptions['options'] = {
      url,
      package: [...new Set(packages)],
      packageDefinition: packageDefinition(services),
      maxReceiveMessageLength: maxMessageBytes,
      maxSendMessageLength: maxMessageBytes,
      gracefulShutdown: true,
      channelOptions: { 'grpc.max_connection_age_ms': connectionAgeMs },
    };
    super(options);
    this.setOnProcessingStartHook((_transport, call, done) => {
      this.#calls.add(call as CallSeen);
      return done();
    });
    this.setOnProcessingEndHook((_transport, call) => void this.#calls.delete(call as CallSeen));
  }

  /**
   * Asks callers to connect anew (GOAWAY), and answers them as before. Who looks its name up then learns of the pod that takes its place, before this
   * one is not there any more; a caller that knows no other would find nobody for a moment. Calls under way go on.
   */
  renew(): void {
    (this.grpcClient as GrpcServer | null)?.drain(this.url, neverCutMs);
  }

  /**
   * Tells callers to go elsewhere (GOAWAY), lets the calls that have begun end, and cuts those that are left when the signal fires; answers their
   * names.
   */
  async end(deadline: AbortSignal): Promise<string[]> {
    const server = this.grpcClient as GrpcServer | null;
    if (!server) return [];
    const closed = this.close();
    const late = deadline.aborted ? Promise.resolve() : once(deadline, 'abort');
    const isOver = await Promise.race([closed.then(() => true), late.then(() => false)]);
    if (isOver) return [];
    const cut = [...this.#calls].map(({ path }) => `gRPC ${path ?? 'call'}`);
    server.forceShutdown();
    await closed;
    return cut;
  }
}
