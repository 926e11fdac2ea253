// Shares of a consumer group: equal, complete, and no more moves than needed.
import { describe, expect, it } from 'vitest';
import { seededRandom } from '@rejoinder/testing/seed';
import { share } from './share.js';

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
