// Rows of mails that came by logging addresses: taken, logged or held back, and gone within the days that a body is kept.
import { Inject, Injectable } from '@nestjs/common';
import { startOfDay, type Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { Outbox } from '@rejoinder/bus/outbox';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { CLOCK, HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import type { Observation } from '../inbox/observe.js';
import { mailsObserved } from '../inbox/observed-store.js';
import type { SessionRow } from '../inbox/session-store.js';
import type { LoggingAddress } from './address-store.js';
import type { StoredBytes } from './chunk-store.js';
import { reasonsOfStrangers, type HeldReason } from './verdict.js';

/** A mail with all its bytes. */
export interface StoredMail extends StoredBytes {
  sizeBytes: number;
}

export interface IntakeRow extends StoredMail {
  state: 'received' | 'logged' | 'quarantined';
  reason: HeldReason | '';
}

/** What became of a mail: observations of what is logged, and those of them whose bytes came with it. */
export interface Logged {
  observations: Observation[];
  /** The mail itself, or mails that were in it, each with the id under which it is logged. */
  stored: { mail: StoredMail; mailId: string }[];
}

/** What an address takes within a day from strangers. Members have a bound of their own, so that nobody uses up theirs. */
export interface StrangersLimits {
  mails: number;
  bytes: number;
}

const dayMs = 86_400_000;
/** Before the day's partition is dropped, which is 4 hours before the limit. */
const beforeLimitMs = 5 * 3_600_000;

const columns = `tenant_id as "tenantId", intake_id as "intakeId", inbox_id as "inboxId", state, reason, received_at as "receivedAt",
  received_day::text as "receivedDay", size_bytes::float8 as "sizeBytes"`;

const insert = `
insert into intake (tenant_id, intake_id, inbox_id, state, reason, mail_id, received_at, received_day, size_bytes, due_at)
values ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6::uuid, $7::timestamptz, $8::date, $9::bigint, $10::timestamptz)
on conflict (tenant_id, intake_id) do nothing`;

const taken = `
select count(*) filter (where not of_stranger)::int as own, count(*) filter (where of_stranger)::int as mails,
  coalesce(sum(size_bytes) filter (where of_stranger), 0)::float8 as bytes
from (select size_bytes, state = 'quarantined' and reason = any ($4::text[]) as of_stranger from intake
  where tenant_id = $1::uuid and inbox_id = $2::uuid and received_at > $3::timestamptz) as one`;

@Injectable()
export class IntakeStore {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    @Inject(HOUSE_SETTINGS) private readonly settings: HouseSettings,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** A mail whose bytes are all there is taken: to be looked at, or held back. Refuses (busy, QUARANTINE_FULL) what strangers send beyond their limits. */
  async take(mail: StoredMail, held: HeldReason | undefined, limits: StrangersLimits): Promise<void> {
    const [state, due] = held ? ['quarantined', this.expiresAt(mail)] : ['received', this.clock.now()];
    await this.database.writeToDisk({ tenants: [mail.tenantId] }, async (tx) => {
      await lockSession(tx, mail.inboxId);
      if (held) refuseBeyond(limits, await this.#taken(tx, mail), mail.sizeBytes);
      await this.#insert(tx, mail, { state, reason: held ?? '', mailId: null, due });
    });
  }

  async find(tenantId: string, intakeId: string): Promise<IntakeRow | undefined> {
    const sql = `select ${columns} from intake where tenant_id = $1::uuid and intake_id = $2::uuid`;
    const [row] = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<IntakeRow[]>(sql, tenantId, intakeId));
    return row;
  }

  /** The bytes of a mail that is logged, and whether its inbox logs attachments. */
  async byMail(tenantId: string, mailId: string): Promise<(StoredMail & { attachments: boolean }) | undefined> {
    const sql = `select ${columns}, (select s.attachments from session s where s.inbox_id = intake.inbox_id) as attachments from intake
      where tenant_id = $1::uuid and mail_id = $2::uuid and state = 'logged' order by received_at desc limit 1`;
    const [row] = await this.database.read({ tenants: [tenantId] }, (tx) =>
      tx.$queryRawUnsafe<(StoredMail & { attachments: boolean })[]>(sql, tenantId, mailId),
    );
    return row;
  }

  /** How many mails of members an address has taken within a day. */
  async takenWithinDay(of: LoggingAddress): Promise<number> {
    return (await this.database.read({ tenants: [of.tenantId] }, (tx) => this.#taken(tx, of))).own;
  }

  /** Before a stranger's mail is written: it would not be taken in its end. */
  async admitStranger(of: LoggingAddress, limits: StrangersLimits): Promise<void> {
    refuseBeyond(limits, await this.database.read({ tenants: [of.tenantId] }, (tx) => this.#taken(tx, of)), 0);
  }

  /** What is logged of a mail is told as if its inbox showed it, in the folder whose mail is logged; what of it is not logged is let go of. */
  async log(row: IntakeRow, session: SessionRow, { observations, stored }: Logged): Promise<void> {
    await this.database.writeToDisk({ tenants: [row.tenantId] }, async (tx) => {
      await lockSession(tx, row.inboxId);
      await tx.$executeRawUnsafe(`delete from intake where tenant_id = $1::uuid and intake_id = $2::uuid`, row.tenantId, row.intakeId);
      for (const { mail, mailId } of stored)
        await this.#insert(tx, mail, { state: 'logged', reason: '', mailId, due: this.expiresAt(mail) });
      if (!stored.some(({ mail }) => mail.intakeId === row.intakeId)) await removeChunks(tx, row.tenantId, [row.intakeId]);
      await this.outbox.add(tx, mailsObserved({ session }, observations, false));
    });
  }

  async hold({ tenantId, intakeId }: IntakeRow, reason: HeldReason): Promise<void> {
    const sql = `update intake set state = 'quarantined', reason = $3 where tenant_id = $1::uuid and intake_id = $2::uuid and state = 'received'`;
    await this.database.write({ tenants: [tenantId] }, (tx) => tx.$executeRawUnsafe(sql, tenantId, intakeId, reason));
  }

  async remove(tx: SqlTransaction, tenantId: string, intakeIds: string[]): Promise<void> {
    await tx.$executeRawUnsafe(`delete from intake where tenant_id = $1::uuid and intake_id = any ($2::uuid[])`, tenantId, intakeIds);
    await removeChunks(tx, tenantId, intakeIds);
  }

  async expire({ tenantId, intakeId }: IntakeRow): Promise<void> {
    await this.database.write({ tenants: [tenantId] }, (tx) => this.remove(tx, tenantId, [intakeId]));
  }

  /** What is kept of mails by their ids goes at once. */
  async forget(tx: SqlTransaction, tenantId: string, mailIds: string[]): Promise<void> {
    const sql = `select intake_id as "intakeId" from intake where tenant_id = $1::uuid and mail_id = any ($2::uuid[])`;
    const rows = await tx.$queryRawUnsafe<{ intakeId: string }[]>(sql, tenantId, mailIds);
    if (rows.length === 0) return;
    await this.remove(
      tx,
      tenantId,
      rows.map(({ intakeId }) => intakeId),
    );
  }

  /** A moment before its bytes are dropped with their day. */
  expiresAt({ receivedAt }: Pick<StoredMail, 'receivedAt'>): Date {
    return new Date(startOfDay(receivedAt).getTime() + this.settings.bodyDays * dayMs - beforeLimitMs);
  }

  async #taken(tx: SqlTransaction, { tenantId, inboxId }: LoggingAddress): Promise<StrangersLimits & { own: number }> {
    const since = new Date(this.clock.now().getTime() - dayMs);
    return (await tx.$queryRawUnsafe<(StrangersLimits & { own: number })[]>(taken, tenantId, inboxId, since, reasonsOfStrangers))[0]!;
  }

  async #insert(
    tx: SqlTransaction,
    { tenantId, intakeId, inboxId, receivedAt, receivedDay, sizeBytes }: StoredMail,
    { state, reason, mailId, due }: { state: string; reason: string; mailId: string | null; due: Date },
  ): Promise<void> {
    await tx.$executeRawUnsafe(insert, tenantId, intakeId, inboxId, state, reason, mailId, receivedAt, receivedDay, sizeBytes, due);
  }
}

function refuseBeyond(limits: StrangersLimits, taken: StrangersLimits, sizeBytes: number): void {
  if (taken.mails < limits.mails && taken.bytes + sizeBytes <= limits.bytes) return;
  throw new Fault('busy', 'QUARANTINE_FULL', 'As much as may be held back for this address within a day is.');
}

/** First in a transaction that tells of an inbox: its events keep their order, and of one that is being removed nothing more is written. */
async function lockSession(tx: SqlTransaction, inboxId: string): Promise<void> {
  const sql = `select 1 from session where inbox_id = $1::uuid and wanted <> 'removing' for no key update`;
  if ((await tx.$queryRawUnsafe<unknown[]>(sql, inboxId)).length === 0) throw faultOf('INBOX_REMOVED');
}

async function removeChunks(tx: SqlTransaction, tenantId: string, intakeIds: string[]): Promise<void> {
  await tx.$executeRawUnsafe(`delete from intake_chunk where tenant_id = $1::uuid and intake_id = any ($2::uuid[])`, tenantId, intakeIds);
}
