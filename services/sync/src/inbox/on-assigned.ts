// Takes what Kafka's group coordinator, or the local log, says this pod owns.
import { Controller, Inject } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { OnAssigned } from '@rejoinder/bus/on';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { Holders } from './holders.js';
import { Owner } from './owner-store.js';

@Controller()
export class AssignedHandler {
  constructor(
    private readonly owner: Owner,
    private readonly holders: Holders,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @OnAssigned('rejoinder.sync.commands.v1')
  async assigned(partitions: number[]): Promise<void> {
    await this.owner.assigned(partitions, this.clock.now());
    // Not waited for, or the heartbeat would: what is lost is fenced already.
    void this.holders.letGoUnless((partition) => this.owner.owns(partition));
    this.logger.info({ partitions: partitions.length }, 'partitions assigned');
  }
}
