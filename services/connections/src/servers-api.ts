// gRPC: what the servers of an address are, and whether a login works on them.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fault } from '@rejoinder/base/fault';
import type { DiscoverRequest, DiscoverResponseSchema, VerifyRequest, VerifyResponseSchema } from '@rejoinder/contracts/api/connections';
import { guessByFacts, guessByProvider } from './discovery/discover.js';
import { DnsClient } from './discovery/dns-client.js';
import { domainOf, readAddress, readLogin } from './login.js';
import { VerifyClient } from './verify-client.js';

@Controller()
export class ServersApi {
  constructor(
    private readonly dns: DnsClient,
    private readonly live: VerifyClient,
  ) {}

  @GrpcMethod('ConnectionsService', 'Discover')
  async discover({ address }: DiscoverRequest): Promise<MessageInitShape<typeof DiscoverResponseSchema>> {
    const domain = domainOf(readAddress(address));
    const guess = guessByProvider(domain) ?? guessByFacts(domain, await this.dns.factsOf(domain));
    if (!guess) throw new Fault('not_found', 'SERVERS_UNKNOWN', 'The mail servers of this address are not known. Type them in.');
    return guess;
  }

  @GrpcMethod('ConnectionsService', 'Verify')
  async verify({ login }: VerifyRequest): Promise<MessageInitShape<typeof VerifyResponseSchema>> {
    return this.live.test(readLogin(login));
  }
}
