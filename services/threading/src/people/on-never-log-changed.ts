// Takes the never-log list of a tenant: whom it names is neither tracked nor read from now on.
import { Controller, Inject } from '@nestjs/common';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { NeverLogChangedSchema } from '@rejoinder/contracts/events/connections';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { lockGraphs } from '../graph/graph-store.js';
import type { Tx } from '../tx.js';
import { putNeverLog } from './never-log-store.js';

@Controller()
export class OnNeverLogChanged {
  constructor(
    private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(NeverLogChangedSchema)
  async neverLogChanged(batch: Received<typeof NeverLogChangedSchema>[]): Promise<Outcome | Outcome[]> {
    const now = this.clock.now();
    const lists = batch.map(({ event: { tenantId, sequence }, message }) => {
      const entries = message.entries.map(({ entryHash, since }) => ({
        hash: Buffer.from(entryHash),
        since: since ? timestampDate(since) : now,
      }));
      return { tenantId, revision: Number(sequence), entries };
    });
    const tenants = [...new Set(lists.map(({ tenantId }) => tenantId))];
    await this.database.write({ tenants }, async (tx) => {
      await lockGraphs(tx, tenants);
      for (const list of lists) await putNeverLog(tx, list, now);
    });
    return done;
  }
}
