// gRPC: what retention asks of every owner of data; connections keeps nothing of a mail.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { reportStores, type StoreReport } from '@rejoinder/runtime/store-report';
import { HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';

@Controller()
export class StoreApi {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    @Inject(HOUSE_SETTINGS) private readonly house: HouseSettings,
  ) {}

  @GrpcMethod('StoreService', 'ListOldest')
  listOldest(): Promise<StoreReport> {
    return reportStores({ database: this.database, vault: this.vault, settings: this.house });
  }

  @GrpcMethod('StoreService', 'Forget')
  forget(): Record<string, never> {
    return {};
  }
}
