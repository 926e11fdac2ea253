// gRPC: settings of an inbox and of a tenant, and the trial of a never-log list.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import type * as api from '@rejoinder/contracts/api/connections';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { Peers } from '@rejoinder/runtime/peers';
import { CLOCK, HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { checkedId, shown } from '../inbox-api.js';
import { changedSettings, readCapture, readOwnAddresses } from './inbox-settings.js';
import { readMakeContacts } from './logging.js';
import { readEntries, readEntry, warningsOf, type NeverLogEntry, type NeverLogWarning } from './never-log.js';
import { OwnAddressCheck } from './own-address-check.js';
import { SettingsStore, type HashedEntry, type TenantWide } from './settings-store.js';

/** A trial reads all that is known of a tenant's mail. */
const trial = { deadlineMs: 20_000 };

@Controller()
export class SettingsApi {
  constructor(
    private readonly store: SettingsStore,
    private readonly check: OwnAddressCheck,
    private readonly vault: Vault,
    private readonly peers: Peers,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(HOUSE_SETTINGS) private readonly house: HouseSettings,
  ) {}

  @GrpcMethod('ConnectionsService', 'UpdateSettings')
  async updateSettings(request: api.UpdateSettingsRequest): Promise<MessageInitShape<typeof api.UpdateSettingsResponseSchema>> {
    const { tenantId, inboxId, capture, attachments, historyDays, logFolder, folders, captureSince, ownAddresses } = request;
    const since = captureSince && timestampDate(captureSince);
    const given = {
      capture,
      attachments,
      historyDays,
      logFolder,
      folders: folders?.paths,
      captureSince: since,
      ownAddresses: readOwnAddresses(ownAddresses?.addresses),
    };
    const bounds = { now: this.clock.now(), headerDays: this.house.metadataDays };
    await this.check.refuseTaken(tenantId, given.ownAddresses ?? [], inboxId);
    const row = await this.store.change(tenantId, checkedId(inboxId), (before) => changedSettings(before, given, bounds));
    return { inbox: shown(row) };
  }

  @GrpcMethod('ConnectionsService', 'GetTenantSettings')
  async getTenantSettings({
    tenantId,
  }: api.GetTenantSettingsRequest): Promise<MessageInitShape<typeof api.GetTenantSettingsResponseSchema>> {
    return this.#told(tenantId, await this.store.tenantWide(tenantId));
  }

  @GrpcMethod('ConnectionsService', 'PutTenantSettings')
  async putTenantSettings({
    tenantId,
    settings,
  }: api.PutTenantSettingsRequest): Promise<MessageInitShape<typeof api.PutTenantSettingsResponseSchema>> {
    const { attachments = true, capture = 'tracked', neverLog = [], makeContacts, logInternal } = settings ?? {};
    const logging = { makeContacts: readMakeContacts(makeContacts), logInternal };
    const list = await this.#hashed(tenantId, readEntries(neverLog));
    const wanted = { attachments, capture: readCapture(capture), neverLog: list, ...logging };
    return this.#told(tenantId, await this.store.putTenantWide(tenantId, wanted));
  }

  @GrpcMethod('ConnectionsService', 'TryNeverLog')
  async tryNeverLog({ tenantId, entries }: api.TryNeverLogRequest): Promise<MessageInitShape<typeof api.TryNeverLogResponseSchema>> {
    const hashed = await this.#hashed(tenantId, readEntries(entries));
    const people = hashed.map(({ hashes }) => ({ hashes }));
    const { counts } = await this.peers.client(ThreadingService).countMails({ tenantId, people }, trial);
    const trials = hashed.map(({ entry }, at) => ({ entry, tracked: counts[at]!.tracked, seen: counts[at]!.seen }));
    return { trials, warnings: await this.#warnings(tenantId, hashed) };
  }

  @GrpcMethod('ConnectionsService', 'DeleteNeverLogged')
  async deleteNeverLogged(request: api.DeleteNeverLoggedRequest): Promise<MessageInitShape<typeof api.DeleteNeverLoggedResponseSchema>> {
    const { tenantId, entries } = request;
    const hashed = await this.#hashed(tenantId, readEntries(entries));
    const list = await this.store.list(tenantId);
    // Else what is deleted would be logged again.
    if (hashed.length === 0 || !hashed.every(({ entry }) => list.entries.includes(entry)))
      throw new Fault(
        'conflict',
        'NOT_ON_LIST',
        'Only the mail of entries that are on the never-log list can be deleted: put them there first.',
      );
    const people = hashed.map(({ hashes }) => ({ hashes }));
    const asked = await this.peers.client(ThreadingService).deleteMailsOf({ tenantId, people, listRevision: list.revision }, trial);
    return { mails: asked.deletion!.mails };
  }

  async #told(tenantId: string, settings: TenantWide) {
    return { settings, warnings: await this.#warnings(tenantId, settings.neverLog.map(readEntry)) };
  }

  async #warnings(tenantId: string, entries: readonly NeverLogEntry[]): Promise<NeverLogWarning[]> {
    if (entries.length === 0) return [];
    return warningsOf(
      entries,
      (await this.store.ownAddresses(tenantId)).flatMap(({ addresses }) => addresses),
    );
  }

  async #hashed(tenantId: string, entries: NeverLogEntry[]): Promise<HashedEntry[]> {
    const hasher = await this.vault.hasher(tenantId);
    return entries.map((one) => ({ ...one, hashes: one.texts.map((text) => hasher.hash(one.kind, text)) }));
  }
}
