// Compares a folder's UIDs at the server with the places that are known, in the database, and saves what the comparison says.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { event, Outbox } from '@rejoinder/bus/outbox';
import { GapFoundSchema } from '@rejoinder/contracts/events/sync';
import { count } from '@rejoinder/runtime/count';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { UidRange } from '../imap/uid-ranges.js';
import { ConnectionLog } from './connection-log-store.js';
import type { Folder } from './folder-store.js';
import { aheadOf } from './observed-store.js';
import { Owner } from './owner-store.js';
import type { SessionRow } from './session-store.js';

/** What the server has. */
export interface ServerUids {
  /** Every UID of the folder. */
  present: readonly UidRange[];
  /** Those that are to be known: the same, or fewer where history has a limit. */
  wanted: readonly UidRange[];
}

export interface AuditResult {
  /** UIDs that are to be known and are not, highest first, one more than `maxMissing` at most. */
  missing: number[];
  /** Places that were thought to be there and are not. */
  gone: number;
  /** UIDs that were passed over, those first that were asked for again longest ago. */
  unread: number[];
}

/** More than this, and the folder is listed anew. */
export const maxMissing = 500;

/**
 * A folder is in step as a rule. Then a count tells it: of so many wanted UIDs so many are known, and none is known that is not there. Only else are those known made a set, in the
 * order of their index, which halves what that costs; what is missing and what is gone are differences of sets. Days are left out as in ObservedStore.
 */
const known = `location where folder_id = $1::uuid and uid_validity = $2::bigint and gone_at is null and uid < $5::bigint
  and ingested_at >= $6::timestamptz and ingested_at < $7::timestamptz`;
const compare = `
with unread as (
  select uid, tried_at from unread_mail where folder_id = $1::uuid and uid_validity = $2::bigint
), settled as (
  delete from unread_mail where folder_id = $1::uuid and (uid_validity <> $2::bigint or not (uid <@ $3::int8multirange))
), least as (
  select coalesce(min(uid_next), $5::bigint) as uid from folder_mark where folder_id = $1::uuid and uid_validity = $2::bigint
), wanted as (
  select $4::int8multirange * int8multirange(int8range(least.uid, greatest(least.uid, $5::bigint)))
    - coalesce((select range_agg(int8range(uid, uid + 1)) from unread), '{}') as uids from least
), counted as (
  select count(distinct uid) filter (where uid <@ (select uids from wanted)) = (select coalesce(sum(upper(r) - lower(r)), 0) from wanted, unnest(uids) r)
    and count(*) filter (where not (uid <@ $3::int8multirange)) = 0 as is_in_step from ${known}
), known as (
  select coalesce(range_agg(int8range(uid, uid + 1) order by uid), '{}') as uids from ${known} and not (select is_in_step from counted)
), missing as (
  select u::float8 as uid from known, wanted, unnest(wanted.uids - known.uids) r, generate_series(lower(r), upper(r) - 1) u
  where not (select is_in_step from counted) order by u desc limit ${maxMissing + 1}
)
select array(select uid from missing) as missing, (select nullif(uids - $3::int8multirange, '{}')::text from known) as gone,
  array(select uid::float8 from unread where uid <@ $3::int8multirange order by tried_at limit ${maxMissing}) as unread`;

/** A statement of its own, since it locks every day there is, and is seldom needed. */
const markGone = `update location set gone_at = $4::timestamptz where folder_id = $1::uuid and uid_validity = $2::bigint and gone_at is null and uid <@ $3::int8multirange`;

interface Compared extends Pick<AuditResult, 'missing' | 'unread'> {
  /** As a multirange; null for none. */
  gone: string | null;
}

@Injectable()
export class AuditStore {
  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
    private readonly outbox: Outbox,
    private readonly log: ConnectionLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * A mail that was passed over is no gap, which would be told anew each day.
   *
   * Everything below the folder's UIDNEXT is compared, but not below what locations of dropped days may have covered (`folder_mark`). A gap is an event,
   * a metric and an entry of the connection log; the folder counts as audited, so that a mail the server tells of and never gives is asked for once a day.
   */
  async audit(session: SessionRow, folder: Folder, server: ServerUids): Promise<AuditResult> {
    const found = await this.#audit(session, folder, server);
    if (found.missing.length > 0) count('rejoinder.sync.gaps', found.missing.length);
    return found;
  }

  /** Every folder of the inbox is due, as a person wanted it. */
  async allDue({ tenantId, inboxId, partition }: SessionRow): Promise<void> {
    await this.database.writeToDisk({ tenants: [tenantId] }, async (tx) => {
      await this.owner.fence(tx, partition);
      await tx.$executeRawUnsafe('update folder set audited_at = null where inbox_id = $1::uuid', inboxId);
      await tx.$executeRawUnsafe('update session set resync = false where inbox_id = $1::uuid', inboxId);
    });
  }

  #audit(session: SessionRow, { folderId, uidValidity, uidNext, role }: Folder, { present, wanted }: ServerUids): Promise<AuditResult> {
    const { tenantId, inboxId } = session;
    return this.database.writeToDisk({ tenants: [tenantId] }, async (tx) => {
      await this.owner.fence(tx, session.partition);
      const now = this.clock.now();
      const args = [folderId, uidValidity, multirange(present), multirange(wanted), uidNext, session.heldSince, aheadOf(now)];
      const [found] = await tx.$queryRawUnsafe<Compared[]>(compare, ...args);
      const { missing, unread, gone } = found!;
      const marked = gone === null ? 0 : await tx.$executeRawUnsafe(markGone, folderId, uidValidity, gone, now);
      await tx.$executeRawUnsafe('update folder set audited_at = $2::timestamptz where folder_id = $1::uuid', folderId, now);
      const mark = `insert into folder_mark (tenant_id, folder_id, uid_validity, uid_next, marked_at) values ($1::uuid, $2::uuid, $3::bigint, $4::bigint, $5::timestamptz)`;
      await tx.$executeRawUnsafe(mark, tenantId, folderId, uidValidity, uidNext, now);
      const mails = missing.length;
      if (mails > 0) {
        await this.log.add(tx, session, { what: 'gap', folderRole: role, mails });
        const message = { inboxId, folderRole: role, mails: BigInt(mails) };
        await this.outbox.add(tx, [
          event({ topic: 'rejoinder.sync.internal.v1', key: inboxId, tenantId, schema: GapFoundSchema, message }),
        ]);
      }
      return { missing, gone: marked, unread };
    });
  }
}

/** As PostgreSQL writes multiranges. */
const multirange = (ranges: readonly UidRange[]): string => `{${ranges.map(([from, to]) => `[${from},${to + 1})`).join(',')}}`;
