// gRPC: a new password for an inbox, or other servers and names; whatever changes is tried before it is kept.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fault } from '@rejoinder/base/fault';
import type * as api from '@rejoinder/contracts/api/connections';
import { CredentialBox, type OpenCredential } from '../credential-box.js';
import { checkedId, loginOf, shown } from '../inbox-api.js';
import { InboxStore, type InboxRow } from '../inbox-store.js';
import { reconnect } from '../inbox.js';
import { bothProtocols, readPassword, type Protocol } from './login.js';
import { changedLogin, sideOf, sidesOfPassword, type Changes } from './login-change.js';
import { allPassed, VerifyClient } from '../verify-client.js';

interface Known {
  row: InboxRow;
  open: OpenCredential;
}

@Controller()
export class LoginApi {
  constructor(
    private readonly store: InboxStore,
    private readonly box: CredentialBox,
    private readonly live: VerifyClient,
  ) {}

  @GrpcMethod('ConnectionsService', 'Reconnect')
  async reconnect({ tenantId, inboxId, password }: api.ReconnectRequest): Promise<MessageInitShape<typeof api.ReconnectResponseSchema>> {
    readPassword(password);
    const known = await this.#known(tenantId, inboxId);
    const protocols = sidesOfPassword(known.open, known.row);
    return this.#save(known, protocols, Object.fromEntries(protocols.map((protocol) => [protocol, { username: '', password }])));
  }

  @GrpcMethod('ConnectionsService', 'ChangeLogin')
  async changeLogin({
    tenantId,
    inboxId,
    ...changes
  }: api.ChangeLoginRequest): Promise<MessageInitShape<typeof api.ChangeLoginResponseSchema>> {
    const protocols = bothProtocols.filter((protocol) => changes[protocol]);
    if (protocols.length === 0)
      throw new Fault('invalid', 'LOGIN_UNCHANGED', 'Say what is to change: receiving (imap), sending (smtp) or both.');
    return this.#save(await this.#known(tenantId, inboxId), protocols, changes);
  }

  async #known(tenantId: string, inboxId: string): Promise<Known> {
    const { row, sealed, version } = await this.store.credential(tenantId, checkedId(inboxId));
    return { row, open: await this.box.open(tenantId, inboxId, version, sealed) };
  }

  async #save({ row, open }: Known, protocols: Protocol[], changes: Changes) {
    const { tenantId, inboxId, credentialVersion } = row;
    const login = changedLogin(loginOf(row), open, changes);
    const { checks } = await this.live.test(tenantId, login, protocols);
    if (!allPassed(checks)) return { checks };
    const { username, password, smtpSignIn: smtp } = login;
    const sealed = await this.box.seal(tenantId, inboxId, credentialVersion + 1n, { username, password, smtp });
    const side = sideOf(protocols);
    const saved = await this.store.replaceCredential(row, sealed, (state) => reconnect(state, side), { oauthProvider: '', servers: login });
    if (!saved) throw new Fault('conflict', 'RECONNECT_RACE', 'Somebody else has just reconnected this inbox.');
    return { checks, inbox: shown(saved) };
  }
}
