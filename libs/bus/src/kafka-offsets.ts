// Compares where a group stands with what is still in the log; kafkajs would go on elsewhere without a word.
import type { Admin, Kafka } from 'kafkajs';
import { groupRuns, type TopicPartition } from './event-log.js';

/** Runs one piece of administration over a connection of its own. */
export async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Partitions whose committed offset is before the log's start or behind its end; those never read have none. */
export async function findLostOffsets(kafka: Kafka, group: string, topics: string[]): Promise<TopicPartition[]> {
  return withAdmin(kafka, async (admin) => (await lostOffsets(admin, group, topics)).map(({ topic, partition }) => ({ topic, partition })));
}

/** Whether the log of this partition begins after the offset. */
export async function hasLeftLog(kafka: Kafka, { topic, partition }: TopicPartition, offset: string): Promise<boolean> {
  const bounds = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic));
  return bounds.some((bound) => bound.partition === partition && BigInt(bound.low) > BigInt(offset));
}

/** Moves the group's lost offsets, if any, to what is still there; refused while it has members. */
export async function skipLostOffsets(kafka: Kafka, group: string, topics: string[]): Promise<TopicPartition[]> {
  return withAdmin(kafka, async (admin) => {
    const lost = await lostOffsets(admin, group, topics);
    if (lost.length === 0) return [];
    const { groups } = await admin.describeGroups([group]);
    if (groups[0] && groups[0].members.length > 0) throw groupRuns(group);
    for (const { topic, partition, start } of lost)
      await admin.setOffsets({ groupId: group, topic, partitions: [{ partition, offset: start }] });
    return lost.map(({ topic, partition }) => ({ topic, partition }));
  });
}

async function lostOffsets(admin: Admin, group: string, topics: string[]): Promise<(TopicPartition & { start: string })[]> {
  const lost: (TopicPartition & { start: string })[] = [];
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId: group, topics })) {
    const bounds = new Map((await admin.fetchTopicOffsets(topic)).map((bound) => [bound.partition, bound]));
    for (const { partition, offset } of partitions) {
      const bound = bounds.get(partition);
      if (bound && isOutside(BigInt(offset), bound)) lost.push({ topic, partition, start: bound.low });
    }
  }
  return lost;
}

function isOutside(committed: bigint, bound: { low: string; high: string }): boolean {
  return committed >= 0n && (committed < BigInt(bound.low) || committed > BigInt(bound.high));
}

const oldestLookMs = 40 * 86_400_000;
const exactMs = 1_000;

/** What the oldest event of each topic is, as long as its partitions begin where they did. */
export class OldestEvents {
  readonly #known = new Map<string, { starts: string; at: number }>();

  constructor(
    private readonly kafka: Kafka,
    private readonly topics: string[],
  ) {}

  /**
   * When the oldest event was appended, to the second, by asking which offset each instant begins at; undefined if there is none. Nothing is consumed
   * for it.
   */
  async ask(now: Date): Promise<Date | undefined> {
    return withAdmin(this.kafka, async (admin) => {
      let oldest = Number.POSITIVE_INFINITY;
      for (const topic of this.topics) oldest = Math.min(oldest, await this.#oldestOf(admin, topic, now.getTime()));
      return Number.isFinite(oldest) ? new Date(oldest) : undefined;
    });
  }

  async #oldestOf(admin: Admin, topic: string, now: number): Promise<number> {
    const filled = (await admin.fetchTopicOffsets(topic)).filter(({ low, high }) => low !== high);
    const starts = filled.map(({ partition, low }) => `${partition}:${low}`).join();
    let known = this.#known.get(topic);
    if (known?.starts !== starts) this.#known.set(topic, (known = { starts, at: await oldestOf(admin, topic, filled, now) }));
    return known!.at;
  }
}

/** Found by halves, each half a question for every partition. */
async function oldestOf(admin: Admin, topic: string, filled: { partition: number; low: string }[], now: number): Promise<number> {
  if (filled.length === 0) return Number.POSITIVE_INFINITY;
  const allAfter = async (instant: number) => {
    const at = new Map((await admin.fetchTopicOffsetsByTimestamp(topic, instant)).map(({ partition, offset }) => [partition, offset]));
    return filled.every(({ partition, low }) => BigInt(at.get(partition) ?? low) <= BigInt(low));
  };
  let [before, after] = [now - oldestLookMs, now + oldestLookMs];
  while (after - before > exactMs) {
    const middle = Math.floor((before + after) / 2);
    if (await allAfter(middle)) before = middle;
    else after = middle;
  }
  return before;
}
