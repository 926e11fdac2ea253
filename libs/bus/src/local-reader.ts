// Reads and commits one group's place in the local log.
import type pg from 'pg';
import { decodeRecord } from './cloud-event.js';
import type { LoggedEvent } from './event.js';
import type { TopicPartition } from './event-log.js';
import { commitSql, fetchSql, reachesSql } from './local-sql.js';
import type { LocalTail } from './local-tail.js';

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
  async fetch({ topic, partition }: TopicPartition, next: bigint): Promise<LoggedEvent[]> {
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
    return rows.map((row) =>
      decodeRecord({ topic, partition, offset: BigInt(row.offset), key: row.key, headers: row.headers, value: row.value }),
    );
  }

  async #reachesBeyond({ topic, partition }: TopicPartition, next: bigint): Promise<boolean> {
    return (await this.pool.query(reachesSql, [topic, partition, String(next)])).rows.length > 0;
  }

  /** False if the member holds the partition no more, or not from where it believes to stand. */
  async commit({ topic, partition }: TopicPartition, from: bigint, next: bigint, member: string): Promise<boolean> {
    const { rowCount } = await this.pool.query({
      name: 'bus commit',
      text: commitSql,
      values: [this.group, topic, partition, String(next), member, String(from)],
    });
    return rowCount === 1;
  }
}
