// gRPC: connect, pause, resume, remove, list; and credentials for sync and sending.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Fault } from '@rejoinder/base/fault';
import { isId, newId } from '@rejoinder/base/id';
import type * as api from '@rejoinder/contracts/api/connections';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { CredentialBox } from './credential-box.js';
import { providerOfHost } from './discovery/providers.js';
import { InboxStore, isListedState, type InboxFilter, type InboxRow } from './inbox-store.js';
import { GrantEnder } from './sign-in/grant-ender.js';
import { GrantKeeper } from './sign-in/grant-keeper.js';
import { pause, resume } from './inbox.js';
import { readDisplayName, readLogin, type CheckedLogin } from './login/login.js';
import { settingsOf } from './inbox-events.js';
import { NewSettings } from './settings/new-settings.js';
import { allPassed, VerifyClient } from './verify-client.js';

const defaultPage = 100;
const maxPage = 500;
const maxQuery = 200;

@Controller()
export class InboxApi {
  constructor(
    private readonly store: InboxStore,
    private readonly box: CredentialBox,
    private readonly live: VerifyClient,
    private readonly newSettings: NewSettings,
    private readonly grants: GrantKeeper,
    private readonly ender: GrantEnder,
  ) {}

  @GrpcMethod('ConnectionsService', 'Connect')
  async connect(request: api.ConnectRequest): Promise<MessageInitShape<typeof api.ConnectResponseSchema>> {
    const login = readLogin(request.login);
    const displayName = readDisplayName(request.displayName);
    const { tenantId } = request;
    const settings = await this.newSettings.of(tenantId, request.settings);
    if (await this.store.isConnected(tenantId, login.address)) throw faultOf('INBOX_EXISTS');
    const preflight = await this.live.test(tenantId, login);
    if (!allPassed(preflight.checks)) return preflight;
    const inboxId = newId();
    const { username, password } = login;
    const sealed = await this.box.seal(tenantId, inboxId, 1n, { username, password });
    return { ...preflight, inbox: shown(await this.store.add({ tenantId, inboxId, login, displayName, settings, sealed })) };
  }

  @GrpcMethod('ConnectionsService', 'Pause')
  async pause({ tenantId, inboxId }: api.PauseRequest): Promise<MessageInitShape<typeof api.PauseResponseSchema>> {
    return { inbox: shown(await this.store.change(tenantId, checkedId(inboxId), pause)) };
  }

  @GrpcMethod('ConnectionsService', 'Resume')
  async resume({ tenantId, inboxId }: api.ResumeRequest): Promise<MessageInitShape<typeof api.ResumeResponseSchema>> {
    return { inbox: shown(await this.store.change(tenantId, checkedId(inboxId), resume)) };
  }

  @GrpcMethod('ConnectionsService', 'Remove')
  async remove({ tenantId, inboxId }: api.RemoveRequest): Promise<MessageInitShape<typeof api.RemoveResponseSchema>> {
    this.ender.end(await this.store.remove(tenantId, checkedId(inboxId)));
    return {};
  }

  @GrpcMethod('ConnectionsService', 'GetInbox')
  async getInbox({ tenantId, inboxId }: api.GetInboxRequest): Promise<MessageInitShape<typeof api.GetInboxResponseSchema>> {
    return { inbox: shown(await this.store.get(tenantId, checkedId(inboxId))) };
  }

  @GrpcMethod('ConnectionsService', 'ListInboxes')
  async listInboxes(request: api.ListInboxesRequest): Promise<MessageInitShape<typeof api.ListInboxesResponseSchema>> {
    const { tenantId, pageSize, pageToken } = request;
    const limit = Math.min(pageSize > 0 ? pageSize : defaultPage, maxPage);
    const rows = await this.store.list(tenantId, filterOf(request), pageToken ? checkedId(pageToken) : undefined, limit + 1);
    const page = rows.slice(0, limit);
    return { inboxes: page.map(shown), nextPageToken: rows.length > limit ? page.at(-1)!.inboxId : '' };
  }

  @GrpcMethod('ConnectionsService', 'GetCredential')
  async getCredential({
    tenantId,
    inboxId,
    refusedToken,
    protocol,
  }: api.GetCredentialRequest): Promise<MessageInitShape<typeof api.GetCredentialResponseSchema>> {
    const { row, version, open } = await this.grants.credential(tenantId, checkedId(inboxId), refusedToken);
    const { grant } = open;
    const { username, password } = (protocol === 'smtp' && open.smtp) || open;
    const secret = { password: password?.reveal() ?? '', accessToken: grant?.accessToken.reveal() ?? '' };
    return {
      login: { ...loginOf(row), username, ...secret },
      credentialVersion: version,
      displayName: row.displayName,
      accessTokenUntil: grant && timestampFromDate(grant.accessUntil),
    };
  }
}

function filterOf({ query, state }: api.ListInboxesRequest): InboxFilter {
  if (!isListedState(state)) throw new Fault('invalid', 'STATE_UNKNOWN', 'A state is working, needs_reconnect or paused.');
  if (query.length > maxQuery) throw new Fault('invalid', 'QUERY_TOO_LONG', `What is searched for has at most ${maxQuery} characters.`);
  return { query: query.trim(), state };
}

export function checkedId(id: string): string {
  if (!isId(id)) throw faultOf('INBOX_NOT_FOUND');
  return id;
}

export function loginOf(row: InboxRow): Pick<CheckedLogin, 'address' | 'imap' | 'smtp'> {
  const security = (text: string) => text as 'tls' | 'starttls';
  return {
    address: row.address,
    imap: { host: row.imapHost, port: row.imapPort, security: security(row.imapSecurity) },
    smtp: { host: row.smtpHost, port: row.smtpPort, security: security(row.smtpSecurity) },
  };
}

export function shown(row: InboxRow): MessageInitShape<typeof api.InboxSchema> {
  const { inboxId, address, displayName, receiving, receivingReason, sending, sendingReason } = row;
  return {
    inboxId,
    address,
    displayName,
    receiving,
    receivingReason,
    sending,
    sendingReason,
    settings: settingsOf(row),
    connectedAt: timestampFromDate(row.connectedAt),
    imap: loginOf(row).imap,
    smtp: loginOf(row).smtp,
    oauthProvider: row.oauthProvider,
    provider: providerOfHost(row.imapHost)?.name ?? '',
    stoppedSince: row.stoppedSince ? timestampFromDate(row.stoppedSince) : undefined,
    traceId: row.traceId,
  };
}
