// Small helpers of the conformance suite: events to publish, consumers that remember what they saw.
import { create, toBinary } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import type { TopicName } from '@rejoinder/contracts/topics';
import type { LoggedEvent, OutboundEvent } from '@rejoinder/bus/event';
import type { Consumer, EventLog, Subscription, TopicPartition } from '@rejoinder/bus/event-log';
import { partitionOn } from '@rejoinder/bus/partition';

export const topic: TopicName = 'rejoinder.sync.v1';
export const valueOf = (): Uint8Array => toBinary(MailCapturedSchema, create(MailCapturedSchema, { mailId: newId() }));

/** An event of a test's own tenant; sequence says how many went before it within its key. */
export function eventOf(tenantId: string, key: string, sequence: number, change: Partial<OutboundEvent> = {}): OutboundEvent {
  return {
    topic,
    key,
    type: 'MailCaptured',
    id: newId(),
    tenantId,
    source: '/rejoinder/sync',
    time: new Date(),
    sequence: BigInt(sequence),
    historical: false,
    value: valueOf(),
    ...change,
  };
}

/** Keys that fall on different partitions, one each. */
export function keysOnDifferentPartitions(count: number): string[] {
  const found = new Map<number, string>();
  while (found.size < count) {
    const key = newId();
    if (!found.has(partitionOn(topic, key))) found.set(partitionOn(topic, key), key);
  }
  return [...found.values()];
}

export interface Seen extends Consumer {
  events: LoggedEvent[];
  /** What it was told that it holds, each time. */
  assignments: TopicPartition[][];
  lost: TopicPartition[];
}

/** A consumer that remembers the events of one tenant. */
export async function watch(log: EventLog, group: string, tenantId: string, change: Partial<Subscription> = {}): Promise<Seen> {
  const [events, assignments, lost]: [LoggedEvent[], TopicPartition[][], TopicPartition[]] = [[], [], []];
  const consumer = await log.consume({
    group,
    topics: [topic],
    onAssigned: async (held) => void assignments.push(held),
    onOffsetLost: (at) => void lost.push(at),
    ...change,
    handle: async (batch, signal) => {
      const ours = batch.filter((event) => event.tenantId === tenantId);
      if (ours.length > 0) await change.handle?.(ours, signal);
      events.push(...ours);
    },
  });
  return { events, assignments, lost, close: () => consumer.close(), health: () => consumer.health() };
}

/** Sequences of each key as they first came. */
export function firstSeen(events: Pick<LoggedEvent, 'id' | 'key' | 'sequence'>[]): Map<string, number[]> {
  const ids = new Set<string>();
  const byKey = new Map<string, number[]>();
  for (const event of events) {
    if (ids.has(event.id)) continue;
    ids.add(event.id);
    byKey.set(event.key, [...(byKey.get(event.key) ?? []), Number(event.sequence)]);
  }
  return byKey;
}

export const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** A measured figure, for whoever reads the test's output. */
export const note = (text: string) => void process.stdout.write(`${text}\n`);
