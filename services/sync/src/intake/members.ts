// Which addresses are a tenant's own, and which are logging addresses.
import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import type { IntakeSettings } from '../config.js';
import { SessionStore } from '../inbox/session-store.js';
import { tenantHash, type TenantHash } from '../inbox/tenant-hash.js';
import { loggingAddresses } from './logging-address.js';
import type { Knows } from './sort.js';

export interface Tenant extends Knows {
  hash: TenantHash;
  isOwnHash: (addressHash: Buffer) => boolean;
}

@Injectable()
export class Members {
  constructor(
    private readonly sessions: SessionStore,
    private readonly vault: Vault,
    @Inject(SETTINGS) private readonly settings: Pick<IntakeSettings, 'domain'>,
  ) {}

  async of(tenantId: string): Promise<Tenant> {
    const hash = tenantHash(await this.vault.hasher(tenantId));
    const own = await this.sessions.ownAddresses(tenantId);
    const isOwnHash = (addressHash: Buffer) => own.some((one) => one.equals(addressHash));
    return {
      hash,
      isOwnHash,
      isOwn: (key) => isOwnHash(hash.hash('address', key)),
      isLoggingAddress: loggingAddresses(this.settings.domain),
    };
  }
}
