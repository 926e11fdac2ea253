// Asks every owner of data how old its oldest items are; one that does not answer in time is an answer too.
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import type { Logger } from '@rejoinder/runtime/logging';
import { Peers } from '@rejoinder/runtime/peers';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { LOGGER } from '@rejoinder/runtime/tokens';
import type { Answer } from './judge.js';

const answerWithinMs = 5_000;

@Injectable()
export class OwnersClient {
  constructor(
    private readonly peers: Peers,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** All at once. */
  ask(): Promise<Answer[]> {
    return Promise.all(services.map((owner) => this.#ask(owner)));
  }

  async #ask(owner: ServiceName): Promise<Answer> {
    try {
      const { stores } = await this.peers.storeOf(owner).listOldest({}, { deadlineMs: answerWithinMs });
      return { owner, stores };
    } catch (error) {
      this.logger.warn({ owner, error }, 'an owner did not tell of its stores');
      return { owner, failure: `It did not answer (${error instanceof Fault ? error.code : 'unknown'}).` };
    }
  }
}
