// gRPC: makes a link by which the owner of an inbox reconnects it, and opens one.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type * as api from '@rejoinder/contracts/api/connections';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { checkedId, shown } from '../inbox-api.js';
import { hashOf, newToken } from './link.js';
import { LinkStore } from './link-store.js';

@Controller()
export class LinksApi {
  constructor(private readonly store: LinkStore) {}

  @GrpcMethod('ConnectionsService', 'CreateReconnectLink')
  async createReconnectLink({
    tenantId,
    inboxId,
    credentialVersion,
  }: api.CreateReconnectLinkRequest): Promise<MessageInitShape<typeof api.CreateReconnectLinkResponseSchema>> {
    const token = newToken().reveal();
    const { inbox, expiresAt } = await this.store.add(tenantId, checkedId(inboxId), hashOf(token)!, credentialVersion);
    return { token, expiresAt: timestampFromDate(expiresAt), address: inbox.address };
  }

  @GrpcMethod('ConnectionsService', 'OpenReconnectLink')
  async openReconnectLink({
    token,
    attempts,
  }: api.OpenReconnectLinkRequest): Promise<MessageInitShape<typeof api.OpenReconnectLinkResponseSchema>> {
    const hash = hashOf(token);
    if (!hash) throw faultOf('LINK_VOID');
    const inbox = await this.store.open(hash, attempts);
    return { tenantId: inbox.tenantId, inbox: shown(inbox) };
  }
}
