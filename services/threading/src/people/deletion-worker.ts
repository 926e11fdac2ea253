// Deletes logged mail of people on the never-log list, a part at a time: timeline takes it off all timelines and has everyone forget it.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { backoffMs } from '@rejoinder/base/wait';
import { Database } from '@rejoinder/runtime/database';
import { Peers } from '@rejoinder/runtime/peers';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import type { Tx } from '../tx.js';
import { nextToDelete, saveDeleted } from './deletion-store.js';

const mailsAtOnce = 50;
const deadlineMs = 30_000;
const firstWaitMs = 200;
const maxWaitMs = 30_000;

@Injectable()
export class DeletionWorker {
  constructor(
    private readonly database: Database<Tx>,
    private readonly peers: Peers,
    @Inject(CLOCK) private readonly clock: Clock,
    workers: Workers,
  ) {
    workers.add({
      name: 'never-log deletion',
      table: 'never_log_deletion',
      key: 'tenant_id',
      concurrency: 1,
      leaseMs: 120_000,
      work: (job) => this.#work(job),
    });
  }

  async #work({ tenantId, attempts }: Job): Promise<WorkOutcome> {
    const next = await this.database.read({ tenants: [tenantId] }, (tx) => nextToDelete(tx, tenantId, mailsAtOnce));
    if (!next) return workDone;
    const now = this.clock.now();
    // Deleted before the list holds, a mail that is being captured would come after.
    if (!next.isListKnown) return again(new Date(now.getTime() + backoffMs(attempts, firstWaitMs, maxWaitMs)), 'list_not_known');
    const { mailIds } = next;
    if (mailIds.length > 0) await this.peers.client(TimelineService).deleteMails({ tenantId, mailIds }, { deadlineMs });
    const isLast = mailIds.length < mailsAtOnce;
    await this.database.write({ tenants: [tenantId] }, (tx) => saveDeleted(tx, tenantId, next, isLast ? now : null));
    return isLast ? workDone : again(now, 'more');
  }
}
