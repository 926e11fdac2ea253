// The one hash from a key to its partition: both drivers place events by it, and sync knows by it who owns an inbox.
import { topics, type TopicName } from '@rejoinder/contracts/topics';

const seed = 0x9747b28c | 0;
const multiplier = 0x5bd1e995;
const rotation = 24;

/** The partition of a key among so many: murmur2 of its UTF-8 bytes, as Kafka's own default partitioners do it in every language. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

/** The partition of a key on a topic of the catalogue. */
export function partitionOn(topic: TopicName, key: string): number {
  return partitionOf(key, topics[topic].partitions);
}

/** Austin Appleby's MurmurHash2, 32 bits, with the seed of org.apache.kafka.common.utils.Utils. */
export function murmur2(data: Uint8Array): number {
  const whole = data.length & ~3;
  let hash = seed ^ data.length;
  for (let at = 0; at < whole; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> rotation;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
  }
  let rest = 0;
  for (let at = data.length - 1; at >= whole; at--) rest = (rest << 8) | data[at]!;
  if (data.length > whole) hash = Math.imul(hash ^ rest, multiplier);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}
