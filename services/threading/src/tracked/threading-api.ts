// Answers what is tracked, tracks a mail by its Message-ID, and takes that back while nobody has seen it.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Fault } from '@rejoinder/base/fault';
import { isId, newId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { activeTraceparent, event, Outbox } from '@rejoinder/bus/outbox';
import type {
  GetTrackedRequest,
  GetTrackedResponse,
  TrackRequest,
  TrackResponse,
  UntrackRequest,
} from '@rejoinder/contracts/api/threading';
import { FindMailSchema } from '@rejoinder/contracts/commands';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { canonicalMessageId, MAX_ID_BYTES } from '@rejoinder/mail/message-id';
import type { Values } from '@rejoinder/runtime/config';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK, SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import type { settings as declared } from '../config.js';
import { citersOf, lockGraphs, ownInboxes, type MailKey } from '../graph/graph-store.js';
import { GraphWriter } from '../graph/graph-writer.js';
import { liveInboxes } from '../inbox-store.js';
import { bytesText } from '@rejoinder/runtime/rows';
import type { Tx } from '../tx.js';
import {
  deleteGhost,
  loggedById,
  mailMeant,
  makeRoot,
  saveTracked,
  trackedByHash,
  trackedById,
  type MailMeant,
  type TrackedRow,
} from './tracked-store.js';

/** Citers of a ghost that are judged at once. */
const maxCiters = 1_000;

type Answer<T> = Omit<T, '$typeName' | '$unknown'>;

@Controller()
export class ThreadingApi {
  constructor(
    private readonly database: Database<Tx>,
    private readonly vault: Vault,
    private readonly graph: GraphWriter,
    private readonly outbox: Outbox,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Values<typeof declared>,
  ) {}

  @GrpcMethod('ThreadingService', 'Track')
  async track({ tenantId, messageId }: TrackRequest): Promise<Answer<TrackResponse>> {
    const id = messageId.length <= 2 * MAX_ID_BYTES ? canonicalMessageId(messageId) : undefined;
    if (id === undefined)
      throw new Fault('invalid', 'MESSAGE_ID', 'A Message-ID is what stands between < and > in that header, at most 998 bytes.');
    const hash = (await this.vault.hasher(tenantId)).hash('message-id', id);
    const { trackedId, state, mailId, reason } = await this.database.write({ tenant: tenantId }, async (tx) => {
      await lockGraphs(tx, [tenantId]);
      const known = await trackedByHash(tx, tenantId, hash);
      const mail = await mailMeant(tx, tenantId, hash);
      if (mail?.isUnlogged) throw faultOf('UNLOGGED');
      const isThere = known?.mailId === null || mail !== undefined || known?.reason === 'forgotten';
      const isSettled = known && isThere && known.state !== 'not_found' && known.reason !== 'never_logged';
      const row = isSettled ? known : await this.#begin(tx, tenantId, hash, mail, known?.trackedId ?? newId());
      return (await trackedById(tx, tenantId, row.trackedId))!;
    });
    return { trackedId, state, mailId: mailId ?? '', reason };
  }

  @GrpcMethod('ThreadingService', 'GetTracked')
  async getTracked({ tenantId, trackedId }: GetTrackedRequest): Promise<Answer<GetTrackedResponse>> {
    const row = isId(trackedId)
      ? await this.database.read({ tenant: tenantId }, (tx) => this.#tracked(tx, tenantId, trackedId))
      : undefined;
    if (!row) throw new Fault('not_found', 'TRACKED_NOT_FOUND', 'Nothing was tracked under this id.');
    return { trackedId, state: row.state, mailId: row.mailId ?? '', reason: row.reason };
  }

  @GrpcMethod('ThreadingService', 'Untrack')
  async untrack({ tenantId, trackedId }: UntrackRequest): Promise<object> {
    if (!isId(trackedId)) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
    await this.database.write({ tenant: tenantId }, async (tx) => {
      await lockGraphs(tx, [tenantId]);
      const hash = await deleteGhost(tx, tenantId, trackedId);
      if (hash) await this.#judge(tx, tenantId, await citersOf(tx, [{ tenantId, id: bytesText(hash) }], maxCiters));
      else if (await trackedById(tx, tenantId, trackedId)) throw faultOf('MAIL_HAS_COME');
    });
    return {};
  }

  /** A mail that was logged by folder or keyword has no id but its own. */
  async #tracked(tx: Tx, tenantId: string, id: string): Promise<TrackedRow | undefined> {
    return (await trackedById(tx, tenantId, id)) ?? (await loggedById(tx, tenantId, id));
  }

  /** The mail that bears the id becomes a root; an id nobody has seen becomes a ghost, which those who cite it go by, and is searched for. */
  async #begin(tx: Tx, tenantId: string, hash: Buffer, mail: MailMeant | undefined, trackedId: string): Promise<TrackedRow> {
    const { state, reason } = stateOf(mail);
    const mailId = mail?.mailId ?? null;
    const askedAt = this.clock.now();
    const until = new Date(askedAt.getTime() + this.settings.findMinutes * 60_000);
    const traceparent = activeTraceparent();
    await saveTracked(tx, { tenantId, trackedId, hash, mailId, state, reason, askedAt, until: mail ? null : until, traceparent });
    if (state === 'refused') return { trackedId, mailId, state, reason };
    if (mail) await makeRoot(tx, mail);
    else await this.#search(tx, tenantId, hash, until);
    await this.#judge(tx, tenantId, mail ? [mail] : await citersOf(tx, [{ tenantId, id: bytesText(hash) }], maxCiters));
    return { trackedId, mailId, state, reason };
  }

  async #judge(tx: Tx, tenantId: string, mails: MailKey[]): Promise<void> {
    const traceparent = activeTraceparent();
    await this.graph.judgeAgain(tx, mails, await ownInboxes(tx, [tenantId]), () => traceparent);
  }

  async #search(tx: Tx, tenantId: string, messageIdHash: Buffer, until: Date): Promise<void> {
    const inboxIds = await liveInboxes(tx, tenantId);
    const commands = inboxIds.map((inboxId) =>
      event({
        topic: 'rejoinder.sync.commands.v1',
        key: inboxId,
        tenantId,
        schema: FindMailSchema,
        message: { inboxId, messageIdHash, until: timestampFromDate(until) },
      }),
    );
    await this.outbox.add(tx, commands);
  }
}

/** A mail that a person deleted is not taken back, and one of the never-log list not taken. */
function stateOf(mail: MailMeant | undefined): Pick<TrackedRow, 'state' | 'reason'> {
  if (mail?.isForgotten) return { state: 'refused', reason: 'forgotten' };
  if (mail?.isNeverLogged) return { state: 'refused', reason: 'never_logged' };
  return { state: mail ? (mail.isThere ? 'captured' : 'tracked') : 'searching', reason: '' };
}
