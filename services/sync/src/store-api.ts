// Answers retention: how old the oldest of each store is, and that mails are forgotten.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type { ForgetRequest } from '@rejoinder/contracts/store';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { reportStores, type StoreReport } from '@rejoinder/runtime/store-report';
import { HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { CaptureStore } from './capture/capture-store.js';

const maxMails = 100;

@Controller()
export class StoreApi {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly captures: CaptureStore,
    @Inject(HOUSE_SETTINGS) private readonly settings: HouseSettings,
  ) {}

  @GrpcMethod('StoreService', 'ListOldest')
  listOldest(): Promise<StoreReport> {
    return reportStores({ database: this.database, vault: this.vault, settings: this.settings });
  }

  @GrpcMethod('StoreService', 'Forget')
  async forget({ tenantId, mailIds }: ForgetRequest): Promise<Record<string, never>> {
    if (!isId(tenantId) || !mailIds.every(isId)) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
    if (mailIds.length > maxMails) throw new Fault('too_large', 'TOO_MANY_MAILS', `At most ${maxMails} mails are forgotten at once.`);
    await this.database.write({ tenant: tenantId }, (tx) => this.captures.forget(tx, tenantId, mailIds));
    return {};
  }
}
