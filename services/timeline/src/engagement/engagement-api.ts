// Answers what was said with a contact, and deletes what a person wants gone.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { activeTraceparent } from '@rejoinder/bus/outbox';
import type {
  DeleteEngagementRequest,
  DeleteMailsRequest,
  GetPlacesRequest,
  GetPlacesResponseSchema,
  GetEngagementRequest,
  GetEngagementResponseSchema,
  ListEngagementsRequest,
  ListEngagementsResponseSchema,
} from '@rejoinder/contracts/api/timeline';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { contactNotFound } from '../contact/address-writer.js';
import { contactById, lockContactsOf } from '../contact/contact-store.js';
import { match, type PlacingRules } from '../contact/match.js';
import { placing, rulesFor } from '../contact/rules-store.js';
import { EngagementShow } from './engagement-show.js';
import { bury, engagementById, engagementsOf, listEngagements, type EngagementRow, type ListedEngagement } from './engagement-store.js';
import { EngagementWriter } from './engagement-writer.js';
import { forgetNow } from '../forget/forget-store.js';
import { whyNowhere, type MailState } from '../mail/mail-state.js';
import { forgetMail, lockMails, readMails } from '../mail/mail-store.js';
import { Sealed } from '../mail/sealed.js';
import { cursorOf, pageSize, tokenOf } from './page-token.js';
import type { Tx } from '../tx.js';

const maxEngagements = 100;
const maxMails = 100;
/** A page ends before its texts, each with its new part, are more than a message over gRPC can hold; the first one always goes. */
const maxPageBytes = 6_000_000;

@Controller()
export class EngagementApi {
  constructor(
    private readonly database: Database<Tx>,
    private readonly show: EngagementShow,
    private readonly engagements: EngagementWriter,
    private readonly sealed: Sealed,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @GrpcMethod('TimelineService', 'ListEngagements')
  async listEngagements(request: ListEngagementsRequest): Promise<MessageInitShape<typeof ListEngagementsResponseSchema>> {
    const { tenantId, contactId, pageToken } = request;
    const size = pageSize(request.pageSize, maxEngagements);
    const cursor = cursorOf(pageToken);
    const after = cursor && { occurredAt: cursor.at!, engagementId: cursor.id, bytes: 0 };
    if (!isId(contactId)) throw contactNotFound();
    const { page, isMore, shown } = await this.database.read({ tenant: tenantId }, async (tx) => {
      const contact = await contactById(tx, tenantId, contactId);
      if (!contact) throw contactNotFound();
      const listed = await listEngagements(tx, tenantId, contact.contactId, after, size + 1);
      const page = listed.slice(0, Math.min(size, fitting(listed)));
      return {
        page,
        isMore: listed.length > page.length,
        shown: await this.show.read(
          tx,
          tenantId,
          page.map(({ engagementId }) => engagementId),
        ),
      };
    });
    const last = page.at(-1);
    const nextPageToken = last && isMore ? tokenOf({ at: last.occurredAt, id: last.engagementId }) : '';
    return { engagements: await this.show.open(tenantId, shown), nextPageToken };
  }

  @GrpcMethod('TimelineService', 'GetEngagement')
  async getEngagement({ tenantId, engagementId }: GetEngagementRequest): Promise<MessageInitShape<typeof GetEngagementResponseSchema>> {
    const shown = isId(engagementId)
      ? await this.database.read({ tenant: tenantId }, (tx) => this.show.read(tx, tenantId, [engagementId]))
      : undefined;
    const [engagement] = shown ? await this.show.open(tenantId, shown) : [];
    if (!engagement) throw notFound();
    return { engagement };
  }

  @GrpcMethod('TimelineService', 'GetPlaces')
  async getPlaces({ tenantId, mailId }: GetPlacesRequest): Promise<MessageInitShape<typeof GetPlacesResponseSchema>> {
    if (!isId(mailId)) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
    const key = { tenantId, mailId };
    const { mail, rows, own, rules } = await this.database.read({ tenant: tenantId }, async (tx) => {
      const [[mail], rows, around] = await Promise.all([readMails(tx, [key]), engagementsOf(tx, key), placing(tx, tenantId)]);
      return { mail, rows, ...around };
    });
    const engagementIds = rows.map(({ engagementId }) => engagementId);
    if (!mail || engagementIds.length > 0) return { engagementIds, reason: '' };
    const reason = whyNowhere(mail);
    const isBarred = reason === 'no_contact' && (await this.#isBarred(mail, own, rulesFor(mail, rules)));
    return { engagementIds, reason: isBarred ? 'settings' : reason };
  }

  /** Other settings would have put it on somebody. */
  async #isBarred(mail: MailState, own: Set<string>, rules: PlacingRules): Promise<boolean> {
    const facts = await this.sealed.factsOf(mail);
    const made = (by: PlacingRules) =>
      facts ? match({ ...facts, source: mail.source!, kind: mail.kind, knownOnly: mail.knownOnly }, own, by).made.length : 0;
    return made(rules) === 0 && made({ makeContacts: 'everyone', logsInternal: true }) > 0;
  }

  @GrpcMethod('TimelineService', 'DeleteEngagement')
  async deleteEngagement({ tenantId, engagementId }: DeleteEngagementRequest): Promise<object> {
    if (!isId(engagementId)) throw notFound();
    await this.database.write({ tenant: tenantId }, async (tx) => {
      const found = await engagementById(tx, tenantId, engagementId);
      if (!found) throw notFound();
      const now = this.clock.now();
      const [mail] = await lockMails(tx, [found], now);
      await lockContactsOf(tx, [found]);
      // Read again under the lock: another may have deleted it meanwhile.
      const row = await engagementById(tx, tenantId, engagementId);
      if (!row) return;
      await this.#deleteOne(tx, row, now);
      if ((await engagementsOf(tx, row)).length > 0) return;
      await forgetMail(tx, mail!);
      await forgetNow(tx, row, now, activeTraceparent());
    });
    return {};
  }

  @GrpcMethod('TimelineService', 'DeleteMails')
  async deleteMails({ tenantId, mailIds }: DeleteMailsRequest): Promise<object> {
    if (!mailIds.every(isId)) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
    if (mailIds.length > maxMails) throw new Fault('too_large', 'TOO_MANY_MAILS', `At most ${maxMails} mails are deleted at once.`);
    await this.database.write({ tenant: tenantId }, async (tx) => {
      const now = this.clock.now();
      const keys = mailIds.map((mailId) => ({ tenantId, mailId }));
      const mails = await lockMails(tx, keys, now);
      await lockContactsOf(tx, keys);
      for (const mail of mails) {
        for (const row of await engagementsOf(tx, mail)) await this.#deleteOne(tx, row, now);
        if (!mail.forgotten) await forgetMail(tx, mail);
        await forgetNow(tx, mail, now, activeTraceparent());
      }
    });
    return {};
  }

  async #deleteOne(tx: Tx, row: EngagementRow, now: Date): Promise<void> {
    await bury(tx, row, now);
    await this.engagements.delete(tx, row);
  }
}

/** How many of the listed fit into one page. */
function fitting(listed: ListedEngagement[]): number {
  let bytes = 0;
  const over = listed.findIndex((one, at) => (bytes += one.bytes) > maxPageBytes && at > 0);
  return over < 0 ? listed.length : over;
}

const notFound = () => new Fault('not_found', 'ENGAGEMENT_NOT_FOUND', 'There is no such engagement.');
