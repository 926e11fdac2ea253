// Judges again, a part at a time, the mails that one batch could not reach or whose people changed with a new own address.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { lockGraphs, ownInboxes } from '../graph/graph-store.js';
import { GraphWriter } from '../graph/graph-writer.js';
import type { Tx } from '../tx.js';
import { takeRechecks } from './verdict-store.js';

const mailsAtOnce = 500;

@Injectable()
export class RecheckWorker {
  constructor(
    private readonly database: Database<Tx>,
    private readonly graph: GraphWriter,
    @Inject(CLOCK) private readonly clock: Clock,
    workers: Workers,
  ) {
    workers.add({
      name: 'recheck',
      table: 'tenant_graph',
      key: 'tenant_id',
      concurrency: 1,
      leaseMs: 60_000,
      work: (job) => this.#work(job),
    });
  }

  async #work({ tenantId, traceparent }: Job): Promise<WorkOutcome> {
    const count = await this.database.write({ tenants: [tenantId] }, async (tx) => {
      await lockGraphs(tx, [tenantId]);
      const mails = await takeRechecks(tx, tenantId, mailsAtOnce);
      await this.graph.judgeAgain(tx, mails, await ownInboxes(tx, [tenantId]), () => traceparent);
      return mails.length;
    });
    return count < mailsAtOnce ? workDone : again(this.clock.now(), 'more');
  }
}
