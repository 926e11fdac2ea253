// gRPC: signing in at a provider's page, to connect an inbox or to reconnect one.
import { createHash } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import * as oidc from 'openid-client';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { Private } from '@rejoinder/base/private';
import type * as api from '@rejoinder/contracts/api/connections';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { CredentialBox } from '../credential-box.js';
import { checkedId, shown } from '../inbox-api.js';
import { InboxStore, type InboxRow } from '../inbox-store.js';
import { reconnect } from '../inbox.js';
import { domainOf, readAddress, readDisplayName, type CheckedLogin } from '../login/login.js';
import { NewSettings } from '../settings/new-settings.js';
import { allPassed, VerifyClient, type LiveCheck } from '../verify-client.js';
import { BegunBox, type Begun } from './begun-box.js';
import { BegunStore } from './begun-store.js';
import type { Grant } from './grant.js';
import { OAuthClient } from './oauth-client.js';
import { serversAt, type OAuthProvider } from './oauth-providers.js';
import { readCaller, readCallback, readRedirect } from './redirect.js';

@Controller()
export class SignInApi {
  constructor(
    private readonly inboxes: InboxStore,
    private readonly box: CredentialBox,
    private readonly live: VerifyClient,
    private readonly begun: BegunStore,
    private readonly begunBox: BegunBox,
    private readonly oauth: OAuthClient,
    private readonly newSettings: NewSettings,
  ) {}

  @GrpcMethod('ConnectionsService', 'StartSignIn')
  async startSignIn(request: api.StartSignInRequest): Promise<MessageInitShape<typeof api.StartSignInResponseSchema>> {
    const { tenantId, provider: providerId } = request;
    const provider = this.oauth.provider(providerId);
    const [redirectUri, caller] = [readRedirect(request.redirectUri), readCaller(request.caller)];
    const inboxId = request.inboxId === '' ? undefined : checkedId(request.inboxId);
    const address = inboxId ? (await this.inboxes.get(tenantId, inboxId)).address : await this.#freeAddress(tenantId, request.address);
    const displayName = readDisplayName(request.displayName);
    const settings = await this.newSettings.of(tenantId, request.settings);
    const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
    const authorizationUrl = await this.oauth.pageFor(provider, { redirectUri, state, nonce, verifier }, address);
    const begun: Begun = { provider: providerId, redirectUri, nonce, verifier, address, inboxId, displayName, settings };
    const stateHash = hashOf(state);
    await this.begun.add(tenantId, stateHash, caller, await this.begunBox.seal(tenantId, stateHash, begun));
    return { authorizationUrl };
  }

  @GrpcMethod('ConnectionsService', 'FinishSignIn')
  async finishSignIn(request: api.FinishSignInRequest): Promise<MessageInitShape<typeof api.FinishSignInResponseSchema>> {
    const { tenantId } = request;
    const { query, state } = readCallback(request.callbackUrl);
    const stateHash = hashOf(state);
    const sealed = await this.begun.take(tenantId, stateHash, readCaller(request.caller));
    if (!sealed) throw faultOf('SIGN_IN_GONE');
    const begun = await this.begunBox.open(tenantId, stateHash, sealed);
    const provider = this.oauth.provider(begun.provider);
    const { grant, addresses } = await this.oauth.finish(provider, { ...begun, state }, query);
    if (!addresses.some((one) => isSame(one, begun.address))) throw faultOf('SIGN_IN_OTHER');
    const login = loginOf(begun.address, provider, grant);
    const { checks } = await this.live.test(tenantId, login);
    if (!allPassed(checks)) return { checks };
    return begun.inboxId
      ? this.#reconnect(tenantId, begun.inboxId, login, grant, checks)
      : this.#connect(tenantId, begun, login, grant, checks);
  }

  async #freeAddress(tenantId: string, given: string): Promise<string> {
    const address = readAddress(given);
    if (await this.inboxes.isConnected(tenantId, address)) throw faultOf('INBOX_EXISTS');
    return address;
  }

  async #connect(tenantId: string, { displayName, settings }: Begun, login: CheckedLogin, grant: Grant, checks: LiveCheck[]) {
    const inboxId = newId();
    const sealed = await this.box.seal(tenantId, inboxId, 1n, { username: login.username, grant });
    const oauthProvider = grant.provider;
    const inbox = await this.inboxes.add({ tenantId, inboxId, login, displayName, settings, sealed, oauthProvider });
    return { checks, inbox: shown(inbox), reconnected: false };
  }

  /** A password before, or another provider: whatever it was, from now on it is this grant at this provider's servers. */
  async #reconnect(tenantId: string, inboxId: string, login: CheckedLogin, grant: Grant, checks: LiveCheck[]) {
    const row: InboxRow = await this.inboxes.get(tenantId, inboxId);
    const sealed = await this.box.seal(tenantId, inboxId, row.credentialVersion + 1n, { username: login.username, grant });
    const saved = await this.inboxes.replaceCredential(row, sealed, reconnect, { oauthProvider: grant.provider, servers: login });
    if (!saved) throw new Fault('conflict', 'RECONNECT_RACE', 'Somebody else has just reconnected this inbox.');
    return { checks, inbox: shown(saved), reconnected: true };
  }
}

function loginOf(address: string, provider: OAuthProvider, { accessToken }: Grant): CheckedLogin {
  return { address, username: address, password: new Private(''), accessToken, ...serversAt(provider, domainOf(address)) };
}

const hashOf = (state: string) => createHash('sha256').update(state).digest();

const isSame = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();
