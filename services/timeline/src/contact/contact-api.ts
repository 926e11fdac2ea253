// Answers who the contacts are, and takes what is said of their addresses.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import type {
  AddContactAddressRequest,
  AddContactAddressResponseSchema,
  ContactSchema,
  FindContactsRequest,
  FindContactsResponseSchema,
  GetContactRequest,
  GetContactResponseSchema,
  ListContactsRequest,
  ListContactsResponseSchema,
  PutContactRequest,
  PutContactResponseSchema,
  RemoveContactAddressRequest,
  RemoveContactAddressResponseSchema,
} from '@rejoinder/contracts/api/timeline';
import { normalAddress } from '@rejoinder/mail/addresses';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { AddressWriter, contactNotFound } from './address-writer.js';
import { contactById, contactsWith, listContacts, putContact, type ShownContact } from './contact-store.js';
import { EngagementWriter } from '../engagement/engagement-writer.js';
import { ownAddresses } from './inbox-store.js';
import { isOwn } from './match.js';
import { cursorOf, pageSize, tokenOf } from '../engagement/page-token.js';
import type { Tx } from '../tx.js';

const maxContacts = 200;
const maxAsked = 100;
const maxNameLength = 500;
const maxQueryLength = 320;

@Controller()
export class ContactApi {
  constructor(
    private readonly database: Database<Tx>,
    private readonly engagements: EngagementWriter,
    private readonly addresses: AddressWriter,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @GrpcMethod('TimelineService', 'PutContact')
  async putContact({ tenantId, address, name }: PutContactRequest): Promise<MessageInitShape<typeof PutContactResponseSchema>> {
    const normal = mailAddress(address);
    const { contact, created } = await this.database.write({ tenant: tenantId }, async (tx) => {
      await refuseOwn(tx, tenantId, normal);
      const put = await putContact(tx, tenantId, { address: normal, name: name.trim().slice(0, maxNameLength) }, this.clock.now());
      if (put.became !== 'found') await this.engagements.contactChanged(tx, tenantId, put);
      return { contact: await contactById(tx, tenantId, put.contactId), created: put.became === 'made' };
    });
    return { contact: shown(contact!), created };
  }

  @GrpcMethod('TimelineService', 'GetContact')
  async getContact({ tenantId, contactId }: GetContactRequest): Promise<MessageInitShape<typeof GetContactResponseSchema>> {
    const contact = isId(contactId)
      ? await this.database.read({ tenant: tenantId }, (tx) => contactById(tx, tenantId, contactId))
      : undefined;
    if (!contact) throw contactNotFound();
    return { contact: shown(contact) };
  }

  @GrpcMethod('TimelineService', 'AddContactAddress')
  async addContactAddress(request: AddContactAddressRequest): Promise<MessageInitShape<typeof AddContactAddressResponseSchema>> {
    const { tenantId, contactId, address } = request;
    const normal = mailAddress(address);
    if (!isId(contactId)) throw contactNotFound();
    await this.database.read({ tenant: tenantId }, (tx) => refuseOwn(tx, tenantId, normal));
    const { contact, mergedContactId } = await this.addresses.add(tenantId, contactId, normal.toLowerCase());
    return { contact: shown(contact), mergedContactId };
  }

  @GrpcMethod('TimelineService', 'RemoveContactAddress')
  async removeContactAddress(request: RemoveContactAddressRequest): Promise<MessageInitShape<typeof RemoveContactAddressResponseSchema>> {
    const { tenantId, contactId, address } = request;
    const normal = mailAddress(address);
    if (!isId(contactId)) throw contactNotFound();
    return { contact: shown(await this.addresses.remove(tenantId, contactId, normal.toLowerCase())) };
  }

  @GrpcMethod('TimelineService', 'FindContacts')
  async findContacts({ tenantId, addresses }: FindContactsRequest): Promise<MessageInitShape<typeof FindContactsResponseSchema>> {
    if (addresses.length > maxAsked) throw new Fault('invalid', 'TOO_MANY', `At most ${maxAsked} addresses are asked about.`);
    const keys = addresses.map((address) => address.toLowerCase());
    const found = await this.database.read({ tenant: tenantId }, (tx) => contactsWith(tx, tenantId, keys));
    return { contacts: found.map(shown) };
  }

  @GrpcMethod('TimelineService', 'ListContacts')
  async listContacts({
    tenantId,
    pageSize: asked,
    pageToken,
    query,
  }: ListContactsRequest): Promise<MessageInitShape<typeof ListContactsResponseSchema>> {
    if (query.length > maxQueryLength) throw new Fault('invalid', 'QUERY', `A query has at most ${maxQueryLength} characters.`);
    const size = pageSize(asked, maxContacts);
    const cursor = cursorOf(pageToken);
    const after = cursor && { lastActivityAt: cursor.at, contactId: cursor.id };
    const found = await this.database.read({ tenant: tenantId }, (tx) => listContacts(tx, tenantId, query, after, size + 1));
    const page = found.slice(0, size);
    const last = page.at(-1);
    const nextPageToken = last && found.length > size ? tokenOf({ at: last.lastActivityAt, id: last.contactId }) : '';
    return { contacts: page.map(shown), nextPageToken };
  }
}

function mailAddress(text: string): string {
  const address = normalAddress(text);
  if (address === undefined) throw new Fault('invalid', 'ADDRESS', 'This is no mail address.');
  return address;
}

async function refuseOwn(tx: Tx, tenantId: string, address: string): Promise<void> {
  const own = await ownAddresses(tx, tenantId);
  if (isOwn({ address }, own)) throw new Fault('invalid', 'OWN_ADDRESS', 'The address of an own inbox is nobody’s contact.');
}

function shown({
  contactId,
  address,
  otherAddresses,
  name,
  lastActivityAt,
  engagements,
}: ShownContact): MessageInitShape<typeof ContactSchema> {
  return {
    contactId,
    address,
    otherAddresses,
    name,
    lastActivityAt: lastActivityAt ? timestampFromDate(new Date(lastActivityAt)) : undefined,
    engagements: BigInt(engagements),
  };
}
