// Takes what a tenant's settings say of mail among its own people: by the logging address it is logged, or held back.
import { Controller } from '@nestjs/common';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { LoggingChangedSchema } from '@rejoinder/contracts/events/connections';
import { Database } from '@rejoinder/runtime/database';
import { LoggingStore } from './logging-store.js';

@Controller()
export class OnLoggingChanged {
  constructor(
    private readonly database: Database,
    private readonly logging: LoggingStore,
  ) {}

  @On(LoggingChangedSchema)
  async loggingChanged(batch: Received<typeof LoggingChangedSchema>[]): Promise<Outcome | Outcome[]> {
    await this.database.write({ tenants: batch.map(({ event }) => event.tenantId) }, async (tx) => {
      for (const { event, message } of batch) await this.logging.put(tx, event.tenantId, event.sequence, message.logInternal);
    });
    return done;
  }
}
