// Tells of this service's own stores, and of the event log, which belongs to all and to nobody else.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { EventLog } from '@rejoinder/bus/event-log';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { boundOf, oldestOf, reportStores, storeLine, type StoreReport } from '@rejoinder/runtime/store-report';
import { EVENT_LOG, HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';

/** Topics are made with 3 days; a segment of 6 hours goes as a whole, and only when it is next looked at. */
const kafkaBound = { setting: 'retention.ms', limitDays: 4 };
const localLog = { tableName: 'log', retentionClass: 'wire', dayColumn: 'appended_at' };

@Controller()
export class StoreApi {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    @Inject(HOUSE_SETTINGS) private readonly settings: HouseSettings,
    @Inject(EVENT_LOG) private readonly eventLog: EventLog,
  ) {}

  @GrpcMethod('StoreService', 'ListOldest')
  async listOldest(): Promise<StoreReport> {
    const { database, vault, settings } = this;
    const { stores = [] } = await reportStores({ database, vault, settings });
    return { stores: [...stores, await this.#log()] };
  }

  /** Nothing of a mail is kept here. */
  @GrpcMethod('StoreService', 'Forget')
  forget(): object {
    return {};
  }

  async #log() {
    const { bus } = this.settings;
    if (bus === 'kafka')
      return storeLine('kafka', { name: 'log', retentionClass: 'wire', oldest: await this.eventLog.oldest(), bound: kafkaBound });
    const oldest = await oldestOf(this.database.pool, 'bus', localLog);
    return storeLine('bus', { name: 'log', retentionClass: 'wire', oldest, bound: boundOf('wire', this.settings) });
  }
}
