// Saves a batch of observed mails: headers, locations, the cursor that covers them and their event, in one transaction.
import { Inject, Injectable } from '@nestjs/common';
import { dayOf, type Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { event, Outbox, type NewEvent } from '@rejoinder/bus/outbox';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { MailsObservedSchema, SentCopyObservedSchema } from '@rejoinder/contracts/events/sync';
import { bigintArray, byteaArray, timeArray, uuidArray } from '@rejoinder/runtime/arrays';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { inSpan } from '@rejoinder/runtime/trace';
import { Vault, type Bytes } from '@rejoinder/vault/vault';
import type { Folder } from './folder-store.js';
import { Gate } from './gate.js';
import type { Observation } from './observe.js';
import { fenced, Owner } from './owner-store.js';
import type { SessionRow } from './session-store.js';

/** Where the cursor moves to with a batch: up for new mail, down for history; not at all where mails are only looked at again. */
export type Cursor = NewCursor | { historyNext: number } | 'stays';

export interface NewCursor {
  uidNext: number;
  /** Mails by which EXISTS has grown with this, told or not. */
  arrived: number;
}

export interface ObservedBatch {
  session: SessionRow;
  folder: Folder;
  cursor: Cursor;
  observations: Observation[];
  /** From the inbox's own address: its copy in Sent is the send's. */
  ownHashes: readonly Buffer[];
}

/** Of new mail and of history each: a first sync of a thousand inboxes waits here and not for a connection to the database. */
const savesAtOnce = 2;
/** Hashes in one event, at most: about 350 KB, well below what a broker takes. */
const maxHashesPerEvent = 10_000;
const aheadMs = 2 * 86_400_000;
/** No row is of this time or later: a pod's clock may have been a day ahead of this one's. */
export const aheadOf = (now: Date): Date => new Date(now.getTime() + aheadMs);

const lock = `select o.epoch, s.wanted from session s join owner o on o.partition = s.partition where s.inbox_id = $1::uuid for share of o for no key update of s`;
/** History locks its own folder's row alone, so that it never stands before new mail. */
const lockHistory = `select o.epoch, s.wanted from session s join owner o on o.partition = s.partition where s.inbox_id = $1::uuid for share of o`;

/**
 * A batch is several statements that travel together, since each round trip stands between the server's EXISTS and the event. Not one: a statement over all days takes 5 to 10 ms to
 * plan, and is planned anew on each connection whenever one of its tables has been vacuumed or analyzed, as the small ones that change with each mail are all the time.
 *
 * A mail that is above the cursor has no place yet.
 */
const moveCursor = `
update folder set uid_next = greatest(uid_next, coalesce($3::bigint, uid_next)), history_next = least(history_next, coalesce($4::bigint, history_next)),
  exists_count = exists_count + $5::int, seen = seen + $6::int, total = case when $4::bigint is null then total + $6::int else greatest(total, seen + $6::int) end
where folder_id = $1::uuid and uid_validity = $2::bigint and ($7::bigint is null or uid_next <= $7::bigint)`;

/**
 * One row a mail and inbox; answers the mails that are new to this inbox. `offset 0` has each mail looked for by its key: the planner would read all headers of the inbox
 * instead, more with each batch of a first sync. Days before the inbox was held are not looked into, nor those further ahead than a clock may have been, which are
 * there for when they come.
 */
const insertHeaders = `
insert into mail_header (tenant_id, mail_id, inbox_id, ingested_at, ingested_day, message_id_hash, size_bytes, received_at, sealed)
select distinct on (o.mail_id) $1::uuid, o.mail_id, $2::uuid, $3::timestamptz, $4::date, o.hash, o.size, o.received, o.sealed
from unnest($5::uuid[], $6::bytea[], $7::bigint[], $8::timestamptz[], $9::bytea[]) as o (mail_id, hash, size, received, sealed)
where not exists (select from (select h.inbox_id from mail_header h
  where h.tenant_id = $1::uuid and h.mail_id = o.mail_id and h.ingested_at >= $10::timestamptz and h.ingested_at < $11::timestamptz offset 0) h where h.inbox_id = $2::uuid)
returning mail_id as "mailId"`;

const placed = `from unnest($6::uuid[], $7::bigint[], $8::bool[]) as o (mail_id, uid, logged)`;
const insertPlaces = `
insert into location (tenant_id, inbox_id, folder_id, uid_validity, ingested_at, mail_id, uid, logged)
select $1::uuid, $2::uuid, $3::uuid, $4::bigint, $5::timestamptz, o.mail_id, o.uid, o.logged ${placed}`;

/** Of mails that may have a place: answers those of which somebody was told before that a person has marked them, and the places that say something else now. */
const insertNewPlaces = `
with places as (
  select o.uid, o.logged, l.logged as was_logged, l.gone_at ${placed} cross join lateral (select l.logged, l.gone_at from location l
    where l.folder_id = $3::uuid and l.uid_validity = $4::bigint and l.uid = o.uid and l.ingested_at >= $9::timestamptz and l.ingested_at < $10::timestamptz offset 0) l
), locations as (${insertPlaces} where not exists (select from places p where p.uid = o.uid))
select array(select uid::float8 from places where logged and was_logged) as marked,
  array(select uid::float8 from places where gone_at is not null or (logged and not was_logged)) as changed`;

/** What has waited for these mails is due. */
const makeDue = `
with captures as (
  update capture set due_at = $3::timestamptz where tenant_id = $1::uuid and mail_id = any ($2::uuid[]) and state = 'wanted' and due_at > $3::timestamptz
)
update part set due_at = $3::timestamptz where tenant_id = $1::uuid and mail_id = any ($2::uuid[]) and state = 'pending' and due_at > $3::timestamptz`;

/** Places that were known: the mail is there after all, or is marked now. A statement of its own, since it locks every day there is, and is seldom needed. */
const changePlaces = `update location set gone_at = null, logged = logged or uid = any ($4::bigint[])
where folder_id = $1::uuid and uid_validity = $2::bigint and uid = any ($3::bigint[])`;

interface Places {
  /** UIDs that were known to be marked before. */
  marked: number[];
  /** UIDs that were known otherwise. */
  changed: number[];
}

const allNew: Places = { marked: [], changed: [] };

@Injectable()
export class ObservedStore {
  readonly #gate = new Gate(savesAtOnce);

  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly vault: Vault,
    private readonly owner: Owner,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Answers how many mails are new to the inbox. Refuses (FENCED) if the inbox is not this pod's any more, or not to be held. */
  save(batch: ObservedBatch): Promise<number> {
    return this.#gate.through(isHistory(batch.cursor) ? 'history' : 'fresh', () => inSpan('observe', undefined, () => this.#save(batch)));
  }

  async #save(batch: ObservedBatch): Promise<number> {
    const sealed = await this.#seal(batch);
    const { tenantId } = batch.session;
    return this.database.writeToDisk({ tenants: [tenantId] }, async (tx) => {
      const historical = isHistory(batch.cursor);
      const say = (told: readonly Observation[]) => this.outbox.add(tx, [...mailsObserved(batch, told, historical), ...sentCopies(batch)]);
      // What has just arrived or was asked for is told in any case: that travels with what stores it, since somebody waits for it.
      const [, , mails, places] = await Promise.all([
        this.#enter(tx, batch.session, historical),
        this.#moveCursor(tx, batch),
        this.#insertHeaders(tx, batch, sealed),
        this.#insertPlaces(tx, batch),
        tx.$executeRawUnsafe(makeDue, tenantId, uuidArray(batch.observations.map(({ mailId }) => mailId)), this.clock.now()),
        historical ? undefined : say(batch.observations),
      ]);
      await this.#changePlaces(tx, batch, places.changed);
      const [fresh, marked] = [new Set(mails), new Set(places.marked)];
      // A mail that is listed again and was known here before says nothing new.
      if (historical) await say(batch.observations.filter(({ mailId, logged, uid }) => fresh.has(mailId) || (logged && !marked.has(uid))));
      return fresh.size;
    });
  }

  /** Message-IDs, of those given by hash, that this tenant has seen. */
  async known(tenantId: string, hashes: Buffer<ArrayBuffer>[]): Promise<Set<string>> {
    const sql = `select distinct message_id_hash as hash from mail_header where tenant_id = $1::uuid and message_id_hash = any ($2::bytea[])`;
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) =>
      tx.$queryRawUnsafe<{ hash: Uint8Array }[]>(sql, tenantId, hashes),
    );
    return new Set(rows.map(({ hash }) => Buffer.from(hash).toString('hex')));
  }

  async #seal({ session, observations }: ObservedBatch): Promise<Bytes[]> {
    const day = dayOf(this.clock.now());
    const at = ({ mailId }: Observation) => headerPlace(session.tenantId, session.inboxId, mailId, day);
    const sealed = await this.vault.sealMany(observations.map((one) => ({ at: at(one), plain: one.header })));
    return sealed.map((one) => {
      if (one instanceof Fault) throw one;
      return one;
    });
  }

  async #enter(tx: SqlTransaction, { inboxId, partition }: SessionRow, historical: boolean): Promise<void> {
    const [row] = await tx.$queryRawUnsafe<{ epoch: bigint; wanted: string }[]>(historical ? lockHistory : lock, inboxId);
    this.owner.check(partition, row?.epoch);
    if (row?.wanted !== 'hold') throw fenced();
  }

  async #moveCursor(tx: SqlTransaction, { folder, cursor, observations }: ObservedBatch): Promise<void> {
    const moved = await tx.$executeRawUnsafe(
      moveCursor,
      folder.folderId,
      folder.uidValidity,
      isNew(cursor) ? cursor.uidNext : null,
      isHistory(cursor) ? cursor.historyNext : null,
      isNew(cursor) ? cursor.arrived : 0,
      cursor === 'stays' ? 0 : observations.length,
      isNew(cursor) && observations.length > 0 ? Math.min(...observations.map(({ uid }) => uid)) : null,
    );
    if (moved !== 1) throw fenced();
  }

  async #insertHeaders(tx: SqlTransaction, { session, observations }: ObservedBatch, sealed: Bytes[]): Promise<string[]> {
    const now = this.clock.now();
    const rows = await tx.$queryRawUnsafe<{ mailId: string }[]>(
      insertHeaders,
      session.tenantId,
      session.inboxId,
      now,
      dayOf(now),
      uuidArray(observations.map(({ mailId }) => mailId)),
      byteaArray(observations.map(({ messageIdHash }) => messageIdHash)),
      bigintArray(observations.map(({ sizeBytes }) => sizeBytes)),
      timeArray(observations.map(({ receivedAt }) => receivedAt)),
      byteaArray(sealed),
      session.heldSince,
      aheadOf(now),
    );
    return rows.map(({ mailId }) => mailId);
  }

  async #insertPlaces(tx: SqlTransaction, { session, folder, cursor, observations }: ObservedBatch): Promise<Places> {
    const now = this.clock.now();
    const mails = [
      uuidArray(observations.map(({ mailId }) => mailId)),
      bigintArray(observations.map(({ uid }) => uid)),
      observations.map(({ logged }) => logged),
    ];
    const values = [session.tenantId, session.inboxId, folder.folderId, folder.uidValidity, now, ...mails];
    if (!isNew(cursor)) return (await tx.$queryRawUnsafe<[Places]>(insertNewPlaces, ...values, session.heldSince, aheadOf(now)))[0];
    await tx.$executeRawUnsafe(insertPlaces, ...values);
    return allNew;
  }

  async #changePlaces(tx: SqlTransaction, { folder, observations }: ObservedBatch, changed: number[]): Promise<void> {
    if (changed.length === 0) return;
    const logged = observations.filter((one) => one.logged).map(({ uid }) => uid);
    await tx.$executeRawUnsafe(changePlaces, folder.folderId, folder.uidValidity, changed, logged);
  }
}

const isHistory = (cursor: Cursor): cursor is { historyNext: number } => cursor !== 'stays' && 'historyNext' in cursor;
const isNew = (cursor: Cursor): cursor is NewCursor => cursor !== 'stays' && 'uidNext' in cursor;

/** What sealed header fields are bound to. */
export function headerPlace(tenantId: string, inboxId: string, mailId: string, day: string) {
  return { tenantId, purpose: 'headers' as const, day, row: `mail_header:${inboxId}:${mailId}` };
}

export function mailsObserved({ session }: Pick<ObservedBatch, 'session'>, told: readonly Observation[], historical: boolean): NewEvent[] {
  const { tenantId, inboxId } = session;
  const batches: Observation[][] = [];
  let hashes = 0;
  for (const one of told) {
    const own = one.mail.chainHashes.length + one.mail.recipientHashes.length + one.mail.domainHashes.length + 3;
    if (batches.length === 0 || hashes + own > maxHashesPerEvent) {
      batches.push([]);
      hashes = 0;
    }
    batches.at(-1)!.push(one);
    hashes += own;
  }
  return batches.map((mails) =>
    event({
      topic: historical ? 'rejoinder.sync.history.v1' : 'rejoinder.sync.internal.v1',
      key: inboxId,
      tenantId,
      schema: MailsObservedSchema,
      message: { inboxId, mails: mails.map(({ mail }) => mail), historical },
      historical,
    }),
  );
}

function sentCopies({ session: { tenantId, inboxId }, observations, ownHashes }: ObservedBatch): NewEvent[] {
  const own = observations.filter(({ sendId, fromHash }) => sendId !== '' && fromHash && ownHashes.some((one) => one.equals(fromHash)));
  return own.map(({ sendId, mailId, messageIdHash, mail }) =>
    event({
      topic: 'rejoinder.sync.internal.v1',
      key: inboxId,
      tenantId,
      schema: SentCopyObservedSchema,
      message: { inboxId, sendId, mailId, messageIdHash, inSentFolder: mail.folderRole === 'sent' },
    }),
  );
}
