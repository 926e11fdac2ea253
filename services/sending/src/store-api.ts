// gRPC: what retention and timeline ask of every owner of data: how old the oldest is, and to forget a mail.
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
import { OutletStore } from './delivery/outlet-store.js';

const maxForget = 100;

@Controller()
export class StoreApi {
  constructor(
    private readonly store: OutletStore,
    private readonly database: Database,
    private readonly vault: Vault,
    @Inject(HOUSE_SETTINGS) private readonly house: HouseSettings,
  ) {}

  @GrpcMethod('StoreService', 'ListOldest')
  async listOldest(): Promise<StoreReport> {
    const sends = { name: 'send', oldest: await this.store.oldestSend() };
    return reportStores({ database: this.database, vault: this.vault, settings: this.house }, [sends]);
  }

  @GrpcMethod('StoreService', 'Forget')
  async forget({ tenantId, mailIds }: ForgetRequest): Promise<Record<string, never>> {
    if (mailIds.length > maxForget || !mailIds.every(isId))
      throw new Fault('invalid', 'MAIL_IDS', `Forget takes up to ${maxForget} ids of mails.`);
    if (mailIds.length > 0) await this.store.forget(tenantId, mailIds);
    return {};
  }
}
