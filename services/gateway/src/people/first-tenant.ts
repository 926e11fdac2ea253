// Makes the first tenant at start where somebody is meant to use this installation, and says who it is.
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { newId } from '@rejoinder/base/id';
import { event, Outbox } from '@rejoinder/bus/outbox';
import { TenantCreatedSchema } from '@rejoinder/contracts/events/gateway';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK, SETTINGS } from '@rejoinder/runtime/tokens';
import type { GatewaySettings } from '../config.js';
import { addKey, lockTenants, newKeyRow, oldestTenant, saveTenant, type NewApiKey, type Tx } from './tenant-store.js';

@Injectable()
export class FirstTenant implements OnModuleInit {
  /** Of the one who signs in at the console; undefined where there is no tenant. */
  tenantId: string | undefined;

  constructor(
    private readonly database: Database<Tx>,
    private readonly outbox: Outbox,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: GatewaySettings,
  ) {}

  /** Before the first request is taken. */
  async onModuleInit(): Promise<void> {
    const { consoleToken, bootstrapApiKey } = this.settings;
    this.tenantId = await this.database.read('all_tenants', oldestTenant);
    if (!this.tenantId && (consoleToken || bootstrapApiKey)) this.tenantId = await this.#make();
    else if (this.tenantId) await this.#keep(this.tenantId);
  }

  /** Another key than the one of the first start is one more. */
  async #keep(tenantId: string): Promise<void> {
    const key = this.#key(tenantId, this.clock.now());
    if (key) await this.database.write('all_tenants', (tx) => addKey(tx, key));
  }

  #make(): Promise<string> {
    return this.database.write('all_tenants', async (tx) => {
      await lockTenants(tx);
      const there = await oldestTenant(tx);
      if (there) return there;
      const tenantId = newId();
      const madeAt = this.clock.now();
      await saveTenant(tx, { tenantId, name: 'Default', madeAt }, this.#key(tenantId, madeAt));
      await this.outbox.add(tx, [
        event({ topic: 'rejoinder.gateway.v1', key: tenantId, tenantId, schema: TenantCreatedSchema, message: { tenantId } }),
      ]);
      return tenantId;
    });
  }

  #key(tenantId: string, madeAt: Date): NewApiKey | undefined {
    const key = this.settings.bootstrapApiKey?.reveal();
    if (!key) return undefined;
    return newKeyRow({ tenantId, apiKeyId: newId(), key, name: 'Bootstrap', madeAt });
  }
}
