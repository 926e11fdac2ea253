// Which addresses are a tenant's own, which are logging addresses, and whether mail among its own people is logged.
import { Inject, Injectable } from '@nestjs/common';
import { withoutTag } from '@rejoinder/mail/addresses';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import type { IntakeSettings } from '../config.js';
import { SessionStore } from '../inbox/session-store.js';
import { tenantHash, type TenantHash } from '../inbox/tenant-hash.js';
import { LoggingStore } from './logging-store.js';
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
    private readonly logging: LoggingStore,
    private readonly vault: Vault,
    @Inject(SETTINGS) private readonly settings: Pick<IntakeSettings, 'domain'>,
  ) {}

  async of(tenantId: string): Promise<Tenant> {
    const hash = tenantHash(await this.vault.hasher(tenantId));
    const [own, logsInternal] = await Promise.all([this.sessions.ownAddresses(tenantId), this.logging.logsInternal(tenantId)]);
    const isOwnHash = (addressHash: Buffer) => own.some((one) => one.equals(addressHash));
    return {
      hash,
      isOwnHash,
      isOwn: (key) => [key, withoutTag(key) ?? key].some((one) => isOwnHash(hash.hash('address', one))),
      logsInternal,
      isLoggingAddress: loggingAddresses(this.settings.domain),
    };
  }
}
