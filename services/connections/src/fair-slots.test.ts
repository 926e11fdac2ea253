// Who takes all there is leaves something to others all the same.
import { describe, expect, it } from 'vitest';
import { FairSlots } from './fair-slots.js';

/** How many a tenant gets that wants without end. */
function greed(slots: FairSlots, tenantId: string): number {
  let got = 0;
  while (got < 1_000 && slots.enter(tenantId)) got++;
  return got;
}

describe('slots', () => {
  it('are taken to a half by one, and the rest to a half by each who comes after', () => {
    const slots = new FairSlots(50);
    const tenants = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(tenants.map((tenant) => greed(slots, tenant))).toEqual([25, 13, 6, 3, 2, 1]);
    expect(slots.enter('g')).toBe(false);
  });

  it('are free again once they are left', () => {
    const slots = new FairSlots(2);
    for (let round = 0; round < 3; round++) {
      expect([slots.enter('a'), slots.enter('a'), slots.enter('b')]).toEqual([true, false, true]);
      slots.leave('a');
      slots.leave('b');
    }
    expect(new FairSlots(1).enter('a')).toBe(true);
  });
});
