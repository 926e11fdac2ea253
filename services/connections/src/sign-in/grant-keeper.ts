// Gives out credentials, with an access token that is good: refreshed by one process at a time, and stored before it is used.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { backoffMs, delay } from '@rejoinder/base/wait';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { HostBrake } from '@rejoinder/runtime/host-brake';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { traceIdOf, traceparentOfTrouble } from '@rejoinder/runtime/trace';
import { CredentialBox, type OpenCredential } from '../credential-box.js';
import { InboxStore, type InboxRow } from '../inbox-store.js';
import { freshness, type Grant } from './grant.js';
import { GrantStore, type GrantRow } from './grant-store.js';
import { OAuthClient } from './oauth-client.js';

export interface KnownCredential {
  row: InboxRow;
  version: bigint;
  open: OpenCredential;
}

/** How long a caller waits for the refresh of another process, and how often it looks. */
const waitMs = 12_000;
const lookEveryMs = 100;
/** A rotated refresh token that is lost is lost for good: saving it is tried for about ten seconds. */
const saveTries = 6;
const firstSaveRetryMs = 300;
const maxSaveRetryMs = 4_000;

@Injectable()
export class GrantKeeper {
  /** A provider that hangs is not waited for by every inbox that has a grant of it: others are in the same line. */
  readonly #brake = new HostBrake(['OAUTH_UNAVAILABLE']);

  constructor(
    private readonly inboxes: InboxStore,
    private readonly grants: GrantStore,
    private readonly box: CredentialBox,
    private readonly oauth: OAuthClient,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** As it stands, or with a new access token; throws OAUTH_REVOKED where there will be none without the person, OAUTH_UNAVAILABLE where there is none now. */
  async credential(tenantId: string, inboxId: string, refusedToken: string): Promise<KnownCredential> {
    const until = performance.now() + waitMs;
    for (;;) {
      const { row, sealed, version } = await this.inboxes.credential(tenantId, inboxId);
      const open = await this.box.open(tenantId, inboxId, version, sealed);
      if (!open.grant) return { row, version, open };
      if (isRevoked(row)) throw faultOf('OAUTH_REVOKED');
      const state = freshness(open.grant, refusedToken, this.clock.now());
      if (state === 'fresh') return { row, version, open };
      const known = { tenantId, inboxId, version, sealed };
      const lease = await this.grants.claim(known);
      const renewed = lease && (await this.#refresh(known, lease, open, state === 'ending'));
      if (renewed) return { row, version, open: { username: open.username, grant: renewed } };
      // Another process refreshes it just now, or has done so: what ends soon is good enough meanwhile.
      if (state === 'ending') return { row, version, open };
      if (performance.now() > until) throw faultOf('OAUTH_UNAVAILABLE');
      await delay(lookEveryMs);
    }
  }

  /** Undefined where somebody else's newer one is to be read, or the old one is still good and there is no new one now. */
  async #refresh(known: GrantRow, lease: string, { username, grant }: OpenCredential & { grant: Grant }, stillGood: boolean) {
    let renewed: Grant;
    try {
      const refresh = () => this.oauth.refresh(this.oauth.provider(grant.provider), grant);
      renewed = await this.#brake.through(grant.provider, known.inboxId, refresh);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (error.code === 'OAUTH_REVOKED') return this.#revoked(known, error);
      await this.grants.release(known, lease);
      if (stillGood) return undefined;
      throw error;
    }
    const sealed = await this.box.seal(known.tenantId, known.inboxId, known.version, { username, grant: renewed });
    const saved = await this.#save(() => this.grants.save(known, lease, sealed));
    this.logger.info({ inboxId: known.inboxId, provider: grant.provider, saved }, 'access token refreshed');
    return saved ? renewed : undefined;
  }

  async #save(save: () => Promise<boolean>): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await save();
      } catch (error) {
        if (attempt >= saveTries) throw error;
        this.logger.warn({ error, attempt }, 'a refreshed grant could not be saved yet');
        await delay(backoffMs(attempt, firstSaveRetryMs, maxSaveRetryMs));
      }
    }
  }

  /** Unless the refused refresh token has been replaced since: then the newer one is to be read. */
  async #revoked(known: GrantRow, fault: Fault): Promise<undefined> {
    const traceId = traceIdOf(traceparentOfTrouble());
    const told = await this.inboxes.takeRevocation(known, fault.code, traceId);
    this.logger.info({ inboxId: known.inboxId, told, traceId }, 'a provider has withdrawn its grant');
    if (told) throw fault;
  }
}

const isRevoked = ({ receivingReason, sendingReason }: InboxRow) => [receivingReason, sendingReason].includes('OAUTH_REVOKED');
