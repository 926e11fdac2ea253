// The other services, as this one calls them.
import { Injectable } from '@nestjs/common';
import type { DescService } from '@bufbuild/protobuf';
import { StoreService } from '@rejoinder/contracts/store';
import { grpcClient, type GrpcClient } from './grpc-client.js';
import type { ServiceName } from './services.js';

/** One client per service and process, made when first asked for. */
@Injectable()
export class Peers {
  readonly #clients = new Map<string, GrpcClient<DescService>>();

  constructor(private readonly addressOf: (service: ServiceName) => string) {}

  /** The client of a service by its contract, such as SyncService of rejoinder.sync.v1. */
  client<S extends DescService>(contract: S): GrpcClient<S> {
    return this.#clientAt(contract, contract.typeName.split('.')[1] as ServiceName);
  }

  /** What every owner of data answers for retention. */
  storeOf(service: ServiceName): GrpcClient<typeof StoreService> {
    return this.#clientAt(StoreService, service);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #clientAt<S extends DescService>(contract: S, service: ServiceName): GrpcClient<S> {
    const name = `${service}/${contract.typeName}`;
    const client = this.#clients.get(name) ?? grpcClient<DescService>(contract, this.addressOf(service));
    this.#clients.set(name, client);
    return client as GrpcClient<S>;
  }
}
