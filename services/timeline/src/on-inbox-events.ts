// Takes which addresses are the tenant's own: they are nobody's contacts. Engagements outlive the inbox they came through.
import { Controller, Inject } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { InboxConnectedSchema, InboxRemovedSchema, SettingsChangedSchema, type Settings } from '@rejoinder/contracts/events/connections';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { saveOtherAddresses, saveOwnAddresses, type OtherAddresses } from './contact/inbox-store.js';
import type { Tx } from './tx.js';

@Controller()
export class OnInboxEvents {
  constructor(
    private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(InboxConnectedSchema)
  async inboxConnected(batch: Received<typeof InboxConnectedSchema>[]): Promise<Outcome | Outcome[]> {
    const rows = batch.map(({ event, message: { inboxId, address } }) => ({ tenantId: event.tenantId, inboxId, address }));
    const tenants = [...new Set(rows.map(({ tenantId }) => tenantId))];
    await this.database.write({ tenants }, async (tx) => {
      await saveOwnAddresses(tx, rows, this.clock.now());
      await saveOtherAddresses(tx, batch.map(othersOf), this.clock.now());
    });
    return done;
  }

  @On(SettingsChangedSchema)
  async settingsChanged(batch: Received<typeof SettingsChangedSchema>[]): Promise<Outcome | Outcome[]> {
    const tenants = [...new Set(batch.map(({ event }) => event.tenantId))];
    await this.database.write({ tenants }, (tx) => saveOtherAddresses(tx, batch.map(othersOf), this.clock.now()));
    return done;
  }

  /** The address stays own: whose it was does not turn old mail into a contact's. */
  @On(InboxRemovedSchema)
  async inboxRemoved(batch: Received<typeof InboxRemovedSchema>[]): Promise<Outcome | Outcome[]> {
    const rows = batch.map(({ event, message: { inboxId, address } }) => ({ tenantId: event.tenantId, inboxId, address }));
    const named = rows.filter(({ address }) => address !== '');
    const tenants = [...new Set(named.map(({ tenantId }) => tenantId))];
    if (named.length > 0) await this.database.write({ tenants }, (tx) => saveOwnAddresses(tx, named, this.clock.now()));
    return done;
  }
}

interface Told {
  event: Received['event'];
  message: { inboxId: string; settings?: Settings | undefined };
}

function othersOf({ event, message }: Told): OtherAddresses {
  const others = (message.settings?.ownAddresses ?? []).map((address) => address.toLowerCase());
  return { tenantId: event.tenantId, inboxId: message.inboxId, revision: Number(event.sequence), others };
}
