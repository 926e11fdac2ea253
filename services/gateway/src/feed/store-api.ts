// Answers retention: how old the oldest row of the feed is. It holds ids alone, so there is nothing to forget by mail.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { reportStores, type StoreReport } from '@rejoinder/runtime/store-report';
import { HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import type { Tx } from '../people/tenant-store.js';

@Controller()
export class StoreApi {
  constructor(
    private readonly database: Database<Tx>,
    private readonly vault: Vault,
    @Inject(HOUSE_SETTINGS) private readonly settings: HouseSettings,
  ) {}

  @GrpcMethod('StoreService', 'ListOldest')
  listOldest(): Promise<StoreReport> {
    return reportStores({ database: this.database, vault: this.vault, settings: this.settings });
  }

  @GrpcMethod('StoreService', 'Forget')
  forget(): Record<string, never> {
    return {};
  }
}
