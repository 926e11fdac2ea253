// Compares where a group stands with what is still in the log; kafkajs would go on elsewhere without a word.
import type { Admin, Kafka } from 'kafkajs';
import type { TopicPartition } from './event-log.js';

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

/** The first partition whose committed offset is before the log's start or behind its end; partitions never read have none. */
export async function findLostOffset(kafka: Kafka, group: string, topics: string[]): Promise<TopicPartition | undefined> {
  return withAdmin(kafka, async (admin) => {
    const committed = await admin.fetchOffsets({ groupId: group, topics });
    for (const { topic, partitions } of committed) {
      const bounds = new Map((await admin.fetchTopicOffsets(topic)).map((bound) => [bound.partition, bound]));
      const lost = partitions.find(({ partition, offset }) => isOutside(BigInt(offset), bounds.get(partition)));
      if (lost) return { topic, partition: lost.partition };
    }
    return undefined;
  });
}

function isOutside(committed: bigint, bound: { low: string; high: string } | undefined): boolean {
  if (committed < 0n || !bound) return false;
  return committed < BigInt(bound.low) || committed > BigInt(bound.high);
}

const oldestLookMs = 40 * 86_400_000;
const exactMs = 1_000;

/**
 * When the oldest event was appended, to the second, by asking which offset each instant begins at; undefined if there is none. Nothing is consumed
 * for it.
 */
export async function oldestEvent(kafka: Kafka, topics: string[], now: Date): Promise<Date | undefined> {
  return withAdmin(kafka, async (admin) => {
    let oldest = Number.POSITIVE_INFINITY;
    for (const topic of topics) oldest = Math.min(oldest, await oldestOf(admin, topic, now.getTime()));
    return Number.isFinite(oldest) ? new Date(oldest) : undefined;
  });
}

async function oldestOf(admin: Admin, topic: string, now: number): Promise<number> {
  const filled = (await admin.fetchTopicOffsets(topic)).filter(({ low, high }) => low !== high);
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
