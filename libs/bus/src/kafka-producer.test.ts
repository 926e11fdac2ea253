// Requests to Kafka: no partition gets more than it takes at once, and order stays.
import { expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { seededRandom } from '@rejoinder/testing/seed';
import type { OutboundEvent } from './event.js';
import { requestsOf } from './kafka-producer.js';

it('splits what one partition would not take at once, and keeps the order within each key', () => {
  const random = seededRandom();
  const keys = Array.from({ length: 5 }, () => newId());
  const events = Array.from({ length: 200 }, (_, index): OutboundEvent => ({
    topic: random.pick(['rejoinder.sync.v1', 'rejoinder.sync.internal.v1']),
    key: random.pick(keys),
    type: 'MailCaptured',
    id: newId(),
    tenantId: newId(),
    source: '/rejoinder/sync',
    time: new Date(),
    sequence: BigInt(index),
    historical: false,
    value: Buffer.alloc(random.int(1, 150_000)),
  }));
  const requests = requestsOf(events);
  const sent = requests.flatMap((request) => request.flatMap(({ topic, messages }) => messages.map((message) => ({ topic, message }))));
  expect(sent.length).toBe(200);
  for (const request of requests) {
    const bytes = new Map<string, number>();
    for (const { topic, messages } of request) {
      for (const { partition, value } of messages)
        bytes.set(`${topic}/${partition}`, (bytes.get(`${topic}/${partition}`) ?? 0) + (value as Buffer).length);
    }
    expect(Math.max(...bytes.values())).toBeLessThan(750_000);
  }
  for (const key of keys) {
    for (const topic of ['rejoinder.sync.v1', 'rejoinder.sync.internal.v1']) {
      const before = events.filter((event) => event.key === key && event.topic === topic).map((event) => String(event.sequence));
      const after = sent
        .filter((one) => one.message.key === key && one.topic === topic)
        .map((one) => String(one.message.headers!.ce_sequence));
      expect(after).toEqual(before);
    }
  }
});
