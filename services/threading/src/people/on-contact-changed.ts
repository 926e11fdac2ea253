// Takes who is a contact, by hashed address: their mail is tracked where an inbox captures all of it.
import { Controller, Inject } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { ContactChangedSchema } from '@rejoinder/contracts/events/timeline';
import { Database } from '@rejoinder/runtime/database';
import { bytesText } from '@rejoinder/runtime/rows';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { lockGraphs } from '../graph/graph-store.js';
import type { Tx } from '../tx.js';
import { saveContacts } from './contact-store.js';

@Controller()
export class OnContactChanged {
  constructor(
    private readonly database: Database<Tx>,
    private readonly vault: Vault,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(ContactChangedSchema)
  async contactChanged(batch: Received<typeof ContactChangedSchema>[]): Promise<Outcome | Outcome[]> {
    const hashers = await this.vault.hashers(batch.map(({ event }) => event.tenantId));
    const contacts = batch.flatMap(({ event: { tenantId }, message: { address } }) => {
      const hash = hashers.get(tenantId)?.hash('address', address.toLowerCase());
      // A dead tenant has no key, and no graph any more.
      return hash ? [{ tenantId, hash: bytesText(hash) }] : [];
    });
    const tenants = [...new Set(contacts.map(({ tenantId }) => tenantId))];
    if (tenants.length === 0) return done;
    await this.database.write({ tenants }, async (tx) => {
      await lockGraphs(tx, tenants);
      await saveContacts(tx, contacts, this.clock.now());
    });
    return done;
  }
}
