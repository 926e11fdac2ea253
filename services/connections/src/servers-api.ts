// gRPC: what the servers of an address are, and whether a login works on them.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fault } from '@rejoinder/base/fault';
import type { DiscoverRequest, DiscoverResponseSchema, VerifyRequest, VerifyResponseSchema } from '@rejoinder/contracts/api/connections';
import { DiscoveryClient } from './discovery/discovery-client.js';
import { domainOf, readAddress, readLogin } from './login/login.js';
import { OAuthClient } from './sign-in/oauth-client.js';
import { providerFor, signInAt } from './sign-in/oauth-providers.js';
import { VerifyClient } from './verify-client.js';

@Controller()
export class ServersApi {
  constructor(
    private readonly discovery: DiscoveryClient,
    private readonly live: VerifyClient,
    private readonly oauth: OAuthClient,
  ) {}

  @GrpcMethod('ConnectionsService', 'Discover')
  async discover({ tenantId, address }: DiscoverRequest): Promise<MessageInitShape<typeof DiscoverResponseSchema>> {
    const checked = readAddress(address);
    const { providers } = this.oauth;
    const own = providerFor(providers, domainOf(checked), undefined);
    if (own) return signInAt(own, domainOf(checked));
    const guess = await this.discovery.serversOf(tenantId, checked);
    if (!guess) throw new Fault('not_found', 'SERVERS_UNKNOWN', 'The mail servers of this address are not known. Type them in.');
    const lies = providerFor(providers, domainOf(checked), guess.imap.host);
    return lies ? { ...guess, ...signInAt(lies, domainOf(checked)) } : guess;
  }

  @GrpcMethod('ConnectionsService', 'Verify')
  async verify({ tenantId, login }: VerifyRequest): Promise<MessageInitShape<typeof VerifyResponseSchema>> {
    return this.live.test(tenantId, readLogin(login));
  }
}
