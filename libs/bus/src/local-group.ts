// Membership in the local log's consumer groups: who comes, who goes, and who takes which partitions. One change of a group at a time.
import type pg from 'pg';
import { groupRuns, type TopicPartition } from './event-log.js';
import { groupNotice } from './local-ears.js';
import {
  claimSql,
  expireSql,
  giveBackSql,
  holdersSql,
  joinSql,
  leaveSql,
  lockSql,
  membersSql,
  positionsSql,
  skipLostSql,
} from './local-sql.js';
import { share, turnOf } from './share.js';

/** A partition with how far its group has read and how far the log goes. */
export interface Claim extends TopicPartition {
  next: bigint;
  end: bigint;
}

interface Holder {
  topic: string;
  partition: number;
  next: string;
  end: string;
  holder: string | null;
}

interface Member {
  id: string;
  topics: string[];
}

export async function joinGroup(pool: pg.Pool, group: string, id: string, topics: string[], memberMs: number, self: string): Promise<void> {
  await inTurn(pool, group, async (client) => {
    await client.query(joinSql, [group, id, topics, memberMs]);
    await client.query(positionsSql, [group, topics]);
    await client.query('select pg_notify($1, $2)', ['rejoinder_bus', groupNotice(self, group)]);
  });
}

/** What a member holds and what is over its share, and all members (their ids, sorted). */
export interface Share {
  held: Claim[];
  surplus: Claim[];
  members: string[];
}

/** Takes what is free and belongs to this member's share; undefined if it is a member no more. */
export async function takeShare(pool: pg.Pool, group: string, id: string, topics: string[]): Promise<Share | undefined> {
  return inTurn(pool, group, async (client) => {
    await client.query(expireSql, [group]);
    const { rows: members } = await client.query<Member>(membersSql, [group]);
    if (!members.some((member) => member.id === id)) return undefined;
    const { rows: holders } = await client.query<Holder>(holdersSql, [group, topics]);
    const wanted = topics.flatMap((topic) => ofTopic(topic, members, holders)).filter(({ to }) => to === id);
    const claims = wanted.filter(({ at }) => at.holder === null);
    await client.query(claimSql, [group, claims.map(({ at }) => at.topic), claims.map(({ at }) => at.partition), id]);
    const mine = wanted.filter(({ at }) => at.holder === null || at.holder === id).map(({ at }) => at);
    const surplus = holders.filter((one) => one.holder === id && !mine.includes(one));
    return { held: mine.map(toClaim), surplus: surplus.map(toClaim), members: members.map((member) => member.id).toSorted() };
  });
}

export async function giveBack(pool: pg.Pool, group: string, id: string, given: TopicPartition[], self: string): Promise<void> {
  await pool.query(giveBackSql, [group, given.map((one) => one.topic), given.map((one) => one.partition), id, groupNotice(self, group)]);
}

export async function leaveGroup(pool: pg.Pool, group: string, id: string, self: string): Promise<void> {
  await pool.query(leaveSql, [group, id, groupNotice(self, group)]);
}

/** Moves the group's lost offsets, if any, to what is still there; refused while it has members. */
export async function skipLost(pool: pg.Pool, group: string): Promise<TopicPartition[]> {
  return inTurn(pool, group, async (client) => {
    await client.query(expireSql, [group]);
    const { rows: members } = await client.query<Member>(membersSql, [group]);
    const { rows: lost } = await client.query<TopicPartition>(skipLostSql, [group]);
    if (lost.length > 0 && members.length > 0) throw groupRuns(group);
    return lost;
  });
}

/** Who is to hold each partition of a topic. */
function ofTopic(topic: string, members: Member[], holders: Holder[]): { at: Holder; to: string | undefined }[] {
  const rows = holders.filter((one) => one.topic === topic);
  const readers = members.filter((member) => member.topics.includes(topic)).map((member) => member.id);
  const held = new Map(rows.filter((one) => one.holder !== null).map((one) => [one.partition, one.holder!]));
  const partitions = rows.map((one) => one.partition).toSorted((a, b) => a - b);
  const shared = share(partitions, readers, held, turnOf(topic));
  return rows.map((at) => ({ at, to: shared.get(at.partition) }));
}

const toClaim = ({ topic, partition, next, end }: Holder): Claim => ({ topic, partition, next: BigInt(next), end: BigInt(end) });

/** Who is frozen in its turn (a paused machine) must not hold up the group for longer than a member that is frozen elsewhere. */
const turnIdleMs = 3_000;

async function inTurn<T>(pool: pg.Pool, group: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(`begin; set local idle_in_transaction_session_timeout = ${turnIdleMs}`);
    await client.query(lockSql, [group]);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    broken = error as Error;
    throw error;
  } finally {
    // A connection whose transaction failed is thrown away: that ends the transaction in every case.
    client.release(broken);
  }
}
