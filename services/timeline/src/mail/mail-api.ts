// gRPC: what the headers of mails say that stand on a timeline.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type { GetMailsRequest, GetMailsResponseSchema } from '@rejoinder/contracts/api/timeline';
import { Database } from '@rejoinder/runtime/database';
import { standingMails } from '../engagement/engagement-store.js';
import type { Tx } from '../tx.js';
import { factsRow, Sealed, type MailFacts } from './sealed.js';

const maxMails = 100;

@Controller()
export class MailApi {
  constructor(
    private readonly database: Database<Tx>,
    private readonly sealed: Sealed,
  ) {}

  @GrpcMethod('TimelineService', 'GetMails')
  async getMails({ tenantId, mailIds }: GetMailsRequest): Promise<MessageInitShape<typeof GetMailsResponseSchema>> {
    if (!mailIds.every(isId)) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
    if (mailIds.length > maxMails) throw new Fault('too_large', 'TOO_MANY_MAILS', `At most ${maxMails} mails are told of at once.`);
    const standing = await this.database.read({ tenant: tenantId }, (tx) => standingMails(tx, tenantId, mailIds));
    const facts = await this.sealed.openMany<MailFacts>(
      standing.map(({ mailId, sealedFacts: value }) => ({ tenantId, row: factsRow(mailId), value })),
    );
    const mails = standing.map(({ mailId, engagementId, contactId, direction, occurredAt }, at) => {
      const { from, subject, messageId } = facts[at] ?? {};
      return { mailId, engagementId, contactId, direction, from, subject, messageId, occurredAt: timestampFromDate(new Date(occurredAt)) };
    });
    return { mails };
  }
}
