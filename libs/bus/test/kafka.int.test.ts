// The conformance suites on Kafka, and what only Kafka has to be told.
import { describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { startKafka } from '@rejoinder/testing/kafka';
import { settle } from '@rejoinder/testing/settle';
import { conformance } from './conformance.js';
import { outboxConformance } from './conformance-outbox.js';
import { kafkaDriver, partitionsOf, victimStarter } from './drivers.js';
import { topic, watch } from './scenes.js';
import { openLog } from './victim.js';

conformance('Kafka', kafkaDriver);
outboxConformance('Kafka', kafkaDriver);

describe('a process that is started anew where one died', () => {
  it('has at once what that one read, and takes nothing from others', async () => {
    const kafka = await startKafka();
    const [tenantId, group] = [newId(), `test.${newId()}`];
    // Kafka misses nobody for a minute.
    const timers = { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000, heartbeatMs: 300 };
    const reach = { kind: 'kafka' as const, brokers: kafka.brokers, ...timers, concurrency: 12 };
    const [other, heir] = [openLog({ ...reach, instance: 'pod-2' }), openLog({ ...reach, instance: 'pod-1' })];
    const held = (seen: { assignments: unknown[][] }) => seen.assignments.at(-1)?.length ?? 0;
    const half = partitionsOf(topic).length / 2;
    try {
      await other.ensureTopics();
      const seen = await watch(other, group, tenantId);
      await settle('the other to hold all', () => held(seen) === 2 * half);
      const victim = victimStarter('', { ...reach, instance: 'pod-1' })({ kind: 'follow', group, topic, tenantId });
      await settle('both to hold half', () => held(seen) === half);
      await victim.stop('SIGKILL');
      const anew = await watch(heir, group, tenantId);
      await settle('the dead one to be followed', () => held(anew) === half, { timeoutMs: timers.sessionTimeoutMs / 3 });
      expect(held(seen)).toBe(half);
    } finally {
      await Promise.all([other.close(), heir.close()]);
      await kafka.stop();
    }
  });
});
