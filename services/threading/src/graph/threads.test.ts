// Threads as a person sees them: who is with whom, whatever comes first.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mail } from '../../test/graphs.js';
import { idsHeld, thread, type Linked } from './threads.js';

/** Threads kept step by step, one batch after another, as the store does. */
class Kept {
  readonly mails = new Map<string, Linked>();
  #made = 0;

  take(batch: Linked[]): ReturnType<typeof thread> {
    const others = [...this.mails.values()];
    const threadOfId = new Map(others.flatMap((one) => idsHeld(one).map((id) => [id, one.threadId!])));
    const result = thread(batch, threadOfId, new Set(), () => `t${String(++this.#made).padStart(4, '0')}`);
    for (const one of batch) this.mails.set(one.mailId, one);
    for (const one of this.mails.values()) {
      const threadId = result.threadOf.get(one.mailId) ?? result.merged.get(one.threadId!) ?? one.threadId;
      this.mails.set(one.mailId, { ...one, threadId });
    }
    return result;
  }

  parts(): string[] {
    const groups = Map.groupBy(this.mails.values(), (one) => one.threadId);
    return [...groups.values()]
      .map((group) =>
        group
          .map((one) => one.mailId)
          .sort()
          .join(' '),
      )
      .sort();
  }
}

const linked = (name: string, cites: string[], id = name): Linked => ({ ...mail({ name, id, cites }), joined: cites.length });

describe('threads', () => {
  test('hold an answer and what it answers, whichever comes first', () => {
    const kept = new Kept();
    kept.take([linked('answer', ['first'])]);
    kept.take([linked('first', [])]);
    expect(kept.parts()).toEqual(['answer first']);
  });
  test('hold two answers to a mail that nobody has seen', () => {
    const kept = new Kept();
    kept.take([linked('one', ['unseen']), linked('other', ['unseen']), linked('alone', [])]);
    expect(kept.parts()).toEqual(['alone', 'one other']);
  });
  test('that turn out to be one go on as the oldest', () => {
    const kept = new Kept();
    kept.take([linked('first', []), linked('second', [])]);
    const { merged } = kept.take([linked('both', ['first', 'second'])]);
    expect([...merged]).toEqual([['t0002', 't0001']]);
  });
  test('are the same in any order and any batches', () => {
    const graph = fc.array(fc.uniqueArray(fc.nat(9), { maxLength: 3 }), { maxLength: 12 });
    const property = fc.property(graph, fc.infiniteStream(fc.nat(3)), fc.infiniteStream(fc.nat()), (cites, sizes, order) => {
      const mails = cites.map((cited, at) =>
        linked(
          `m${at}`,
          cited.map((one) => `i${one}`),
          `i${at % 10}`,
        ),
      );
      const whole = new Kept();
      whole.take(mails);
      const shuffled = mails.map((one) => ({ one, at: order.next().value! })).sort((a, b) => a.at - b.at);
      const parts = new Kept();
      for (let at = 0; at < shuffled.length;) {
        const size = 1 + sizes.next().value!;
        parts.take(shuffled.slice(at, at + size).map(({ one }) => one));
        at += size;
      }
      expect(parts.parts()).toEqual(whole.parts());
    });
    fc.assert(property, { numRuns: 300 });
  });
});

describe('a thread that falls apart', () => {
  test('stays with its oldest mail that nobody split off', () => {
    const older: Linked = { ...linked('older', []), threadId: 't1', isSplit: true };
    const newer: Linked = { ...linked('newer', []), threadId: 't1', seenAt: '2026-11-25T00:00:00.000Z' };
    const { threadOf } = thread([older, newer], new Map(), new Set(['t1']), () => 't2');
    expect(Object.fromEntries(threadOf)).toEqual({ older: 't2', newer: 't1' });
  });

  test('is one with a mail that a person put with one of its own, also if that one is not known any more', () => {
    const one: Linked = { ...linked('one', []), mergedInto: 'gone' };
    const other: Linked = { ...linked('other', []), mergedInto: 'gone' };
    expect(new Set(thread([one, other], new Map(), new Set(), () => 't1').threadOf.values()).size).toBe(1);
    expect(thread([one], new Map([['gone', 't0']]), new Set(), () => 't1').threadOf.get('one')).toBe('t0');
  });

  const one = { ...linked('one', []), threadId: 't1', seenAt: '2026-11-01' };
  const other = { ...linked('other', ['one']), joined: 0, threadId: 't1', seenAt: '2026-11-02' };
  test('stays with its oldest mail, and says who left it', () => {
    const { threadOf, splits, made } = thread([other, one], new Map(), new Set(['t1']), () => 't2');
    expect([threadOf.get('one'), threadOf.get('other'), made]).toEqual(['t1', 't2', ['t2']]);
    expect(splits).toEqual([{ threadId: 't2', fromThreadId: 't1' }]);
  });
  test('and is one with another now says so of its own mails, and that the rest left it', () => {
    const { splits, merged } = thread(
      [other, { ...one, chain: ['old'], joined: 1 }],
      new Map([['old', 't0']]),
      new Set(['t1']),
      () => 't2',
    );
    expect(splits).toEqual([{ threadId: 't2', fromThreadId: 't1' }]);
    expect([...merged]).toEqual([['t1', 't0']]);
  });
  test('may lose mails to a thread that was there before', () => {
    const { splits, merged } = thread([{ ...other, ids: ['old'] }, one], new Map([['old', 't0']]), new Set(['t1']), () => 't2');
    expect([splits, [...merged]]).toEqual([[{ threadId: 't0', fromThreadId: 't1' }], []]);
  });
});
