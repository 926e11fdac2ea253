// Forgets mails that are not tracked before the limit of metadata, on our own clock.
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { delay } from '@rejoinder/base/wait';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, HOUSE_SETTINGS, LOGGER } from '@rejoinder/runtime/tokens';
import { deleteNodes } from './node-store.js';
import type { Tx } from '../tx.js';

const everyMs = 600_000;
/** So much before the limit, as daily partitions are. */
const aheadMs = 4 * 3_600_000;
const dayMs = 86_400_000;
const nodesAtOnce = 1_000;
/** A round ends even if mails expire faster than they are deleted. */
const maxRounds = 1_000;

@Injectable()
export class NodeKeeper implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(HOUSE_SETTINGS) private readonly settings: HouseSettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.#running = this.#run();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** One round; answers how many mails were forgotten. */
  async keep(): Promise<number> {
    const limit = new Date(this.clock.now().getTime() - this.settings.metadataDays * dayMs + aheadMs);
    let total = 0;
    for (let round = 0; round < maxRounds && !this.#stop.signal.aborted; round++) {
      const deleted = await this.database.write('all_tenants', (tx) => deleteNodes(tx, limit, nodesAtOnce));
      total += deleted;
      if (deleted < nodesAtOnce) break;
    }
    if (total > 0) this.logger.info({ mails: total }, 'forgot mails that are not tracked');
    return total;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.keep();
      } catch (error) {
        this.logger.error({ error }, 'mails that are not tracked cannot be forgotten');
      }
      await delay(everyMs, this.#stop.signal);
    }
  }
}
