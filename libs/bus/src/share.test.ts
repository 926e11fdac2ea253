// Shares of a consumer group: equal, complete, and no more moves than needed.
import { describe, expect, it } from 'vitest';
import { seededRandom } from '@rejoinder/testing/seed';
import { handOver, share } from './share.js';

const partitions = (count: number) => Array.from({ length: count }, (_, partition) => partition);
const counts = (shared: Map<number, string>, members: string[]) =>
  members.map((member) => [...shared.values()].filter((one) => one === member).length);
const moves = (before: Map<number, string>, after: Map<number, string>) =>
  [...after].filter(([partition, member]) => before.get(partition) !== member).length;

describe('shares', () => {
  const random = seededRandom();

  it('give a new member its share and take no more than that from the others', () => {
    const alone = share(partitions(12), ['a'], new Map());
    const two = share(partitions(12), ['a', 'b'], alone);
    expect(counts(two, ['a', 'b'])).toEqual([6, 6]);
    expect(moves(alone, two)).toBe(6);
    const three = share(partitions(12), ['a', 'b', 'c'], two);
    expect(moves(two, three)).toBe(4);
  });

  it('leave everything where it is when nobody comes or goes', () => {
    const before = share(partitions(12), ['a', 'b', 'c', 'd', 'e'], new Map());
    expect(share(partitions(12), ['a', 'b', 'c', 'd', 'e'], before)).toEqual(before);
  });

  it('stay equal and complete through any coming and going', () => {
    let held = new Map<number, string>();
    for (let step = 0; step < 500; step++) {
      const members = Array.from({ length: random.int(1, 9) }, (_, index) => `m${index + random.int(0, 3) * 10}`);
      const unique = [...new Set(members)];
      const count = random.int(1, 24);
      const after = share(partitions(count), unique, held, random.int(0, 100));
      expect(after.size).toBe(count);
      const each = counts(after, unique);
      expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
      const kept = unique.map((member) => partitions(count).filter((one) => held.get(one) === member && after.get(one) === member).length);
      const could = unique.map((member) => partitions(count).filter((one) => held.get(one) === member).length);
      for (const [index, keeps] of kept.entries())
        expect(keeps).toBeGreaterThanOrEqual(Math.min(could[index]!, Math.floor(count / unique.length)));
      held = after;
    }
  });
});

describe('a rollout', () => {
  /** A new member is started before an old one ends, as often as there are members. Answers how often each partition has moved. */
  function rollOut(count: number, size: number, step: (members: string[], held: Map<number, string>) => Map<number, string>) {
    let members = Array.from({ length: size }, (_, n) => `old${n}`);
    let held = share(partitions(count), members, new Map());
    const moved = new Map(partitions(count).map((partition) => [partition, 0]));
    const next = (now: string[]) => {
      members = now;
      const holders = new Map([...held].filter(([, member]) => members.includes(member)));
      const after = step(members, holders);
      for (const [partition, member] of after) if (held.get(partition) !== member) moved.set(partition, moved.get(partition)! + 1);
      held = after;
    };
    for (let n = 0; n < size; n++) {
      next([...members, `new${n}`]);
      next(members.filter((member) => member !== `old${n}`));
    }
    return { moved: [...moved.values()], each: counts(held, members) };
  }
  const sizes = Array.from({ length: 9 }, (_, n) => n + 2);

  it.each(sizes)('of %i members moves each partition once, and leaves equal shares', (size) => {
    const { moved, each } = rollOut(12, size, (members, holders) => {
      const fresh = members.filter((member) => member.startsWith('new'));
      return fresh.length < members.length ? handOver(partitions(12), fresh, holders) : share(partitions(12), members, holders);
    });
    expect(new Set(moved)).toEqual(new Set([1]));
    expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
  });

  it('would move many again if every member had its share at all times', () => {
    const { moved } = rollOut(12, 4, (members, holders) => share(partitions(12), members, holders));
    expect(Math.max(...moved)).toBeGreaterThan(1);
  });
});
