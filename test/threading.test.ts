// Mails of the shared corpora through sync's header reader and threading's judgement, against what each corpus expects; docs/threading.md has the figures.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { baseSubject } from '@rejoinder/mail/subject';
import { firstValue, parseHeaders } from '@rejoinder/mail/headers';
import { decodeWords } from '../services/sync/src/inbox/decode-words.js';
import { corporaExist } from '../libs/mail/test/corpus.js';
import { boxesOf, corpora, partition, type Box } from './thread-corpora.js';
import { allAtOnce, arrive, type Outcome } from './thread-graph.js';
import { leaving, variants, withInjected, type Injected, type Variant } from './thread-injection.js';

const page = readFileSync(new URL('../docs/threading.md', import.meta.url), 'utf8');
/** Cells of each row of the page's tables. */
const rows = page.split('\n').flatMap((line) =>
  line.startsWith('|')
    ? [
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ]
    : [],
);
const shuffles = 50;

const sameThread = (threads: string[], expected: string[], { mails }: Box) => {
  const threadOf = (name: string, of: string[]) => of.find((thread) => thread.split(' ').includes(name));
  return mails.filter(({ name }) => threadOf(name, threads) === threadOf(name, expected)).length;
};

describe.runIf(corporaExist)('of the corpora of threads', () => {
  const boxes = new Map(corpora.map((corpus) => [corpus, corporaExist ? boxesOf(corpus) : []]));

  test.each(corpora)('%s: threads are as expected, but for the deviations that the page names', async (corpus) => {
    const all = await Promise.all(boxes.get(corpus)!.map(async (box) => ({ box, threads: (await allAtOnce(box)).threads })));
    const differing = all.filter(({ box, threads }) => String(threads) !== String(box.expected));
    const count = (of: (one: (typeof all)[number]) => number) => all.reduce((sum, one) => sum + of(one), 0);
    const figures = [
      corpus,
      String(all.length),
      String(count(({ box }) => box.mails.length)),
      String(count(({ box }) => box.expected.length)),
      String(count(({ threads }) => threads.length)),
      String(count(({ box, threads }) => sameThread(threads, box.expected, box))),
      String(all.length - differing.length),
    ];
    expect(rows).toContainEqual(figures);
    const named = rows.filter(([name]) => all.some(({ box }) => box.name === name)).map(([name]) => name);
    expect(differing.map(({ box }) => box.name).sort()).toEqual(named.sort());
  });

  test('lists: so many mails are in the thread that other programs put them in', async () => {
    for (const box of boxes.get('thread-skeletons')!) {
      const { threads } = await allAtOnce(box);
      const figures = Object.values(box.others).map((other) => `${sameThread(threads, other, box)} of ${box.mails.length}`);
      expect(rows).toContainEqual([`list ${box.name}`, ...figures]);
    }
  });

  test('where a corpus joins by subject, base subjects are as it takes them', () => {
    const bySubject = [...boxes.values()].flat().filter(({ name }) => /^(?:subject|localized-subject|thread-orderedsubject)/.test(name));
    const odd = bySubject.filter((box) => {
      const subjectOf = (header: Buffer) => baseSubject(decodeWords(firstValue(parseHeaders(header), 'subject') ?? ''));
      const groups = [...Map.groupBy(box.mails, ({ header }) => subjectOf(header)).values()].map((group) => group.map(({ name }) => name));
      return String(partition(groups)) !== String(box.expected);
    });
    expect(bySubject.length).toBeGreaterThan(10);
    // The first asks for no joining; the second for a prefix that is said to its program.
    expect(odd.map(({ name }) => name)).toEqual(['subject-merge-disabled', 'subject-prefixes-custom']);
  });

  test.each(corpora)('%s: the same threads and verdicts in any order and any batches', { timeout: 300_000 }, async (corpus) => {
    await sameInAnyOrder(boxes.get(corpus)!);
  });

  describe.each(corpora)('%s, with mails re-addressed, forwarded and answered', (corpus) => {
    test('what was re-addressed leaves with its answers, and all else stays', async () => {
      const all = await Promise.all(boxes.get(corpus)!.map(withInjected));
      const outcomes = await Promise.all(all.map(({ box }) => allAtOnce(box)));
      const asMeant = (variant: Variant) =>
        all.reduce((sum, { made }, at) => sum + made.filter((one) => one.variant === variant && isAsMeant(one, outcomes[at]!)).length, 0);
      const parents = all.reduce((sum, { made }) => sum + made.length, 0) / Object.keys(variants).length;
      const figures = [corpus, String(parents), ...(Object.keys(variants) as Variant[]).map((variant) => String(asMeant(variant)))];
      expect(rows).toContainEqual(figures);
      for (const [at, { box }] of all.entries()) expect(outcomes[at]!.threads, box.name).toEqual(box.expected);
    });

    test('the same in any order and any batches', { timeout: 300_000 }, async () => {
      await sameInAnyOrder(await Promise.all(boxes.get(corpus)!.map(async (box) => (await withInjected(box)).box)));
    });
  });
});

/** A failure prints the seed. */
async function sameInAnyOrder(boxes: Box[]): Promise<void> {
  const wanted = await Promise.all(boxes.map(allAtOnce));
  const property = fc.asyncProperty(
    fc.infiniteStream(fc.nat()),
    fc.infiniteStream(fc.nat(9)),
    fc.infiniteStream(fc.boolean()),
    async (order, sizes, answers) => {
      for (const [at, box] of boxes.entries()) {
        const again = box.mails.filter(() => order.next().value! % 5 === 0);
        const mails = [...box.mails, ...again].map((mail) => ({ mail, at: order.next().value! })).sort((one, other) => one.at - other.at);
        const arrival = {
          mails: mails.map(({ mail }) => mail),
          size: () => 1 + sizes.next().value!,
          isAnswered: () => answers.next().value!,
        };
        expect(await arrive(arrival), box.name).toEqual(wanted[at]);
      }
    },
  );
  await fc.assert(property, { numRuns: shuffles, endOnFailure: true });
}

/** It and its answers are alone and untracked, or with their parent and tracked, but for mail among ourselves. */
function isAsMeant({ variant, parent, mails }: Injected, { threads, tracked }: Outcome): boolean {
  const names = mails.map(({ name }) => name);
  const thread = threads.find((one) => one.split(' ').includes(names[0]!))!.split(' ');
  const areTogether = [...names, ...(leaving.includes(variant) ? [] : [parent])].every((name) => thread.includes(name));
  if (leaving.includes(variant)) return areTogether && thread.length === names.length && !names.some((name) => tracked.includes(name));
  const isRead = (name: string) => variant !== 'v7' || name !== names[0];
  return areTogether && names.every((name) => tracked.includes(name) === isRead(name));
}
