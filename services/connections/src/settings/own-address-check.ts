// Refuses to take for an own address what the tenant has otherwise: a contact whose mail stands on a timeline, or another inbox.
import { Injectable } from '@nestjs/common';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { withoutTag } from '@rejoinder/mail/addresses';
import { Peers } from '@rejoinder/runtime/peers';
import { SettingsStore } from './settings-store.js';

const withTagless = (address: string): string[] => [address, withoutTag(address) ?? address];

@Injectable()
export class OwnAddressCheck {
  constructor(
    private readonly store: SettingsStore,
    private readonly peers: Peers,
  ) {}

  /** Takes addresses in lower case that an inbox, or one that is about to be connected, is to have; what it has already is not asked about. */
  async refuseTaken(tenantId: string, addresses: readonly string[], ofInbox?: string): Promise<void> {
    if (addresses.length === 0) return;
    const inboxes = await this.store.ownAddresses(tenantId);
    const has = new Set(inboxes.find(({ inboxId }) => inboxId === ofInbox)?.addresses);
    const fresh = addresses.filter((address) => !has.has(address));
    const others = new Set(inboxes.filter(({ inboxId }) => inboxId !== ofInbox).flatMap((one) => one.addresses));
    if (fresh.some((address) => withTagless(address).some((one) => others.has(one)))) throw faultOf('ADDRESS_OF_INBOX');
    await this.#refuseContacts(tenantId, fresh);
  }

  /** Else whoever may change settings could take a customer's mail off all timelines by a word, or by a slip. */
  async #refuseContacts(tenantId: string, fresh: string[]): Promise<void> {
    if (fresh.length === 0) return;
    const asked = { tenantId, addresses: fresh.flatMap(withTagless) };
    const { contacts } = await this.peers.client(TimelineService).findContacts(asked);
    if (contacts.some(({ engagements }) => engagements > 0n)) throw faultOf('ADDRESS_OF_CONTACT');
  }
}
