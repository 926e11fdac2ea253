// REST of conversations: what one holds, why a mail is in it, and what people say of that.
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ThreadingService, type ExplainResponse, type Pin } from '@rejoinder/contracts/api/threading';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Peers } from '@rejoinder/runtime/peers';
import { CalledBy, TenantId } from '../people/caller.js';
import { FromBody, FromPath, FromQuery, Route, V1 } from '../web/route.js';
import * as shape from './explanation.js';
import { ids, pageOf, refusal, toCursor } from './shapes.js';

/** So many mails timeline tells of at once. */
const maxHeads = 100;
const threadQuery = pageOf(maxHeads);
const pinsQuery = pageOf(50).extend({
  mail_id: ids.mail.optional().meta({ description: 'Those of this mail alone' }),
  thread_id: ids.thread.optional().meta({ description: 'Those of this conversation alone, and of mails that were taken out of it' }),
});
const leftQuery = z.strictObject({
  thread_ids: z
    .string()
    .regex(/^[0-9a-f-]{36}(,[0-9a-f-]{36}){0,49}$/, 'must be 1 to 50 ids of conversations, a comma between them')
    .meta({ examples: ['019ab1c4-5f20-7a31-9d02-6a1b8f4e2c10'], description: 'Up to 50 conversations, a comma between them' }),
});
const splitBody = z.strictObject({ mail_id: ids.mail });
const mergeBody = z.strictObject({ mail_id: ids.mail, into_mail_id: ids.mail });

const refuses = { 404: [refusal('MAIL_NOT_FOUND')], 409: [refusal('NOT_IN_THREAD'), refusal('TOO_MANY_PINS')] };

/** What threading tells by ids, with the headers of what stands on a timeline. */
@Injectable()
export class Explained {
  constructor(private readonly peers: Peers) {}

  async heads(tenantId: string, mailIds: string[]): Promise<shape.Heads> {
    const wanted = [...new Set(mailIds)];
    const parts = Array.from({ length: Math.ceil(wanted.length / maxHeads) }, (_, at) => wanted.slice(at * maxHeads, (at + 1) * maxHeads));
    const answers = await Promise.all(parts.map((part) => this.peers.client(TimelineService).getMails({ tenantId, mailIds: part })));
    return new Map(answers.flatMap(({ mails }) => mails.map((mail) => [mail.mailId, mail])));
  }

  async pin(tenantId: string, pin: Pin): Promise<shape.PinAnswer> {
    return shape.toPin(pin, await this.heads(tenantId, shape.pinned([pin])));
  }
}

@V1('threads')
export class ThreadsApi {
  constructor(
    private readonly peers: Peers,
    private readonly explained: Explained,
  ) {}

  @Route({
    method: 'GET',
    path: ':thread_id',
    says: 'The mails of a conversation, oldest first; of those that are not logged their ids alone',
    result: 'A page of the conversation',
    answers: shape.threadSchema,
    refuses: { 404: [refusal('THREAD_NOT_FOUND')] },
  })
  async thread(
    @TenantId() tenantId: string,
    @FromPath('thread_id', ids.thread) threadId: string,
    @FromQuery(threadQuery) { cursor, limit }: z.infer<typeof threadQuery>,
  ): Promise<z.infer<typeof shape.threadSchema>> {
    const thread = await this.#threading.getThread({ tenantId, threadId, pageSize: limit, pageToken: cursor });
    const tracked = thread.mails.filter(({ verdict }) => verdict === 'tracked').map(({ mailId }) => mailId);
    const heads = await this.explained.heads(tenantId, tracked);
    return {
      thread_id: thread.threadId,
      mails: thread.mails.map((mail) => shape.toThreadMail(mail, heads)),
      next_cursor: toCursor(thread.nextPageToken),
    };
  }

  @Route({
    method: 'POST',
    path: ':thread_id/split',
    says: 'A mail does not belong to this conversation: it begins one of its own, with its answers',
    result:
      'What was said; said again, it changes nothing. Unless it was sent from here or logged by somebody, the mail goes off the timelines, with its answers',
    answers: shape.pinSchema,
    refuses,
  })
  async split(
    @TenantId() tenantId: string,
    @CalledBy() by: string,
    @FromPath('thread_id', ids.thread) threadId: string,
    @FromBody(splitBody) { mail_id: mailId }: z.infer<typeof splitBody>,
  ): Promise<shape.PinAnswer> {
    await this.#check(tenantId, threadId, mailId, ({ kind }) => kind === 'split');
    const { pin } = await this.#threading.split({ tenantId, mailId, by });
    return this.explained.pin(tenantId, pin!);
  }

  @Route({
    method: 'POST',
    path: ':thread_id/merge',
    says: 'A mail of this conversation belongs with another mail, as if it answered that one; where that one is logged, this one is, too',
    result: 'What was said; said again, it changes nothing. The two conversations are one now',
    answers: shape.pinSchema,
    refuses,
  })
  async merge(
    @TenantId() tenantId: string,
    @CalledBy() by: string,
    @FromPath('thread_id', ids.thread) threadId: string,
    @FromBody(mergeBody) { mail_id: mailId, into_mail_id: intoMailId }: z.infer<typeof mergeBody>,
  ): Promise<shape.PinAnswer> {
    await this.#check(tenantId, threadId, mailId, (pin) => pin.kind === 'merge' && pin.intoMailId === intoMailId);
    const { pin } = await this.#threading.merge({ tenantId, mailId, intoMailId, by });
    return this.explained.pin(tenantId, pin!);
  }

  /** Who acts on a page that is no longer true is told so; who says the same again is not. */
  async #check(tenantId: string, threadId: string, mailId: string, isThis: (pin: Pin) => boolean): Promise<void> {
    const mail: ExplainResponse = await this.#threading.explain({ tenantId, mailId });
    const isSaid = mail.pins.some((pin) => pin.mailId === mailId && isThis(pin));
    if (mail.threadId !== threadId && !isSaid) throw faultOf('NOT_IN_THREAD');
  }

  get #threading() {
    return this.peers.client(ThreadingService);
  }
}

@V1('left-answers')
export class LeftAnswersApi {
  constructor(private readonly peers: Peers) {}

  @Route({
    method: 'GET',
    says: 'Answers to logged mails of these conversations that are not logged, since they went to other people',
    result:
      'The newest 100, as far as their headers are known. Of mail that is not logged no header is told: whoever has it in their mailbox can look, and merge it into the conversation',
    answers: shape.leftAnswersSchema,
  })
  async list(
    @TenantId() tenantId: string,
    @FromQuery(leftQuery) { thread_ids: threadIds }: z.infer<typeof leftQuery>,
  ): Promise<z.infer<typeof shape.leftAnswersSchema>> {
    const { answers } = await this.peers.client(ThreadingService).listLeftAnswers({ tenantId, threadIds: threadIds.split(',') });
    return { answers: answers.map(shape.toLeftAnswer) };
  }
}

@V1('mails')
export class MailsApi {
  constructor(
    private readonly peers: Peers,
    private readonly explained: Explained,
  ) {}

  @Route({
    method: 'GET',
    path: ':mail_id/explain',
    says: 'Why a mail is logged or not, and in the conversation where it is',
    result: 'The rule that decided, and what it rests on; of mails that are not logged no header is told',
    answers: shape.explanationSchema,
    refuses: { 404: [refusal('MAIL_NOT_FOUND')] },
  })
  async explain(@TenantId() tenantId: string, @FromPath('mail_id', ids.mail) mailId: string): Promise<shape.ExplanationAnswer> {
    const explanation = await this.peers.client(ThreadingService).explain({ tenantId, mailId });
    return shape.toExplanation(explanation, await this.explained.heads(tenantId, shape.mailsNamed(explanation)));
  }

  @Route({
    method: 'POST',
    path: ':mail_id/unlog',
    says: 'A mail that somebody logged was not meant to be: it counts as if nobody had. Logging it again does not undo that, deleting the pin does',
    result:
      'What was said; said again, it changes nothing. Unless it answers a mail that is logged, the mail goes off the timelines, with its answers',
    answers: shape.pinSchema,
    refuses: {
      404: [refusal('MAIL_NOT_FOUND')],
      409: [refusal('SENT_FROM_HERE'), refusal('NOT_LOGGED_BY_HAND'), refusal('TOO_MANY_PINS')],
    },
  })
  async unlog(
    @TenantId() tenantId: string,
    @CalledBy() by: string,
    @FromPath('mail_id', ids.mail) mailId: string,
  ): Promise<shape.PinAnswer> {
    const { pin } = await this.peers.client(ThreadingService).unlog({ tenantId, mailId, by });
    return this.explained.pin(tenantId, pin!);
  }
}

@V1('pins')
export class PinsApi {
  constructor(
    private readonly peers: Peers,
    private readonly explained: Explained,
  ) {}

  @Route({
    method: 'GET',
    says: 'What people have said of single mails, newest first',
    result: 'A page of what was said',
    answers: shape.pinsSchema,
  })
  async list(
    @TenantId() tenantId: string,
    @FromQuery(pinsQuery) { mail_id: mailId, thread_id: threadId, cursor, limit }: z.infer<typeof pinsQuery>,
  ): Promise<z.infer<typeof shape.pinsSchema>> {
    const asked = { tenantId, mailId: mailId ?? '', threadId: threadId ?? '', pageSize: limit, pageToken: cursor };
    const { pins, nextPageToken } = await this.peers.client(ThreadingService).listPins(asked);
    const heads = await this.explained.heads(tenantId, shape.pinned(pins));
    return { pins: pins.map((pin) => shape.toPin(pin, heads)), next_cursor: toCursor(nextPageToken) };
  }

  @Route({
    method: 'DELETE',
    path: ':pin_id',
    says: 'Takes it back: the rules decide again. A mail that was off every timeline for over an hour has been forgotten and does not come back',
    result: 'It is taken back, or was so before',
    status: 204,
    answers: 'nothing',
  })
  async remove(@TenantId() tenantId: string, @FromPath('pin_id', ids.pin) pinId: string): Promise<void> {
    await this.peers.client(ThreadingService).unpin({ tenantId, pinId });
  }
}
