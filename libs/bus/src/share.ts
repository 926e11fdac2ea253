// Who of a consumer group holds which partition: equal shares, and everyone keeps what they have as far as that allows.
import { murmur2 } from './partition.js';

/**
 * Shares the partitions of one topic among members. What a member holds it keeps up to its share; the rest is spread. Shares differ by one at the
 * most, and who holds most keeps the one more. The turn (a number for the topic) decides among equals, so that not the same member has more of every
 * topic. Every member computes the same from the same.
 */
export function share(partitions: number[], members: string[], holders: ReadonlyMap<number, string>, turn = 0): Map<number, string> {
  const shared = new Map<number, string>();
  if (members.length === 0) return shared;
  const left = quotas(partitions, members, holders, turn);
  for (const partition of partitions) {
    const holder = holders.get(partition);
    const quota = holder === undefined ? 0 : (left.get(holder) ?? 0);
    if (holder === undefined || quota === 0) continue;
    shared.set(partition, holder);
    left.set(holder, quota - 1);
  }
  const open = [...left].flatMap(([member, quota]) => Array.from({ length: quota }, () => member));
  for (const partition of partitions) {
    if (!shared.has(partition)) shared.set(partition, open.shift()!);
  }
  return shared;
}

/**
 * Shares the partitions of one topic while members of a new release take the place of those of an old one: who holds a partition keeps it, and what is free goes
 * to the new ones alone, to whoever has least. So each partition moves once in a rollout that starts a new member before it ends an old one, and not again
 * with each member that goes after. Once all are of one release, share() makes equal what is not.
 */
export function handOver(partitions: number[], fresh: string[], holders: ReadonlyMap<number, string>): Map<number, string> {
  const shared = new Map(holders);
  const held = new Map(fresh.map((member) => [member, [...holders.values()].filter((holder) => holder === member).length]));
  for (const partition of partitions.filter((one) => !holders.has(one))) {
    const [least] = fresh.toSorted((a, b) => held.get(a)! - held.get(b)! || (a < b ? -1 : 1));
    shared.set(partition, least!);
    held.set(least!, held.get(least!)! + 1);
  }
  return shared;
}

function quotas(partitions: number[], members: string[], holders: ReadonlyMap<number, string>, turn: number): Map<string, number> {
  const held = (member: string) => partitions.filter((partition) => holders.get(partition) === member).length;
  const inTurn = members.toSorted();
  const first = turn % members.length;
  const rotated = [...inTurn.slice(first), ...inTurn.slice(0, first)];
  const ranked = rotated.map((member) => ({ member, held: held(member) })).toSorted((a, b) => b.held - a.held);
  const least = Math.floor(partitions.length / members.length);
  const more = partitions.length % members.length;
  return new Map(ranked.map(({ member }, rank) => [member, least + (rank < more ? 1 : 0)]));
}

/** A number for the topic, the same everywhere. */
export const turnOf = (topic: string) => murmur2(Buffer.from(topic)) >>> 1;
