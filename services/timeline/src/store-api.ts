// Answers retention: how old the oldest of each store is, and what waits to be forgotten.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { reportStores, type StoreReport } from '@rejoinder/runtime/store-report';
import { HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { timelineAges } from './forget/forget-store.js';
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
    const { database, vault, settings } = this;
    const ages = await database.read('all_tenants', timelineAges);
    return reportStores({ database, vault, settings }, [
      { name: 'mail', oldest: dateOf(ages.mail), toForget: ages.toForget, toForgetSince: dateOf(ages.toForgetSince) },
      { name: 'engagement', oldest: dateOf(ages.engagement) },
      { name: 'contact', oldest: dateOf(ages.contact) },
    ]);
  }

  /** What timeline keeps of a mail it has forgotten itself before it asks the others. */
  @GrpcMethod('StoreService', 'Forget')
  forget(): Record<string, never> {
    return {};
  }
}

const dateOf = (time: string | null) => (time === null ? undefined : new Date(time));
