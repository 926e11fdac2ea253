// REST of the logging address of an inbox, and of the mail that came by one and was held back.
import { z } from 'zod';
import { SyncService, type QuarantinedMail } from '@rejoinder/contracts/api/sync';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { Peers } from '@rejoinder/runtime/peers';
import { TenantId } from '../people/caller.js';
import { FromPath, FromQuery, Route, V1 } from '../web/route.js';
import { count, ids, nextCursor, pageOf, sentenceOf, text, time, toCursor, toTime } from './shapes.js';

const pageQuery = pageOf(200);
const addressSchema = z.object({
  address: text('q7c2mfa4xkz5hj3wn6tb@log.example.com').meta({ description: 'Put it into BCC, or forward a mail to it' }),
});
const heldSchema = z.object({
  quarantine_id: ids.quarantine,
  inbox_id: ids.inbox,
  reason: z.enum(['not_verified', 'not_a_member', 'automatic', 'no_sender_found', 'no_contact']),
  reason_text: text(catalogue.NOT_VERIFIED.sentence),
  received_at: time,
  size_bytes: count(24_310),
  from: text('Ada Example <ada@example.com>').meta({ description: 'As the mail says, which may be a lie' }),
  subject: text('Your offer'),
});
const listSchema = z.object({ mails: z.array(heldSchema), next_cursor: nextCursor });

const off = { code: 'INTAKE_OFF', detail: catalogue.INTAKE_OFF.sentence };

@V1('inboxes')
export class LoggingAddressApi {
  constructor(private readonly peers: Peers) {}

  @Route({
    method: 'GET',
    path: ':inbox_id/logging-address',
    says: 'The address by which its owner logs mail, as BCC or by forwarding',
    result: 'The logging address of the inbox',
    answers: addressSchema,
    refuses: { 404: [off] },
  })
  async address(@TenantId() tenantId: string, @FromPath('inbox_id', ids.inbox) inboxId: string): Promise<z.infer<typeof addressSchema>> {
    const { address } = await this.peers.client(SyncService).getLoggingAddress({ tenantId, inboxId });
    return { address };
  }

  @Route({
    method: 'POST',
    path: ':inbox_id/logging-address',
    says: 'Makes a new logging address in the place of the old one',
    result: 'The new address; the old one takes no more mail',
    answers: addressSchema,
    refuses: { 404: [off] },
  })
  async renew(@TenantId() tenantId: string, @FromPath('inbox_id', ids.inbox) inboxId: string): Promise<z.infer<typeof addressSchema>> {
    const { address } = await this.peers.client(SyncService).renewLoggingAddress({ tenantId, inboxId });
    return { address };
  }
}

@V1('quarantine')
export class QuarantineApi {
  constructor(private readonly peers: Peers) {}

  @Route({
    method: 'GET',
    says: 'Mail that came to logging addresses and was not logged, newest first; each for 7 days at most',
    result: 'A page of such mail, each with the reason',
    answers: listSchema,
  })
  async list(@TenantId() tenantId: string, @FromQuery(pageQuery) page: z.infer<typeof pageQuery>): Promise<z.infer<typeof listSchema>> {
    const told = await this.peers.client(SyncService).listQuarantine({ tenantId, pageSize: page.limit, pageToken: page.cursor });
    return { mails: told.mails.map(toHeld), next_cursor: toCursor(told.nextPageToken) };
  }

  @Route({
    method: 'POST',
    path: ':quarantine_id/release',
    says: 'Logs it after all',
    result: 'It is logged as if its sender had been verified',
    status: 204,
    answers: 'nothing',
    refuses: { 409: [{ code: 'QUARANTINE_NOBODY', detail: catalogue.QUARANTINE_NOBODY.sentence }] },
  })
  async release(@TenantId() tenantId: string, @FromPath('quarantine_id', ids.quarantine) quarantineId: string): Promise<void> {
    await this.peers.client(SyncService).releaseQuarantined({ tenantId, quarantineId });
  }

  @Route({
    method: 'DELETE',
    path: ':quarantine_id',
    says: 'Deletes it',
    result: 'It is gone, also where it was gone before',
    status: 204,
    answers: 'nothing',
  })
  async discard(@TenantId() tenantId: string, @FromPath('quarantine_id', ids.quarantine) quarantineId: string): Promise<void> {
    await this.peers.client(SyncService).discardQuarantined({ tenantId, quarantineId });
  }
}

const toHeld = ({ quarantineId, inboxId, reason, receivedAt, sizeBytes, from, subject }: QuarantinedMail): z.infer<typeof heldSchema> => ({
  quarantine_id: quarantineId,
  inbox_id: inboxId,
  reason: reason as z.infer<typeof heldSchema>['reason'],
  reason_text: sentenceOf(reason),
  received_at: toTime(receivedAt) ?? '',
  size_bytes: Number(sizeBytes),
  from,
  subject,
});
