// Where topics begin is asked, and the rest once.
import type { Kafka } from 'kafkajs';
import { expect, it } from 'vitest';
import { OldestEvents } from './kafka-offsets.js';

/** A topic of one partition, whose events were appended at these times, from an offset on. */
class OneTopic {
  questions = 0;

  constructor(
    public low: number,
    public times: number[],
  ) {}

  kafka(): Kafka {
    const admin = {
      connect: async () => undefined,
      disconnect: async () => undefined,
      fetchTopicOffsets: async () => [{ partition: 0, low: String(this.low), high: String(this.low + this.times.length) }],
      fetchTopicOffsetsByTimestamp: async (_topic: string, instant: number) => {
        this.questions++;
        const found = this.times.findIndex((time) => time >= instant);
        return [{ partition: 0, offset: String(this.low + (found === -1 ? this.times.length : found)) }];
      },
    };
    return { admin: () => admin } as unknown as Kafka;
  }
}

it('looks for the oldest event once, and again when the topic begins elsewhere', async () => {
  const now = Date.UTC(2026, 10, 30);
  const topic = new OneTopic(7, [now - 90_000, now - 60_000, now - 1_000]);
  const events = new OldestEvents(topic.kafka(), ['topic']);
  const ageMs = async () => now - (await events.ask(new Date(now)))!.getTime();
  expect(await ageMs()).toBeGreaterThanOrEqual(89_000);
  const { questions } = topic;
  topic.times.push(now);
  expect(await ageMs()).toBeLessThanOrEqual(91_000);
  expect(topic.questions).toBe(questions);
  Object.assign(topic, { low: 8, times: topic.times.slice(1) });
  expect(await ageMs()).toBeLessThanOrEqual(61_000);
  Object.assign(topic, { low: 11, times: [] });
  expect(await events.ask(new Date(now))).toBeUndefined();
});
