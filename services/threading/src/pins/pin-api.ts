// gRPC: what a person says of a mail: it begins a thread of its own, it belongs with another, it was not meant to be logged, or none of that any more.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Fault } from '@rejoinder/base/fault';
import { isId, newId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { activeTraceparent } from '@rejoinder/bus/outbox';
import type {
  ListPinsRequest,
  ListPinsResponseSchema,
  MergeRequest,
  MergeResponseSchema,
  PinSchema,
  SplitRequest,
  SplitResponseSchema,
  UnlogRequest,
  UnlogResponseSchema,
  UnpinRequest,
} from '@rejoinder/contracts/api/threading';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { citersOf, lockGraphs, mailsAt, ownInboxes } from '../graph/graph-store.js';
import type { GraphMail } from '../graph/graph.js';
import { GraphWriter } from '../graph/graph-writer.js';
import type { Tx } from '../tx.js';
import { countPins, deletePin, listPins, pinOfMail, savePin, type Pin, type PinKind } from './pin-store.js';

const maxOfTenant = 10_000;
const maxOfThread = 100;
const maxBy = 100;
const maxPins = 100;
/** Citers of a mail that are judged at once; what lies beyond is left to the recheck worker. */
const maxCiters = 1_000;

/** What is said of a mail. */
interface Word {
  tenantId: string;
  mailId: string;
  kind: PinKind;
  intoMailId: string | null;
  by: string;
}

@Controller()
export class PinApi {
  constructor(
    private readonly database: Database<Tx>,
    private readonly graph: GraphWriter,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @GrpcMethod('ThreadingService', 'Split')
  async split({ tenantId, mailId, by }: SplitRequest): Promise<MessageInitShape<typeof SplitResponseSchema>> {
    return { pin: toldPin(await this.#pin({ tenantId, mailId, kind: 'split', intoMailId: null, by })) };
  }

  @GrpcMethod('ThreadingService', 'Merge')
  async merge({ tenantId, mailId, intoMailId, by }: MergeRequest): Promise<MessageInitShape<typeof MergeResponseSchema>> {
    if (mailId === intoMailId) throw faultOf('MERGE_WITH_ITSELF');
    return { pin: toldPin(await this.#pin({ tenantId, mailId, kind: 'merge', intoMailId, by })) };
  }

  @GrpcMethod('ThreadingService', 'Unlog')
  async unlog({ tenantId, mailId, by }: UnlogRequest): Promise<MessageInitShape<typeof UnlogResponseSchema>> {
    return { pin: toldPin(await this.#pin({ tenantId, mailId, kind: 'unlog', intoMailId: null, by })) };
  }

  @GrpcMethod('ThreadingService', 'Unpin')
  async unpin({ tenantId, pinId }: UnpinRequest): Promise<object> {
    if (!isId(pinId)) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
    await this.database.write({ tenant: tenantId }, async (tx) => {
      await lockGraphs(tx, [tenantId]);
      const gone = await deletePin(tx, tenantId, { pinId });
      if (gone) await this.#judge(tx, tenantId, gone.mailId, gone.ids, gone.kind === 'merge');
    });
    return {};
  }

  @GrpcMethod('ThreadingService', 'ListPins')
  async listPins({
    tenantId,
    mailId,
    threadId,
    pageSize,
    pageToken,
  }: ListPinsRequest): Promise<MessageInitShape<typeof ListPinsResponseSchema>> {
    if (![mailId, threadId].every((id) => id === '' || isId(id))) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
    const { limit, after } = pageOf(pageSize, pageToken, maxPins);
    const of = { mailId: mailId || null, threadId: threadId || null };
    const found = await this.database.read({ tenant: tenantId }, (tx) => listPins(tx, tenantId, of, after, limit + 1));
    const page = found.slice(0, limit);
    return { pins: page.map(toldPin), nextPageToken: found.length > limit ? page.at(-1)!.pinId : '' };
  }

  /** The newest word of a kind stands; a split takes back that the mail was merged. */
  async #pin(word: Word): Promise<Pin> {
    const { tenantId, mailId, kind, intoMailId, by } = word;
    if (![mailId, intoMailId ?? mailId].every(isId)) throw faultOf('MAIL_NOT_FOUND');
    if (by.length === 0 || by.length > maxBy)
      throw new Fault('invalid', 'BY', `Say who it is that says so, in at most ${maxBy} characters.`);
    return this.database.write({ tenant: tenantId }, async (tx) => {
      await lockGraphs(tx, [tenantId]);
      const said = await pinOfMail(tx, tenantId, mailId, kind);
      if (said && said.intoMailId === intoMailId) return said;
      const mail = await this.#mailAt(tx, tenantId, mailId);
      if (kind === 'unlog') checkLogged(mail);
      if (intoMailId !== null) await this.#mailAt(tx, tenantId, intoMailId);
      await checkRoom(tx, mail);
      const merge = kind === 'unlog' ? undefined : await deletePin(tx, tenantId, { mailId, kind: 'merge' });
      const pin: Pin = { pinId: newId(), kind, mailId, intoMailId, by, madeAt: this.clock.now().toISOString() };
      await savePin(tx, mail, pin);
      await this.#judge(tx, tenantId, mailId, [], merge !== undefined);
      return pin;
    });
  }

  async #mailAt(tx: Tx, tenantId: string, mailId: string): Promise<GraphMail> {
    const [mail] = await mailsAt(tx, [{ tenantId, mailId }]);
    if (!mail) throw faultOf('MAIL_NOT_FOUND');
    return mail;
  }

  /** Of a mail that is not known any more its ids are: who cites them is judged. A mail that let go of another may leave its thread in pieces. */
  async #judge(tx: Tx, tenantId: string, mailId: string, ids: string[], isLoose: boolean): Promise<void> {
    const [mail] = await mailsAt(tx, [{ tenantId, mailId }]);
    const citers = await citersOf(
      tx,
      ids.map((id) => ({ tenantId, id })),
      maxCiters,
    );
    const loose = isLoose && mail ? [mail.threadId!] : [];
    const traceparent = activeTraceparent();
    const own = await ownInboxes(tx, [tenantId]);
    await this.graph.judgeAgain(tx, [{ tenantId, mailId }, ...citers], own, () => traceparent, [], loose);
  }
}

/** What was sent from the CRM cannot be taken back as a log, and what is there by the rules alone was never logged by anybody. */
function checkLogged({ root }: GraphMail): void {
  if (root === 'sent') throw faultOf('SENT_FROM_HERE');
  if (root === null) throw faultOf('NOT_LOGGED_BY_HAND');
}

async function checkRoom(tx: Tx, { tenantId, threadId }: GraphMail): Promise<void> {
  const { ofTenant, ofThread } = await countPins(tx, tenantId, threadId!);
  if (ofTenant >= maxOfTenant || ofThread >= maxOfThread) throw faultOf('TOO_MANY_PINS');
}

export function toldPin({ pinId, kind, mailId, intoMailId, by, madeAt }: Pin): MessageInitShape<typeof PinSchema> {
  return { pinId, kind, mailId, intoMailId: intoMailId ?? '', by, madeAt: timestampFromDate(new Date(madeAt)) };
}

/** A page by the id of the last one before it. */
export function pageOf(pageSize: number, pageToken: string, max: number): { limit: number; after: string | undefined } {
  if (pageSize < 0) throw new Fault('invalid', 'PAGE_SIZE', `A page holds 1 to ${max}.`);
  if (pageToken !== '' && !isId(pageToken)) throw new Fault('invalid', 'PAGE_TOKEN', 'This is no page token of an earlier answer.');
  return { limit: pageSize === 0 ? Math.ceil(max / 2) : Math.min(pageSize, max), after: pageToken || undefined };
}
