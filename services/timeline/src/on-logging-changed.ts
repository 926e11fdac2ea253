// Takes what the settings of a tenant say of whom its mail stands with: who becomes a contact by it, and whether mail among its own people is logged.
import { Controller, Inject } from '@nestjs/common';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { contactPolicies, type ContactPolicy } from '@rejoinder/contracts/contact-policies';
import { LoggingChangedSchema, type LoggingChanged } from '@rejoinder/contracts/events/connections';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { putRules } from './contact/rules-store.js';
import type { Tx } from './tx.js';

@Controller()
export class OnLoggingChanged {
  constructor(
    private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(LoggingChangedSchema)
  async loggingChanged(batch: Received<typeof LoggingChangedSchema>[]): Promise<Outcome[]> {
    const sound = batch.filter(({ message }) => isSound(message));
    const tenants = [...new Set(sound.map(({ event }) => event.tenantId))].sort();
    await this.database.write({ tenants }, async (tx) => {
      for (const { event, message } of sound) {
        const internalUntil = message.internalUntil ? timestampDate(message.internalUntil) : null;
        const rules = { makeContacts: message.makeContacts as ContactPolicy, logInternal: message.logInternal, internalUntil };
        await putRules(tx, event.tenantId, Number(event.sequence), rules, this.clock.now());
      }
    });
    return batch.map(({ message }) => (isSound(message) ? done : deadLetter('malformed')));
  }
}

const isSound = (message: LoggingChanged): boolean => contactPolicies.some((one) => one === message.makeContacts);
