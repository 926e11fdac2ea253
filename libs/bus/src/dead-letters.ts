// Keeps records that cannot be handled: sealed, with their reason, to be handled again once that reason is mended.
import { createHash } from 'node:crypto';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { idFromHash } from '@rejoinder/base/id';
import { decodeRecord, encodeHeaders } from './cloud-event.js';
import type { LoggedEvent, Outcome, OutboundEvent } from './event.js';
import type { SqlTransaction, Transactions } from './sql.js';

/** Seals bytes for a tenant, bound to the row they are of, under the key of the day of that instant. */
export type SealLetter = (tenantId: string, row: string, bytes: Uint8Array, diedAt: Date) => Promise<Uint8Array>;
/** The way back. */
export type OpenLetter = (tenantId: string, row: string, sealed: Uint8Array, diedAt: Date) => Promise<Uint8Array>;

/** What is shown of a dead letter; its value stays sealed. */
export interface DeadLetter {
  deadLetterId: string;
  diedAt: Date;
  tenantId: string;
  topic: string;
  partition: number;
  offset: bigint;
  key: string;
  type: string;
  reason: string;
}

interface Row {
  dead_letter_id: string;
  died_at: Date;
  tenant_id: string;
  topic: string;
  partition: number;
  offset: string;
  key: string;
  type: string;
  reason: string;
  headers: Record<string, string> | string;
  sealed_value: Uint8Array;
}

const maxReasonLength = 500;
const pageRows = 500;
const maxKinds = 1_000;
const columns = `dead_letter_id::text, died_at, tenant_id::text, topic, partition, "offset"::text, key, type, reason`;
const insert = `
insert into dead_letter (dead_letter_id, died_at, tenant_id, topic, partition, "offset", key, type, reason, headers, sealed_value)
select $1::uuid, $2::timestamptz, $3::uuid, $4, $5::int, $6::text::bigint, $7, $8, $9, $10::text::jsonb, $11::bytea
where not exists (select 1 from dead_letter where dead_letter_id = $1::uuid)`;

const pageSql = `
select ${columns} from dead_letter as d where replayed_at is null and died_at <= $1::timestamptz
  and ($3::text is null or (d.topic, d.partition, d."offset", d.dead_letter_id) > ($3::text, $4::int, $5::text::bigint, $6::uuid))
order by d.topic, d.partition, d."offset", d.dead_letter_id limit $2::int`;
const kindsSql = `
select topic, type, reason, count(*)::int as count, min(died_at) as oldest, max(died_at) as newest from dead_letter where replayed_at is null
group by topic, type, reason order by oldest limit ${maxKinds}`;

/** How many dead letters of one kind wait to be replayed; nothing of what is in them. */
export interface WaitingLetters {
  topic: string;
  type: string;
  reason: string;
  count: number;
  oldest: Date;
  newest: Date;
}

/** What waits to be replayed, by topic, event and reason, the longest first. */
export function waitingLetters(database: Pick<Transactions, 'single'>): Promise<WaitingLetters[]> {
  return database.single<WaitingLetters>(kindsSql);
}

/** The dead letters of one service. */
export class DeadLetters {
  constructor(
    private readonly database: Transactions,
    private readonly clock: Clock,
    private readonly seal: SealLetter,
    private readonly open?: OpenLetter,
  ) {}

  /**
   * Keeps a record; the same one twice is one row. False if its tenant's keys are gone: nothing of a deleted tenant is kept.
   * A malformed record keeps no value, since nobody knows whose it is; its offset says where it lies in the log.
   */
  async store(event: LoggedEvent, reason: string): Promise<boolean> {
    const id = letterId(event);
    const diedAt = this.clock.now();
    const sealed = event.malformed === undefined ? await this.#sealed(event, id, diedAt) : new Uint8Array();
    if (!sealed) return false;
    const { topic, partition, offset, key, type, tenantId } = event;
    const headers = JSON.stringify(encodeHeaders(event as LoggedEvent & OutboundEvent));
    const text = reason.slice(0, maxReasonLength);
    await this.database.write({ tenants: [tenantId] }, (tx) =>
      tx.$executeRawUnsafe(insert, id, diedAt, tenantId, topic, partition, String(offset), key, type, text, headers, Buffer.from(sealed)),
    );
    return true;
  }

  /** Those that wait to be replayed and died until then, in the order in which they lay in the log: a page after the one given. */
  async waiting(until: Date, after?: DeadLetter): Promise<DeadLetter[]> {
    const from = after ? [after.topic, after.partition, String(after.offset), after.deadLetterId] : [null, null, null, null];
    return (await this.database.single<Row>(pageSql, until, pageRows, ...from)).map(toLetter);
  }

  /** Gives a record to a handler again; it counts as replayed once that has taken or skipped it. */
  async replay(deadLetterId: string, hand: (event: LoggedEvent) => Promise<Outcome>): Promise<Outcome> {
    const sql = `select ${columns}, headers, sealed_value from dead_letter where dead_letter_id = $1::uuid`;
    const row = await this.database.read('all_tenants', async (tx) => (await tx.$queryRawUnsafe<Row[]>(sql, deadLetterId))[0]);
    if (!row) throw new Fault('not_found', 'DEAD_LETTER_UNKNOWN', 'There is no such dead letter, or its days are over.');
    const outcome = await hand(await this.#opened(row));
    if (outcome.kind === 'dead_letter') return outcome;
    const at = this.clock.now();
    const mark = 'update dead_letter set replayed_at = $2::timestamptz where dead_letter_id = $1::uuid';
    await this.database.write({ tenants: [row.tenant_id] }, (tx: SqlTransaction) => tx.$executeRawUnsafe(mark, deadLetterId, at));
    return outcome;
  }

  async #sealed(event: LoggedEvent, id: string, diedAt: Date): Promise<Uint8Array | undefined> {
    try {
      return await this.seal(event.tenantId, id, event.value, diedAt);
    } catch (error) {
      if (error instanceof Fault && error.kind === 'gone') return undefined;
      throw error;
    }
  }

  async #opened(row: Row): Promise<LoggedEvent> {
    if (!this.open) throw new Fault('denied', 'DEAD_LETTER_SEALED', 'This process holds no key for dead letters.');
    if (row.sealed_value.length === 0) throw new Fault('invalid', 'DEAD_LETTER_MALFORMED', 'A malformed record cannot be replayed.');
    const value = await this.open(row.tenant_id, row.dead_letter_id, row.sealed_value, row.died_at);
    const headers = typeof row.headers === 'string' ? (JSON.parse(row.headers) as Record<string, string>) : row.headers;
    return decodeRecord({ topic: row.topic, partition: row.partition, offset: BigInt(row.offset), key: row.key, headers, value });
  }
}

/** Named by where it lies and what it is, so that a record that dies twice is one letter. */
function letterId({ topic, partition, offset, id }: LoggedEvent): string {
  return idFromHash(createHash('sha256').update(`${topic}/${partition}/${offset}/${id}`).digest());
}

function toLetter(row: Row): DeadLetter {
  return {
    deadLetterId: row.dead_letter_id,
    diedAt: row.died_at,
    tenantId: row.tenant_id,
    topic: row.topic,
    partition: row.partition,
    offset: BigInt(row.offset),
    key: row.key,
    type: row.type,
    reason: row.reason,
  };
}
