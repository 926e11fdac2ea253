// Asks every owner of data how old its oldest items are; one that does not answer in time is an answer too.
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { delay } from '@rejoinder/base/wait';
import type { Logger } from '@rejoinder/runtime/logging';
import { Peers } from '@rejoinder/runtime/peers';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import type { RetentionSettings } from './config.js';
import type { Answer } from './judge.js';

const shortestAskMs = 500;
const retryMs = 500;

@Injectable()
export class OwnersClient {
  constructor(
    private readonly peers: Peers,
    @Inject(SETTINGS) private readonly settings: RetentionSettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** All at once. */
  ask(): Promise<Answer[]> {
    return Promise.all(services.map((owner) => this.#ask(owner)));
  }

  /** Again until time is up: an owner that has just started is for a moment still taken for unreachable. */
  async #ask(owner: ServiceName): Promise<Answer> {
    const askUntil = Date.now() + this.settings.answerSeconds * 1_000;
    for (;;) {
      try {
        const deadlineMs = Math.max(askUntil - Date.now(), shortestAskMs);
        const { stores } = await this.peers.storeOf(owner).listOldest({}, { deadlineMs });
        return { owner, stores };
      } catch (error) {
        if (Date.now() + retryMs < askUntil) {
          await delay(retryMs);
          continue;
        }
        this.logger.warn({ owner, error }, 'an owner did not tell of its stores');
        return { owner, failure: `It did not answer (${error instanceof Fault ? error.code : 'unknown'}).` };
      }
    }
  }
}
