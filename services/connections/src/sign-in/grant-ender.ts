// Ends the grant of an inbox that was removed, at its provider: our copy is gone by then, so it is tried once, beside everything else.
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER } from '@rejoinder/runtime/tokens';
import { CredentialBox } from '../credential-box.js';
import { InboxStore, type RemovedInbox } from '../inbox-store.js';
import { OAuthClient } from './oauth-client.js';

/** A thousand inboxes that are removed at once must not hold a thousand grants in memory: those beyond it stay until the person ends them. */
const maxAtOnce = 100;

@Injectable()
export class GrantEnder implements OnModuleDestroy {
  /** Each ends within the time-outs of asking a provider. */
  readonly #ending = new Set<Promise<void>>();

  constructor(
    private readonly inboxes: InboxStore,
    private readonly box: CredentialBox,
    private readonly oauth: OAuthClient,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Begins; nobody waits for it. */
  end(removed: RemovedInbox): void {
    if (removed.row.oauthProvider === '' || this.#ending.size >= maxAtOnce) return;
    const ending = this.#end(removed).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.#ending);
  }

  async #end({ row, sealed, version }: RemovedInbox): Promise<void> {
    const { tenantId, inboxId } = row;
    try {
      // Google ends all that a person has granted to a program, not the one token: connected elsewhere, that would be lost with it.
      if (await this.inboxes.isSignedIn(row)) return;
      const { grant } = await this.box.open(tenantId, inboxId, version, sealed);
      if (!grant) return;
      const isEnded = await this.oauth.revoke(this.oauth.provider(grant.provider), grant);
      this.logger.info({ inboxId, provider: grant.provider, isEnded }, 'the grant of a removed inbox is ended at its provider');
    } catch (error) {
      this.logger.warn({ inboxId, error }, 'the grant of a removed inbox could not be ended at its provider: its owner can do so there');
    }
  }
}
