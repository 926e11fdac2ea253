// REST of inboxes: found, tested, connected, looked at, paused and removed.
import { z } from 'zod';
import { Fault } from '@rejoinder/base/fault';
import { ConnectionsService, type ConnectResponse, type Inbox, type ReconnectResponse } from '@rejoinder/contracts/api/connections';
import { SyncService, type GetProgressResponse } from '@rejoinder/contracts/api/sync';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { Peers } from '@rejoinder/runtime/peers';
import { TenantId } from '../people/caller.js';
import { refusal } from '../web/problem.js';
import { FromBody, FromPath, FromQuery, Route, V1 } from '../web/route.js';
import * as given from './inbox-given.js';
import * as shape from './inbox.js';
import { ids, toCursor, toTime, toTimestamp } from './shapes.js';

/** Both servers are asked at the same time and may be slow. */
const liveTest = { deadlineMs: 60_000 };
/** A list is worth more than its progress. */
const progressCall = { deadlineMs: 2_000 };

@V1('inboxes')
export class InboxesApi {
  constructor(private readonly peers: Peers) {}

  @Route({
    method: 'POST',
    path: 'discover',
    says: 'Guesses the servers of an address',
    result: 'The servers, or null for those that must be typed',
    answers: shape.discoveredSchema,
    refuses: { 400: [{ code: 'POP3_ONLY', detail: catalogue.POP3_ONLY.sentence }] },
  })
  async discover(@TenantId() tenantId: string, @FromBody(given.discoverBody) body: z.infer<typeof given.discoverBody>) {
    const found = this.#connections.discover({ tenantId, ...body }, liveTest);
    return shape.toDiscovered(await found.catch((error: unknown) => unlessUnknown(error, undefined)));
  }

  @Route({
    method: 'POST',
    path: 'verify',
    says: 'Tests both servers for real and stores nothing',
    result: 'What came of it, for each server',
    answers: shape.verifiedSchema,
  })
  async verify(@TenantId() tenantId: string, @FromBody(given.verifyBody) body: given.VerifyBody) {
    const { checks, capabilities, sizeLimitBytes } = await this.#connections.verify({ tenantId, login: body }, liveTest);
    return { checks: checks.map(shape.toCheck), capabilities, size_limit_bytes: Number(sizeLimitBytes) };
  }

  @Route({
    method: 'POST',
    says: 'Connects an inbox once both its servers let it in',
    result: 'The inbox is connected; its headers are read from now on',
    status: 201,
    answers: shape.connectedSchema,
    refuses: { 422: [shape.verifyFailed], 409: [{ code: 'INBOX_EXISTS', detail: catalogue.INBOX_EXISTS.sentence }] },
  })
  async connect(
    @TenantId() tenantId: string,
    @FromBody(given.connectBody) body: given.ConnectBody,
  ): Promise<z.infer<typeof shape.connectedSchema>> {
    const { display_name: displayName, settings, ...login } = body;
    const { attachments = true, history_days: historyDays = 30, log_folder: logFolder = '', capture = '', folders = [] } = settings ?? {};
    const ownAddresses = settings?.own_addresses ?? [];
    const wanted = {
      capture,
      captureSince: toTimestamp(settings?.capture_since),
      attachments,
      historyDays,
      logFolder,
      folders,
      ownAddresses,
    };
    const answer = await this.#connections.connect({ tenantId, login, displayName, settings: wanted }, liveTest);
    const inbox = await this.#told(tenantId, letIn(answer));
    return { ...inbox, capabilities: answer.capabilities, size_limit_bytes: Number(answer.sizeLimitBytes) };
  }

  @Route({
    method: 'GET',
    says: 'The inboxes, or those among them that are looked for, in the order in which they were connected',
    result: 'A page of inboxes',
    answers: shape.inboxesSchema,
  })
  async list(
    @TenantId() tenantId: string,
    @FromQuery(given.inboxesQuery) { limit, cursor, query, state }: z.infer<typeof given.inboxesQuery>,
  ): Promise<z.infer<typeof shape.inboxesSchema>> {
    const asked = { tenantId, pageSize: limit, pageToken: cursor, query, state };
    const { inboxes, nextPageToken } = await this.#connections.listInboxes(asked);
    return { inboxes: await this.#tellAll(tenantId, inboxes), next_cursor: toCursor(nextPageToken) };
  }

  @Route({
    method: 'GET',
    path: ':inbox_id',
    says: 'One inbox',
    result: 'The inbox, with the progress of receiving',
    answers: shape.inboxSchema,
  })
  async inbox(@TenantId() tenantId: string, @FromPath('inbox_id', ids.inbox) inboxId: string): Promise<shape.InboxAnswer> {
    const { inbox } = await this.#connections.getInbox({ tenantId, inboxId });
    return this.#told(tenantId, inbox!);
  }

  @Route({
    method: 'PATCH',
    path: ':inbox_id',
    says: 'Changes settings; what is left out stays',
    result: 'The inbox as it is from now on',
    answers: shape.inboxSchema,
    refuses: {
      409: [
        { code: 'ADDRESS_OF_CONTACT', detail: catalogue.ADDRESS_OF_CONTACT.sentence },
        { code: 'ADDRESS_OF_INBOX', detail: catalogue.ADDRESS_OF_INBOX.sentence },
      ],
    },
  })
  async change(
    @TenantId() tenantId: string,
    @FromPath('inbox_id', ids.inbox) inboxId: string,
    @FromBody(given.inboxPatch) { settings }: given.InboxPatch,
  ): Promise<shape.InboxAnswer> {
    const { capture, attachments, history_days: historyDays, log_folder: logFolder, folders } = settings;
    const changed = { capture, attachments, historyDays, logFolder, captureSince: toTimestamp(settings.capture_since) };
    const paths = folders && { paths: folders };
    const ownAddresses = settings.own_addresses && { addresses: settings.own_addresses };
    const { inbox } = await this.#connections.updateSettings({ tenantId, inboxId, ...changed, folders: paths, ownAddresses });
    return this.#told(tenantId, inbox!);
  }

  @Route({
    method: 'GET',
    path: ':inbox_id/folders',
    says: 'The folders of the mailbox, for a choice among them',
    result: 'The folders as the mail server told of them last; none before the first login',
    answers: shape.foldersSchema,
  })
  async folders(
    @TenantId() tenantId: string,
    @FromPath('inbox_id', ids.inbox) inboxId: string,
  ): Promise<z.infer<typeof shape.foldersSchema>> {
    const { folders } = await this.peers.client(SyncService).listFolders({ tenantId, inboxId });
    return { folders: folders.map(shape.toFolder) };
  }

  @Route({
    method: 'POST',
    path: ':inbox_id/reconnect',
    says: 'Stores a new password once it is let in',
    result: 'The password is stored, and both sides work again',
    answers: shape.inboxSchema,
    refuses: { 422: [shape.verifyFailed] },
  })
  async reconnect(
    @TenantId() tenantId: string,
    @FromPath('inbox_id', ids.inbox) inboxId: string,
    @FromBody(given.reconnectBody) { password }: z.infer<typeof given.reconnectBody>,
  ): Promise<shape.InboxAnswer> {
    return this.#told(tenantId, letIn(await this.#connections.reconnect({ tenantId, inboxId, password }, liveTest)));
  }

  @Route({
    method: 'PATCH',
    path: ':inbox_id/login',
    says: 'Changes server, user name or password of receiving, of sending or of both, once what changes is let in; a side that is left out is neither tried nor changed',
    result: 'It is stored, and what is mended works again; every id stays',
    answers: shape.inboxSchema,
    refuses: { 422: [shape.verifyFailed], 409: [{ code: 'INBOX_SIGNED_IN', detail: catalogue.INBOX_SIGNED_IN.sentence }] },
  })
  async changeLogin(
    @TenantId() tenantId: string,
    @FromPath('inbox_id', ids.inbox) inboxId: string,
    @FromBody(given.loginPatch) { imap, smtp }: given.LoginPatch,
  ): Promise<shape.InboxAnswer> {
    return this.#told(tenantId, letIn(await this.#connections.changeLogin({ tenantId, inboxId, imap, smtp }, liveTest)));
  }

  @Route({
    method: 'POST',
    path: ':inbox_id/reconnect-link',
    says: 'Makes a link by which its owner gives it a new password without signing in here',
    result: 'The path of a page of this server. It is good for 14 days, or until the inbox has a new password or is removed',
    status: 201,
    answers: shape.linkSchema,
  })
  async reconnectLink(
    @TenantId() tenantId: string,
    @FromPath('inbox_id', ids.inbox) inboxId: string,
  ): Promise<z.infer<typeof shape.linkSchema>> {
    const { token, expiresAt } = await this.#connections.createReconnectLink({ tenantId, inboxId });
    return { path: `/reconnect/${token}`, expires_at: toTime(expiresAt) };
  }

  @Route({
    method: 'POST',
    path: ':inbox_id/pause',
    says: 'Stops receiving and sending',
    result: 'The inbox is paused; what comes meanwhile is read when it is resumed',
    answers: shape.inboxSchema,
  })
  async pause(@TenantId() tenantId: string, @FromPath('inbox_id', ids.inbox) inboxId: string): Promise<shape.InboxAnswer> {
    const { inbox } = await this.#connections.pause({ tenantId, inboxId });
    return this.#told(tenantId, inbox!);
  }

  @Route({
    method: 'POST',
    path: ':inbox_id/resume',
    says: 'Receives and sends again',
    result: 'The inbox works again, or says what it still needs',
    answers: shape.inboxSchema,
  })
  async resume(@TenantId() tenantId: string, @FromPath('inbox_id', ids.inbox) inboxId: string): Promise<shape.InboxAnswer> {
    const { inbox } = await this.#connections.resume({ tenantId, inboxId });
    return this.#told(tenantId, inbox!);
  }

  @Route({
    method: 'POST',
    path: ':inbox_id/resync',
    says: 'Compares all its folders with the mail server now, as is done every day',
    result:
      'It begins as soon as the inbox is connected. What was missed is taken, what is gone is marked; its log tells of mails that were missed, and audited_at of each folder when it was compared',
    status: 202,
    answers: shape.inboxSchema,
  })
  async resync(@TenantId() tenantId: string, @FromPath('inbox_id', ids.inbox) inboxId: string): Promise<shape.InboxAnswer> {
    const { inbox } = await this.#connections.getInbox({ tenantId, inboxId });
    await this.peers.client(SyncService).resync({ tenantId, inboxId });
    return this.#told(tenantId, inbox!);
  }

  @Route({
    method: 'DELETE',
    path: ':inbox_id',
    says: 'Removes it with its credential and captured text',
    result: 'It is removed; what stands on timelines stays',
    status: 204,
    answers: 'nothing',
  })
  async remove(@TenantId() tenantId: string, @FromPath('inbox_id', ids.inbox) inboxId: string): Promise<void> {
    await this.#connections.remove({ tenantId, inboxId });
  }

  get #connections() {
    return this.peers.client(ConnectionsService);
  }

  async #told(tenantId: string, inbox: Inbox): Promise<shape.InboxAnswer> {
    return (await this.#tellAll(tenantId, [inbox]))[0]!;
  }

  async #tellAll(tenantId: string, inboxes: Inbox[]): Promise<shape.InboxAnswer[]> {
    const progress = await this.#progress(
      tenantId,
      inboxes.map(({ inboxId }) => inboxId),
    );
    return inboxes.map((inbox) => shape.toInbox(inbox, progress.get(inbox.inboxId)));
  }

  /** By inbox; unknown where sync does not know one yet or is away: the inboxes themselves are told all the same. */
  async #progress(tenantId: string, inboxIds: string[]): Promise<Map<string, GetProgressResponse | undefined>> {
    if (inboxIds.length === 0) return new Map();
    try {
      const { inboxes } = await this.peers.client(SyncService).listProgress({ tenantId, inboxIds }, progressCall);
      return new Map(inboxes.map(({ inboxId, progress }) => [inboxId, progress]));
    } catch (error) {
      if (error instanceof Fault) return new Map();
      throw error;
    }
  }
}

const sides: Record<string, string> = { imap: 'Receiving (IMAP)', smtp: 'Sending (SMTP)' };

/** The inbox, or the refusal that tells of each server what is wrong. */
export function letIn({ inbox, checks }: Pick<ConnectResponse | ReconnectResponse, 'inbox' | 'checks'>): Inbox {
  if (inbox) return inbox;
  const failed = checks.filter(({ passed }) => !passed).map(({ protocol, server, detail }) => `${sides[protocol]}, ${server}: ${detail}`);
  throw refusal(422, 'VERIFY_FAILED', `Nothing was stored. ${failed.join(' ')}`, { checks: checks.map(shape.toCheck) });
}

function unlessUnknown<T>(error: unknown, none: T): T {
  if (error instanceof Fault && error.kind === 'not_found') return none;
  throw error;
}
