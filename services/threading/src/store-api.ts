// Answers retention: how old the oldest mail of the graph is. Threading keeps hashes only, so there is nothing to forget by mail.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { reportStores, type OwnStore, type StoreReport } from '@rejoinder/runtime/store-report';
import { HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { oldestNodes } from './graph/node-store.js';
import type { Tx } from './tx.js';

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
  forget(): Record<string, never> {
    return {};
  }
}

const dateOf = (time: string | null) => (time === null ? undefined : new Date(time));
