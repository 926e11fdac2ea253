// The partition hash is Kafka's own: a producer in another language puts a key on the same partition.
import { Partitioners } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { seededRandom } from '@rejoinder/testing/seed';
import { murmur2, partitionOf } from './partition.js';

describe('the partition of a key', () => {
  const random = seededRandom();
  const theirs = Partitioners.DefaultPartitioner();
  const metadata = (partitions: number) => Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 1 }));

  it('agrees with kafkajs for ids and for any other text', () => {
    const keys = Array.from({ length: 2_000 }, () => newId()).concat(
      Array.from({ length: 2_000 }, () => random.bytes(random.int(0, 40)).toString('latin1')),
    );
    for (const key of [...keys, '', 'ä', '鍵', '💌']) {
      const partitions = random.int(1, 64);
      const expected = theirs({ topic: 't', partitionMetadata: metadata(partitions) as never, message: { key, value: null } });
      expect(partitionOf(key, partitions), `${JSON.stringify(key)} of ${partitions}`).toBe(expected);
    }
  });

  it('agrees with the vectors of the Java client', () => {
    const vectors = {
      '21': -973932308,
      foobar: -790332482,
      'a-little-bit-long-string': -985981536,
      'a-little-bit-longer-string': -1486304829,
      abc: 479470107,
    };
    for (const [text, hash] of Object.entries(vectors)) expect(murmur2(Buffer.from(text)), text).toBe(hash);
  });

  it('spreads inboxes over all partitions', () => {
    const counts = new Map<number, number>();
    for (let inbox = 0; inbox < 12_000; inbox++) {
      const partition = partitionOf(newId(), 12);
      counts.set(partition, (counts.get(partition) ?? 0) + 1);
    }
    expect(counts.size).toBe(12);
    expect(Math.min(...counts.values())).toBeGreaterThan(800);
  });
});
