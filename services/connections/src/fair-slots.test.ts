// Who takes all there is leaves something to others all the same.
import { describe, expect, it } from 'vitest';
import { FairSlots } from './fair-slots.js';

const never = () => new Promise<void>(() => undefined);

/** How many a tenant gets that wants a hundred. */
async function greed(slots: FairSlots, tenantId: string): Promise<number> {
  let refused = 0;
  for (let n = 0; n < 100; n++)
    void slots.through(tenantId, never).catch((error: unknown) => {
      expect(error).toMatchObject({ kind: 'busy', code: 'TESTS_BUSY', retryAfterMs: 25_000 });
      refused++;
    });
  await new Promise(setImmediate);
  return 100 - refused;
}

describe('slots', () => {
  it('are taken to a half by one, and of the rest to a half by each who comes after', async () => {
    const slots = new FairSlots(50);
    const got = [];
    for (const tenantId of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) got.push(await greed(slots, tenantId));
    expect(got).toEqual([25, 13, 6, 3, 2, 1, 0]);
  });

  it('are free again once the work has ended, however it ended', async () => {
    const slots = new FairSlots(1);
    expect(await slots.through('a', async () => 'done')).toBe('done');
    await expect(slots.through('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await slots.through('b', async () => 'done')).toBe('done');
  });
});
