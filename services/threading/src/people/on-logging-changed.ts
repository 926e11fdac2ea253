// Takes what a tenant's settings say of mail among its own people: it is tracked from now on, or neither tracked nor read.
import { Controller, Inject } from '@nestjs/common';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { LoggingChangedSchema } from '@rejoinder/contracts/events/connections';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { lockGraphs } from '../graph/graph-store.js';
import type { Tx } from '../tx.js';
import { putInternal } from './internal-store.js';

@Controller()
export class OnLoggingChanged {
  constructor(
    private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(LoggingChangedSchema)
  async loggingChanged(batch: Received<typeof LoggingChangedSchema>[]): Promise<Outcome | Outcome[]> {
    const told = batch.map(({ event: { tenantId, sequence }, message: { logInternal, internalUntil } }) => {
      return { tenantId, revision: Number(sequence), isLogged: logInternal, until: internalUntil ? timestampDate(internalUntil) : null };
    });
    const tenants = [...new Set(told.map(({ tenantId }) => tenantId))];
    await this.database.write({ tenants }, async (tx) => {
      await lockGraphs(tx, tenants);
      for (const one of told) await putInternal(tx, one, this.clock.now());
    });
    return done;
  }
}
