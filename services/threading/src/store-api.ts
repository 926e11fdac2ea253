// Answers retention: how old the oldest mail of the graph is. Of a forgotten mail there are hashes only; it is marked, so that nobody is told that it is logged.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type { ForgetRequest } from '@rejoinder/contracts/store';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { reportStores, type OwnStore, type StoreReport } from '@rejoinder/runtime/store-report';
import { HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { lockGraphs } from './graph/graph-store.js';
import { oldestNodes } from './graph/node-store.js';
import { markForgotten } from './tracked/tracked-store.js';
import type { Tx } from './tx.js';

const maxMails = 100;

@Controller()
export class StoreApi {
  constructor(
    private readonly database: Database<Tx>,
    private readonly vault: Vault,
    @Inject(HOUSE_SETTINGS) private readonly settings: HouseSettings,
  ) {}

  @GrpcMethod('StoreService', 'ListOldest')
  async listOldest(): Promise<StoreReport> {
    const { untracked, all } = await this.database.read('all_tenants', oldestNodes);
    const bound = { setting: 'REJOINDER_METADATA_DAYS', limitDays: this.settings.metadataDays };
    const stores: OwnStore[] = [
      { name: 'node', oldest: dateOf(all) },
      { name: 'untracked_node', retentionClass: 'graph', oldest: dateOf(untracked), bound },
    ];
    return reportStores({ database: this.database, vault: this.vault, settings: this.settings }, stores);
  }

  @GrpcMethod('StoreService', 'Forget')
  async forget({ tenantId, mailIds }: ForgetRequest): Promise<Record<string, never>> {
    if (!isId(tenantId) || !mailIds.every(isId)) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
    if (mailIds.length > maxMails) throw new Fault('too_large', 'TOO_MANY_MAILS', `At most ${maxMails} mails are forgotten at once.`);
    await this.database.write({ tenant: tenantId }, async (tx) => {
      await lockGraphs(tx, [tenantId]);
      await markForgotten(tx, tenantId, mailIds);
    });
    return {};
  }
}

const dateOf = (time: string | null) => (time === null ? undefined : new Date(time));
