// REST of contacts, their addresses, and what was said with each.
import { Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { Peers } from '@rejoinder/runtime/peers';
import { TenantId } from '../people/caller.js';
import { FromBody, FromPath, FromQuery, Route, V1 } from '../web/route.js';
import { addressText, ids, pageOf, toCursor } from './shapes.js';
import * as shape from './timeline.js';

const maxQuery = 200;
const listQuery = pageOf(200).extend({
  query: z
    .string()
    .max(maxQuery)
    .default('')
    .meta({ description: 'Start of an address or of the name', examples: ['ada'] }),
});
const timelineQuery = pageOf(100, 25);
/** Not in the path, whose parts may have 100 characters. */
const removeQuery = z.object({ address: addressText });

@V1('contacts')
export class ContactsApi {
  constructor(private readonly peers: Peers) {}

  @Route({ method: 'GET', says: 'Contacts, those of the newest mail first', result: 'A page of contacts', answers: shape.contactsSchema })
  async list(@TenantId() tenantId: string, @FromQuery(listQuery) { query, cursor, limit }: z.infer<typeof listQuery>) {
    const { contacts, nextPageToken } = await this.#timeline.listContacts({ tenantId, query, pageSize: limit, pageToken: cursor });
    return { contacts: contacts.map(shape.toContact), next_cursor: toCursor(nextPageToken) };
  }

  @Route({
    method: 'POST',
    says: 'Makes a contact, or answers the one that has this address',
    result: 'The contact that has this address',
    mayCreate: true,
    answers: shape.contactSchema,
  })
  async put(
    @TenantId() tenantId: string,
    @FromBody(shape.contactBody) body: z.infer<typeof shape.contactBody>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<shape.ContactAnswer> {
    const { contact, created } = await this.#timeline.putContact({ tenantId, ...body });
    if (created) void reply.code(201);
    return shape.toContact(contact!);
  }

  @Route({
    method: 'POST',
    path: ':contact_id/addresses',
    says: 'Puts one more address on a contact. Where another contact has it, that one goes into this one with all that it has, which cannot be undone',
    result: 'The contact, which has this address; mail from and to it stands on its timeline from now on',
    answers: shape.contactSchema,
    refuses: {
      400: [{ code: 'OWN_ADDRESS', detail: 'The address of an own inbox is nobody’s contact.' }],
      413: [
        { code: 'TOO_MANY_ADDRESSES', detail: 'A contact has at most 20 addresses beside its first: remove one.' },
        { code: 'TOO_MANY_MAILS', detail: 'On the contact with this address stand more than 10000 mails, too many to move.' },
      ],
    },
  })
  async addAddress(
    @TenantId() tenantId: string,
    @FromPath('contact_id', ids.contact) contactId: string,
    @FromBody(shape.contactAddressBody) { address }: z.infer<typeof shape.contactAddressBody>,
  ): Promise<shape.ContactAnswer> {
    const { contact } = await this.#timeline.addContactAddress({ tenantId, contactId, address });
    return shape.toContact(contact!);
  }

  @Route({
    method: 'DELETE',
    path: ':contact_id/addresses',
    says: 'Takes one of the other addresses off a contact',
    result: 'The contact without it; what stands on its timeline stays, and later mail of the address is of a contact of its own',
    answers: shape.contactSchema,
    refuses: {
      409: [{ code: 'FIRST_ADDRESS', detail: 'A contact keeps the address that it was made with; only others can be removed.' }],
    },
  })
  async removeAddress(
    @TenantId() tenantId: string,
    @FromPath('contact_id', ids.contact) contactId: string,
    @FromQuery(removeQuery) { address }: z.infer<typeof removeQuery>,
  ): Promise<shape.ContactAnswer> {
    const { contact } = await this.#timeline.removeContactAddress({ tenantId, contactId, address });
    return shape.toContact(contact!);
  }

  @Route({ method: 'GET', path: ':contact_id', says: 'One contact', result: 'The contact', answers: shape.contactSchema })
  async contact(@TenantId() tenantId: string, @FromPath('contact_id', ids.contact) contactId: string): Promise<shape.ContactAnswer> {
    const { contact } = await this.#timeline.getContact({ tenantId, contactId });
    return shape.toContact(contact!);
  }

  @Route({
    method: 'GET',
    path: ':contact_id/timeline',
    says: 'What was said, newest first',
    result: 'A page of the timeline',
    answers: shape.engagementsSchema,
  })
  async timeline(
    @TenantId() tenantId: string,
    @FromPath('contact_id', ids.contact) contactId: string,
    @FromQuery(timelineQuery) { cursor, limit }: z.infer<typeof timelineQuery>,
  ): Promise<z.infer<typeof shape.engagementsSchema>> {
    const { engagements, nextPageToken } = await this.#timeline.listEngagements({
      tenantId,
      contactId,
      pageSize: limit,
      pageToken: cursor,
    });
    return { engagements: engagements.map(shape.toEngagement), next_cursor: toCursor(nextPageToken) };
  }

  get #timeline() {
    return this.peers.client(TimelineService);
  }
}
