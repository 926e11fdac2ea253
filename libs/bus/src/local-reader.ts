// Reads and commits one group's place in the local log.
import type pg from 'pg';
import { decodeRecord } from './cloud-event.js';
import type { TopicPartition } from './event-log.js';
import { commitSql, fetchSql, reachesSql } from './local-sql.js';
import type { Appended, LocalTail } from './local-tail.js';

const batchRows = 500;
const batchBytes = 4_000_000;

/** The group's place is no longer in the log: its next event was dropped before it was read. */
export class OffsetLost extends Error {
  constructor(readonly at: TopicPartition) {
    super(`the offset has left ${at.topic}/${at.partition}`);
  }
}

interface Row {
  offset: string;
  appendedAt: string;
  key: string;
  headers: Record<string, string>;
  value: Buffer;
}

export class LocalReader {
  constructor(
    private readonly pool: pg.Pool,
    private readonly tail: LocalTail,
    private readonly group: string,
  ) {}

  /**
   * The next events; none where a crash of the database has cut the log off before them. Offsets have no gaps: what does not begin at the offset asked for has
   * lost events.
   */
  async fetch({ topic, partition }: TopicPartition, next: bigint): Promise<Appended[]> {
    const own = this.tail.from({ topic, partition }, next);
    if (own.length > 0) return own;
    const { rows } = await this.pool.query<Row>({
      name: 'bus fetch',
      text: fetchSql,
      values: [topic, partition, String(next), batchRows, batchBytes],
    });
    if (rows[0]?.offset !== String(next)) {
      if (rows.length > 0 || (await this.#reachesBeyond({ topic, partition }, next))) throw new OffsetLost({ topic, partition });
      return [];
    }
    return rows.map(({ offset, appendedAt, ...record }) => ({
      event: decodeRecord({ topic, partition, offset: BigInt(offset), ...record }),
      appendedAt,
    }));
  }

  async #reachesBeyond({ topic, partition }: TopicPartition, next: bigint): Promise<boolean> {
    return (await this.pool.query(reachesSql, [topic, partition, String(next)])).rows.length > 0;
  }

  /** Everything up to this one is handled. False if the member holds the partition no more, or not from where it believes to stand, or not with this event. */
  async commit({ topic, partition }: TopicPartition, from: bigint, { event, appendedAt }: Appended, member: string): Promise<boolean> {
    const { rowCount } = await this.pool.query({
      name: 'bus commit',
      text: commitSql,
      values: [this.group, topic, partition, String(event.offset + 1n), member, String(from), appendedAt],
    });
    return rowCount === 1;
  }
}
