// Looks for a Message-ID among what was observed. What is not there yet is told by the first sync or on its arrival, so there is nothing to scan for.
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { Owner } from '../inbox/owner-store.js';
import { SearchStore } from './search-store.js';

const concurrency = 4;
const leaseMs = 60_000;
/** A mail that was being saved at the first look is found by the next. */
const lookEveryMs = 60_000;

@Injectable()
export class SearchWorker implements OnModuleInit {
  constructor(
    private readonly workers: Workers,
    private readonly owner: Owner,
    private readonly searches: SearchStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.workers.add({
      name: 'search',
      table: 'search',
      key: 'search_id',
      filter: { where: 'partition = any ($5::int[])', value: () => this.owner.partitions() },
      concurrency,
      leaseMs,
      work: (job) => this.#work(job),
    });
  }

  async #work({ tenantId, key }: Job): Promise<WorkOutcome> {
    const search = await this.searches.find(tenantId, key);
    if (!search) return workDone;
    const now = this.clock.now();
    if ((await this.searches.sayAgain(search)) || search.until <= now) {
      await this.searches.remove(search);
      return workDone;
    }
    return again(new Date(Math.min(now.getTime() + lookEveryMs, search.until.getTime())), 'not_seen');
  }
}
