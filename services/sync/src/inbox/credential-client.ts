// Asks connections for the servers and the opened credential of one inbox.
import { Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { Private } from '@rejoinder/base/private';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import type { MailLogin } from '@rejoinder/runtime/imap-connect';
import { Peers } from '@rejoinder/runtime/peers';

export interface Credential {
  login: MailLogin;
  /** The inbox's own address, as it stands in From. */
  address: Private<string>;
  version: bigint;
}

@Injectable()
export class CredentialClient {
  constructor(private readonly peers: Peers) {}

  async get(tenantId: string, inboxId: string): Promise<Credential> {
    const { login, credentialVersion } = await this.peers.client(ConnectionsService).getCredential({ tenantId, inboxId });
    const imap = login?.imap;
    if (!login || !imap) throw new Fault('broken', 'CREDENTIAL_INCOMPLETE', 'connections gave no IMAP server for the inbox.');
    const security = imap.security === 'starttls' ? 'starttls' : 'tls';
    return {
      login: { server: { host: imap.host, port: imap.port, security }, username: login.username, password: new Private(login.password) },
      address: new Private(login.address),
      version: credentialVersion,
    };
  }
}
