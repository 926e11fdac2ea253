// API keys as rows: made, listed and ended by a tenant; of a key only its hash is known.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { newId } from '@rejoinder/base/id';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { ApiKey } from '../generated/client.js';
import { sha256 } from './secrets.js';
import { newKeyRow, type Tx } from './tenant-store.js';

export type ApiKeyRow = ApiKey;

export const maxApiKeys = 100;
/** Keys of a list, those that are ended among them. */
const maxListed = 500;

@Injectable()
export class ApiKeyStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Those that stand, oldest first, then those that are ended, the last end first. */
  list(tenantId: string): Promise<ApiKeyRow[]> {
    const orderBy = [{ endedAt: { sort: 'desc', nulls: 'first' } }, { madeAt: 'asc' }] as const;
    return this.database.read({ tenant: tenantId }, (tx) =>
      tx.apiKey.findMany({ where: { tenantId }, orderBy: [...orderBy], take: maxListed }),
    );
  }

  add(tenantId: string, name: string, key: string): Promise<ApiKeyRow> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      // Two at once might else both be the last that there is room for.
      await tx.$queryRawUnsafe('select 1 from tenant where tenant_id = $1::uuid for update', tenantId);
      if ((await tx.apiKey.count({ where: { tenantId, endedAt: null } })) >= maxApiKeys) throw faultOf('API_KEYS_MANY');
      return tx.apiKey.create({ data: newKeyRow({ tenantId, apiKeyId: newId(), key, name, madeAt: this.clock.now() }) });
    });
  }

  /** For ever; nothing where it was ended before, or never was. Not the key whose hash is the caller's: nobody locks themselves out. */
  async end(tenantId: string, apiKeyId: string, callerId: string): Promise<boolean> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      const row = await tx.apiKey.findFirst({ where: { tenantId, apiKeyId, endedAt: null } });
      if (!row) return false;
      const hash = Buffer.from(row.sha256);
      if (hash.toString('hex') === callerId) throw faultOf('API_KEY_OWN');
      const ended = await tx.apiKey.updateMany({
        where: { tenantId, apiKeyId, endedAt: null },
        data: { endedAt: this.clock.now(), sha256: sha256(hash) },
      });
      return ended.count > 0;
    });
  }
}
