// Takes who is a contact, by hashed addresses: their mail is tracked where an inbox captures all of it.
import { Controller, Inject } from '@nestjs/common';
import { isId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { deadLetter, done, type LoggedEvent, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { ContactChangedSchema, ContactMergedSchema } from '@rejoinder/contracts/events/timeline';
import { Database } from '@rejoinder/runtime/database';
import { bytesText } from '@rejoinder/runtime/rows';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { lockGraphs } from '../graph/graph-store.js';
import type { Tx } from '../tx.js';
import { saveContacts } from './contact-store.js';

interface Told {
  event: LoggedEvent;
  contactId: string;
  addresses: string[];
}

@Controller()
export class OnContactChanged {
  constructor(
    private readonly database: Database<Tx>,
    private readonly vault: Vault,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(ContactChangedSchema)
  contactChanged(batch: Received<typeof ContactChangedSchema>[]): Promise<Outcome[]> {
    return this.#take(
      batch.map(({ event, message: { contactId, address, otherAddresses } }) => ({
        event,
        contactId,
        addresses: [address, ...otherAddresses],
      })),
    );
  }

  /** Its addresses are told again, of the contact that it went into. */
  @On(ContactMergedSchema)
  contactMerged(batch: Received<typeof ContactMergedSchema>[]): Promise<Outcome[]> {
    return this.#take(batch.map(({ event, message: { contactId } }) => ({ event, contactId, addresses: [] })));
  }

  async #take(told: Told[]): Promise<Outcome[]> {
    const sound = told.filter(({ contactId }) => isId(contactId));
    await this.#save(sound);
    return told.map((one) => (sound.includes(one) ? done : deadLetter('malformed')));
  }

  async #save(told: Told[]): Promise<void> {
    const hashers = await this.vault.hashers(told.map(({ event }) => event.tenantId));
    const contacts = told.flatMap(({ event: { tenantId, sequence }, contactId, addresses }) => {
      const hasher = hashers.get(tenantId);
      // A dead tenant has no key, and no graph any more.
      if (!hasher) return [];
      const hashes = addresses.map((address) => bytesText(hasher.hash('address', address.toLowerCase())));
      return [{ tenantId, contactId, revision: Number(sequence), hashes }];
    });
    const tenants = [...new Set(contacts.map(({ tenantId }) => tenantId))];
    if (tenants.length === 0) return;
    await this.database.write({ tenants }, async (tx) => {
      await lockGraphs(tx, tenants);
      await saveContacts(tx, contacts, this.clock.now());
    });
  }
}
