// gRPC: why a mail is where it is, and what its thread holds.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type {
  ExplainRequest,
  ExplainResponseSchema,
  GetThreadRequest,
  GetThreadResponseSchema,
  ListLeftAnswersRequest,
  ListLeftAnswersResponseSchema,
} from '@rejoinder/contracts/api/threading';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import type { GraphMail } from '../graph/graph.js';
import { mailsAt, ownInboxes, type OwnInboxes } from '../graph/graph-store.js';
import { pageOf, toldPin } from '../pins/pin-api.js';
import { pinsAbout } from '../pins/pin-store.js';
import type { Tx } from '../tx.js';
import { surroundings, withoutOwn } from '../verdict/surroundings-store.js';
import { explain, type Explanation } from './explain.js';
import { leavingMails, threadMails, threadNow } from './thread-store.js';

const maxMails = 200;
const maxThreads = 50;
const maxLeft = 100;

@Controller()
export class ExplainApi {
  constructor(private readonly database: Database<Tx>) {}

  @GrpcMethod('ThreadingService', 'Explain')
  async explain({ tenantId, mailId }: ExplainRequest): Promise<MessageInitShape<typeof ExplainResponseSchema>> {
    if (!isId(mailId)) throw faultOf('MAIL_NOT_FOUND');
    return this.database.read({ tenant: tenantId }, async (tx) => {
      const [mail] = await mailsAt(tx, [{ tenantId, mailId }]);
      if (!mail) throw faultOf('MAIL_NOT_FOUND');
      const own = await ownInboxes(tx, [tenantId]);
      const { rule, because, evidence } = (await explained(tx, tenantId, [mail], own))[0]!;
      const pins = await pinsAbout(
        tx,
        mail,
        evidence.flatMap((one) => one.mailId ?? []),
      );
      const { verdict, answers, threadId } = mail;
      return {
        mailId,
        threadId: threadId!,
        revision: BigInt(mail.revision),
        verdict,
        because,
        rule,
        answersMailId: answers ?? '',
        evidence: evidence.map((one) => ({ ...one, mailId: one.mailId ?? '', ended: one.ended ?? '' })),
        pins: pins.map(toldPin),
      };
    });
  }

  @GrpcMethod('ThreadingService', 'GetThread')
  async getThread({
    tenantId,
    threadId,
    pageSize,
    pageToken,
  }: GetThreadRequest): Promise<MessageInitShape<typeof GetThreadResponseSchema>> {
    const { limit, after } = pageOf(pageSize, pageToken, maxMails);
    return this.database.read({ tenant: tenantId }, async (tx) => {
      const now = isId(threadId) ? await threadNow(tx, tenantId, threadId) : undefined;
      if (now === undefined) throw faultOf('THREAD_NOT_FOUND');
      if (after !== undefined && (await mailsAt(tx, [{ tenantId, mailId: after }])).length === 0)
        throw new Fault('invalid', 'PAGE_TOKEN', 'The mail that this page begins after is no longer known: begin with the first page.');
      const found = await threadMails(tx, tenantId, now, after, limit + 1);
      const page = found.slice(0, limit);
      const why = await explained(tx, tenantId, page, await ownInboxes(tx, [tenantId]));
      const mails = page.map(({ mailId, verdict }, at) => ({ mailId, verdict, because: why[at]!.because }));
      return { threadId: now, mails, nextPageToken: found.length > limit ? page.at(-1)!.mailId : '' };
    });
  }

  @GrpcMethod('ThreadingService', 'ListLeftAnswers')
  async listLeftAnswers({ tenantId, threadIds }: ListLeftAnswersRequest): Promise<MessageInitShape<typeof ListLeftAnswersResponseSchema>> {
    if (threadIds.length > maxThreads || !threadIds.every(isId))
      throw new Fault('invalid', 'THREAD_IDS', `Up to ${maxThreads} ids of threads are asked about at once.`);
    return this.database.read({ tenant: tenantId }, async (tx) => {
      const mails = threadIds.length > 0 ? await leavingMails(tx, tenantId, threadIds) : [];
      const why = mails.length > 0 ? await explained(tx, tenantId, mails, await ownInboxes(tx, [tenantId])) : [];
      // Somebody said so, or it is never logged: that is no news.
      const answers = mails.flatMap(({ mailId, threadId, leftThreadId, cited, receivedAt, inboxIds }, at) => {
        const { rule } = why[at]!;
        if (rule !== 'cut_subject' && rule !== 'not_quoting') return [];
        const receivedAtTime = timestampFromDate(new Date(receivedAt));
        return [{ mailId, threadId: threadId!, leftThreadId, answersMailId: cited, rule, receivedAt: receivedAtTime, inboxIds }];
      });
      return { answers: answers.slice(0, maxLeft) };
    });
  }
}

async function explained(tx: Tx, tenantId: string, mails: GraphMail[], own: Map<string, OwnInboxes>): Promise<Explanation[]> {
  return explain(withoutOwn(mails, own), (await surroundings(tx, mails))(tenantId, own));
}
