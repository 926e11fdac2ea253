// REST of contacts, and of what was said with each.
import { Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { Peers } from '@rejoinder/runtime/peers';
import { TenantId } from '../people/caller.js';
import { FromBody, FromPath, FromQuery, Route, V1 } from '../web/route.js';
import { ids, pageOf, toCursor } from './shapes.js';
import * as shape from './timeline.js';

const maxQuery = 200;
const listQuery = pageOf(200).extend({
  query: z
    .string()
    .max(maxQuery)
    .default('')
    .meta({ description: 'Start of the address or name', examples: ['ada'] }),
});
const timelineQuery = pageOf(100, 25);

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
