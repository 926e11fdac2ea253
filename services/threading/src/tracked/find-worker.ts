// Ends the search for a tracked Message-ID that turned up nowhere in time; the ghost stays, and is found if it is seen later.
import { Injectable } from '@nestjs/common';
import { Database } from '@rejoinder/runtime/database';
import { workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import type { Tx } from '../tx.js';
import { endSearch } from './tracked-store.js';

@Injectable()
export class FindWorker {
  constructor(
    private readonly database: Database<Tx>,
    workers: Workers,
  ) {
    workers.add({ name: 'find', table: 'tracked_id', key: 'tracked_id', concurrency: 4, leaseMs: 30_000, work: (job) => this.#work(job) });
  }

  async #work({ tenantId, key }: Job): Promise<WorkOutcome> {
    await this.database.write({ tenants: [tenantId] }, (tx) => endSearch(tx, tenantId, key));
    return workDone;
  }
}
