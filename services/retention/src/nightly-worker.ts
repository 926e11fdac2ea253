// Proves every night, once for all pods, and warns where it does not hold.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import { again, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import type { RetentionSettings } from './config.js';
import { nextAt } from './judge.js';
import { Prover } from './prover.js';

const leaseMs = 60_000;
const pollMs = 60_000;

@Injectable()
export class NightlyWorker {
  constructor(
    private readonly prover: Prover,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: RetentionSettings,
    @Inject(LOGGER) private readonly logger: Logger,
    workers: Workers,
  ) {
    workers.add({ name: 'nightly', table: 'duty', key: 'duty', concurrency: 1, leaseMs, pollMs, work: () => this.#prove() });
  }

  async #prove(): Promise<WorkOutcome> {
    const { holds, verdicts } = await this.prover.prove();
    const failed = verdicts
      .filter((verdict) => !verdict.holds)
      .map(({ owner, store, reason }) => ({ store: store?.name ?? owner, reason }));
    if (holds) this.logger.info({ stores: verdicts.length }, 'retention holds');
    else this.logger.warn({ failed }, 'retention does not hold');
    return again(nextAt(this.settings.proofHour, this.clock.now()), holds ? 'held' : 'did not hold');
  }
}
