// Puts one more address on a contact, which may make one of two contacts, and takes one off.
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import type { Clock } from '@rejoinder/base/clock';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { EngagementWriter } from '../engagement/engagement-writer.js';
import type { Tx } from '../tx.js';
import {
  doubles,
  dropAddress,
  lockLiving,
  lockMailIds,
  mailsOn,
  moveContact,
  moveEngagements,
  moveTombstones,
  ownerOf,
  raiseContact,
  takeAddress,
} from './address-store.js';
import { contactBusy, contactById, isContactBusy, touchContacts, type ContactRow, type ShownContact } from './contact-store.js';

/** Beside the first. */
const maxOthers = 20;
/** What one transaction moves: it takes about a second. */
const maxMoved = 10_000;
/** A contact that changes while its locks are awaited is looked at anew. */
const maxTries = 3;

export interface Added {
  contact: ShownContact;
  /** The contact that went into this one. */
  mergedContactId: string | undefined;
}

@Injectable()
export class AddressWriter {
  constructor(
    private readonly database: Database<Tx>,
    private readonly engagements: EngagementWriter,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Takes an address in lower case that is nobody's own. */
  add(tenantId: string, contactId: string, address: string): Promise<Added> {
    return this.#write(tenantId, async (tx) => {
      const { contactId: into } = await living(tx, tenantId, contactId);
      const owner = await ownerOf(tx, tenantId, address);
      if (owner === undefined) await this.#take(tx, tenantId, into, address);
      else if (owner !== into) await this.#merge(tx, tenantId, owner, into);
      const mergedContactId = owner === into ? undefined : owner;
      return { contact: await living(tx, tenantId, into), mergedContactId };
    });
  }

  remove(tenantId: string, contactId: string, address: string): Promise<ShownContact> {
    return this.#write(tenantId, async (tx) => {
      const contact = await living(tx, tenantId, contactId);
      if (!(await lockLiving(tx, tenantId, [contact.contactId]))) throw contactBusy();
      if (contact.address.toLowerCase() === address)
        throw new Fault('conflict', 'FIRST_ADDRESS', 'A contact keeps the address that it was made with; only others can be removed.');
      if (!(await dropAddress(tx, tenantId, contact.contactId, address)))
        throw new Fault('not_found', 'ADDRESS_NOT_FOUND', 'This contact has no such address.');
      await this.#changed(tx, tenantId, contact.contactId);
      return living(tx, tenantId, contact.contactId);
    });
  }

  async #take(tx: Tx, tenantId: string, contactId: string, address: string): Promise<void> {
    const isTaken = await takeAddress(tx, tenantId, contactId, address, this.clock.now());
    if (!(await lockLiving(tx, tenantId, [contactId])) || !isTaken) throw contactBusy();
    await this.#changed(tx, tenantId, contactId);
  }

  /** The mails first, then both contacts, then what stands there: the order in which everybody locks. */
  async #merge(tx: Tx, tenantId: string, from: string, into: string): Promise<void> {
    const mailIds = await mailsOn(tx, tenantId, from, maxMoved + 1);
    if (mailIds.length > maxMoved)
      throw new Fault(
        'too_large',
        'TOO_MANY_MAILS',
        `On the contact with this address stand more than ${maxMoved} mails, too many to move.`,
      );
    await lockMailIds(tx, tenantId, mailIds);
    if (!(await lockLiving(tx, tenantId, [from, into]))) throw contactBusy();
    const locked = new Set(mailIds);
    // From here on no mail comes to either; one that came before its contact was locked, we have not locked.
    if (!(await mailsOn(tx, tenantId, from, maxMoved + 1)).every((mailId) => locked.has(mailId))) throw contactBusy();
    const gone = await this.engagements.merged(tx, await doubles(tx, tenantId, from, into));
    const moved = this.engagements.loggedAgain(await moveEngagements(tx, tenantId, from, into));
    await moveTombstones(tx, tenantId, from, into);
    const revision = await moveContact(tx, tenantId, from, into);
    await this.#changed(tx, tenantId, into);
    await touchContacts(tx, tenantId, [into]);
    await this.engagements.contactMerged(tx, [...gone, ...moved], { tenantId, contactId: from, into, revision });
  }

  async #changed(tx: Tx, tenantId: string, contactId: string): Promise<ContactRow> {
    const contact = await raiseContact(tx, tenantId, contactId);
    if (contact.otherAddresses.length > maxOthers)
      throw new Fault('too_large', 'TOO_MANY_ADDRESSES', `A contact has at most ${maxOthers} addresses beside its first: remove one.`);
    await this.engagements.contactChanged(tx, tenantId, contact);
    return contact;
  }

  async #write<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.database.write({ tenant: tenantId }, work);
      } catch (error) {
        if (!isContactBusy(error) || tries === maxTries) throw error;
      }
    }
  }
}

async function living(tx: Tx, tenantId: string, contactId: string): Promise<ShownContact> {
  const contact = await contactById(tx, tenantId, contactId);
  if (!contact) throw contactNotFound();
  return contact;
}

export const contactNotFound = () => new Fault('not_found', 'CONTACT_NOT_FOUND', 'There is no such contact.');
