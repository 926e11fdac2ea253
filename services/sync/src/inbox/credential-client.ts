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

/** An access token may have to be refreshed first, by a provider that is slow. */
const deadlineMs = 20_000;

@Injectable()
export class CredentialClient {
  constructor(private readonly peers: Peers) {}

  /** `refused` is the login that its server has just refused: where it was by an access token, a newer one is got. */
  async get(tenantId: string, inboxId: string, refused?: MailLogin): Promise<Credential> {
    const refusedToken = refused?.accessToken?.reveal() ?? '';
    const client = this.peers.client(ConnectionsService);
    const { login, credentialVersion } = await client.getCredential({ tenantId, inboxId, refusedToken }, { deadlineMs });
    const imap = login?.imap;
    if (!login || !imap) throw new Fault('broken', 'CREDENTIAL_INCOMPLETE', 'connections gave no IMAP server for the inbox.');
    const security = imap.security === 'starttls' ? 'starttls' : 'tls';
    const server = { host: imap.host, port: imap.port, security } as const;
    const { username, password, accessToken } = login;
    return {
      login: { server, username, password: new Private(password), ...(accessToken && { accessToken: new Private(accessToken) }) },
      address: new Private(login.address),
      version: credentialVersion,
    };
  }
}
