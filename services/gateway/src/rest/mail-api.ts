// REST of mail out: sent, looked at, taken back, settled.
import { z } from 'zod';
import { newId } from '@rejoinder/base/id';
import { SendingService } from '@rejoinder/contracts/api/sending';
import { Peers } from '@rejoinder/runtime/peers';
import { TenantId } from '../people/caller.js';
import { FromBody, FromHeader, FromPath, Route, V1 } from '../web/route.js';
import { idempotencyKey, mailBody, resolveBody, sendSchema, toSend, type MailBody, type SendAnswer } from './send.js';
import { ids } from './shapes.js';

@V1('mail')
export class MailApi {
  constructor(private readonly peers: Peers) {}

  @Route({
    method: 'POST',
    says: 'Takes on a mail; delivery follows',
    result:
      'The mail is stored and is sent as soon as its server takes it; while its inbox is paused or waits for a password, the mail waits too',
    status: 202,
    answers: sendSchema,
    refuses: {
      409: [{ code: 'IDEMPOTENCY_KEY_REUSED', detail: 'This idempotency key belongs to another message.' }],
    },
  })
  async send(
    @TenantId() tenantId: string,
    @FromHeader('Idempotency-Key', idempotencyKey) key: string | undefined,
    @FromBody(mailBody) body: MailBody,
  ): Promise<SendAnswer> {
    const { inbox_id: inboxId, attachment_ids: attachmentIds, in_reply_to: inReplyTo, ...rest } = body;
    const { send } = await this.#sending.send({ tenantId, inboxId, idempotencyKey: key ?? newId(), attachmentIds, inReplyTo, ...rest });
    return toSend(send!);
  }

  @Route({ method: 'GET', path: ':send_id', says: 'What became of a mail', result: 'The send, with its state', answers: sendSchema })
  async look(@TenantId() tenantId: string, @FromPath('send_id', ids.send) sendId: string): Promise<SendAnswer> {
    const { send } = await this.#sending.getSend({ tenantId, sendId });
    return toSend(send!);
  }

  @Route({
    method: 'POST',
    path: ':send_id/cancel',
    says: 'Takes back what has not begun',
    result: 'The send is cancelled',
    answers: sendSchema,
  })
  async cancel(@TenantId() tenantId: string, @FromPath('send_id', ids.send) sendId: string): Promise<SendAnswer> {
    const { send } = await this.#sending.cancel({ tenantId, sendId });
    return toSend(send!);
  }

  @Route({
    method: 'POST',
    path: ':send_id/resolve',
    says: 'Settles an unconfirmed mail by what a person saw',
    result: 'The send counts as sent, or is sent again',
    answers: sendSchema,
  })
  async resolve(
    @TenantId() tenantId: string,
    @FromPath('send_id', ids.send) sendId: string,
    @FromBody(resolveBody) { outcome }: z.infer<typeof resolveBody>,
  ): Promise<SendAnswer> {
    const { send } = await this.#sending.resolve({ tenantId, sendId, outcome });
    return toSend(send!);
  }

  get #sending() {
    return this.peers.client(SendingService);
  }
}
