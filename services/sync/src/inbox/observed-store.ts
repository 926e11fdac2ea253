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
  ownAddressHash: Buffer;
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
 * All of a batch in one statement, since each round trip stands between the server's EXISTS and the event: the cursor; one header row a mail and
 * inbox; the places; and what has waited for these mails is due. Answers the mails that are new to this inbox, those of which somebody was told
 * before that a person has marked them, and the places that were known and say something else now. `offset 0` has each mail looked for by its key: the
 * planner would read all headers and places of the inbox instead, more with each batch of a first sync. Days before the inbox was held are not looked into, nor those
 * further ahead than a clock may have been, which are there for when they come.
 */
const insertBatch = `
with mails as (
  select * from unnest($8::uuid[], $9::bytea[], $10::bigint[], $11::timestamptz[], $12::bytea[], $13::bigint[], $16::bool[])
    as o (mail_id, hash, size, received, sealed, uid, logged)
), moved as (
  update folder set uid_next = greatest(uid_next, coalesce($5::bigint, uid_next)), history_next = least(history_next, coalesce($6::bigint, history_next)),
    exists_count = exists_count + $17::int, seen = seen + $7::int, total = case when $6::bigint is null then total + $7::int else greatest(total, seen + $7::int) end
  where folder_id = $3::uuid and uid_validity = $4::bigint returning folder_id
), headers as (
  insert into mail_header (tenant_id, mail_id, inbox_id, ingested_at, ingested_day, message_id_hash, size_bytes, received_at, sealed)
  select distinct on (o.mail_id) $1::uuid, o.mail_id, $2::uuid, $14::timestamptz, $15::date, o.hash, o.size, o.received, o.sealed from mails o
  where not exists (select from (select h.inbox_id from mail_header h
    where h.tenant_id = $1::uuid and h.mail_id = o.mail_id and h.ingested_at >= $18::timestamptz and h.ingested_at < $19::timestamptz offset 0) h where h.inbox_id = $2::uuid)
  returning mail_id
), places as (
  select o.uid, o.logged, l.logged as was_logged, l.gone_at from mails o cross join lateral (select l.logged, l.gone_at from location l
    where l.folder_id = $3::uuid and l.uid_validity = $4::bigint and l.uid = o.uid and l.ingested_at >= $18::timestamptz and l.ingested_at < $19::timestamptz offset 0) l
), locations as (
  insert into location (tenant_id, mail_id, inbox_id, folder_id, uid_validity, uid, ingested_at, logged)
  select $1::uuid, o.mail_id, $2::uuid, $3::uuid, $4::bigint, o.uid, $14::timestamptz, o.logged from mails o
  where not exists (select from places p where p.uid = o.uid)
), captures as (
  update capture set due_at = $14::timestamptz where tenant_id = $1::uuid and mail_id = any ($8::uuid[]) and state = 'wanted' and due_at > $14::timestamptz
), parts as (
  update part set due_at = $14::timestamptz where tenant_id = $1::uuid and mail_id = any ($8::uuid[]) and state = 'pending' and due_at > $14::timestamptz
)
select (select count(*)::int from moved) as moved, array(select mail_id from headers) as fresh,
  array(select uid::float8 from places where logged and was_logged) as marked,
  array(select uid::float8 from places where gone_at is not null or (logged and not was_logged)) as changed`;

/** Places that were known: the mail is there after all, or is marked now. A statement of its own, since it locks every day there is, and is seldom needed. */
const changePlaces = `update location set gone_at = null, logged = logged or uid = any ($4::bigint[])
where folder_id = $1::uuid and uid_validity = $2::bigint and uid = any ($3::bigint[])`;

interface Inserted {
  moved: number;
  /** Mails that are new to this inbox. */
  fresh: string[];
  /** UIDs that were known to be marked before. */
  marked: number[];
  /** UIDs that were known otherwise. */
  changed: number[];
}

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
      const [, added] = await Promise.all([
        this.#enter(tx, batch.session, historical),
        this.#insert(tx, batch, sealed),
        historical ? undefined : say(batch.observations),
      ]);
      const [fresh, marked] = [new Set(added.fresh), new Set(added.marked)];
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

  async #insert(tx: SqlTransaction, { session, folder, cursor, observations }: ObservedBatch, sealed: Bytes[]): Promise<Inserted> {
    const now = this.clock.now();
    const uidNext = cursor !== 'stays' && 'uidNext' in cursor ? cursor.uidNext : null;
    const historyNext = cursor !== 'stays' && 'historyNext' in cursor ? cursor.historyNext : null;
    const [row] = await tx.$queryRawUnsafe<Inserted[]>(
      insertBatch,
      session.tenantId,
      session.inboxId,
      folder.folderId,
      folder.uidValidity,
      uidNext,
      historyNext,
      cursor === 'stays' ? 0 : observations.length,
      uuidArray(observations.map(({ mailId }) => mailId)),
      byteaArray(observations.map(({ messageIdHash }) => messageIdHash)),
      bigintArray(observations.map(({ sizeBytes }) => sizeBytes)),
      timeArray(observations.map(({ receivedAt }) => receivedAt)),
      byteaArray(sealed),
      bigintArray(observations.map(({ uid }) => uid)),
      now,
      dayOf(now),
      observations.map(({ logged }) => logged),
      cursor !== 'stays' && 'uidNext' in cursor ? cursor.arrived : 0,
      session.heldSince,
      aheadOf(now),
    );
    if (row?.moved !== 1) throw fenced();
    if (row.changed.length > 0) {
      const logged = observations.filter((one) => one.logged).map(({ uid }) => uid);
      await tx.$executeRawUnsafe(changePlaces, folder.folderId, folder.uidValidity, row.changed, logged);
    }
    return row;
  }
}

const isHistory = (cursor: Cursor): boolean => cursor !== 'stays' && 'historyNext' in cursor;

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

function sentCopies({ session: { tenantId, inboxId }, observations, ownAddressHash }: ObservedBatch): NewEvent[] {
  const own = observations.filter(({ sendId, fromHash }) => sendId !== '' && fromHash?.equals(ownAddressHash));
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
