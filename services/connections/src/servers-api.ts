// gRPC: what the servers of an address are, and whether a login works on them.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fault } from '@rejoinder/base/fault';
import type { DiscoverRequest, DiscoverResponseSchema, VerifyRequest, VerifyResponseSchema } from '@rejoinder/contracts/api/connections';
import { DiscoveryClient } from './discovery/discovery-client.js';
import { readAddress, readLogin } from './login.js';
import { VerifyClient } from './verify-client.js';

@Controller()
export class ServersApi {
  constructor(
    private readonly discovery: DiscoveryClient,
    private readonly live: VerifyClient,
  ) {}

  @GrpcMethod('ConnectionsService', 'Discover')
  async discover({ address }: DiscoverRequest): Promise<MessageInitShape<typeof DiscoverResponseSchema>> {
    const guess = await this.discovery.serversOf(readAddress(address));
    if (!guess) throw new Fault('not_found', 'SERVERS_UNKNOWN', 'The mail servers of this address are not known. Type them in.');
    return guess;
  }

  @GrpcMethod('ConnectionsService', 'Verify')
  async verify({ login }: VerifyRequest): Promise<MessageInitShape<typeof VerifyResponseSchema>> {
    return this.live.test(readLogin(login));
  }
}
