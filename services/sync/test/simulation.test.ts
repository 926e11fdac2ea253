// Whatever happens in whatever order - mail, moves, marks, expunges, a new UIDVALIDITY, a death between two lines, two owners, news and wishes that come
// twice - nothing is lost, nothing is told twice, no cursor runs ahead; and each of these invariants catches the faults that are planted against it.
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { FolderSync } from '../src/inbox/folder-sync.js';
import type { Extension } from './simulation/model-server.js';
import { World, type Move, type Path } from './simulation/world.js';

const path = fc.constantFrom('INBOX' as const, 'Archive' as const);
const at = fc.nat(20);
const steps = fc.integer({ min: 1, max: 6 });
const after = fc.nat(12);

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('put' as const), path, count: fc.integer({ min: 1, max: 4 }), marked: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('expunge' as const, 'mark' as const), path, at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('poison' as const), path, at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('renumber' as const), path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('look' as const), path }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('work' as const), steps }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('zombie' as const), steps }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('break' as const, 'die' as const), after }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('takeover' as const, 'lie' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'again' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('later' as const), minutes: fc.constantFrom(1, 11, 25 * 60) }) },
);

interface Plan {
  extension: Extension;
  historyBatch: number;
  /** Turns of the event loop that a transaction takes: others go on meanwhile. */
  slowness: number;
  moves: Move[];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  extension: fc.constantFrom<Extension>('qresync', 'condstore', 'none'),
  historyBatch: fc.integer({ min: 1, max: 4 }),
  slowness: fc.constantFrom(0, 1, 5, 40, 100),
  moves: fc.array(move, { maxLength: 30, size: 'max' }),
});

const put = (count: number): Move => ({ kind: 'put', path: 'INBOX', count, marked: false });
const work = (count: number): Move => ({ kind: 'work', steps: count });
const look = (where: Path): Move => ({ kind: 'look', path: where });
const expunge: Move = { kind: 'expunge', path: 'INBOX', at: 0 };
const later: Move = { kind: 'later', minutes: 11 };
const one = (extension: Extension, slowness: number, ...moves: Move[]): [Plan] => [{ extension, slowness, historyBatch: 1, moves }];

/** Chance seldom finds these: old mail is still being saved when its folder is told of again, by this session or the next, or has been numbered anew; a mail is passed over. */
const rarePlans = [
  one('qresync', 60, put(1), work(3), expunge, look('INBOX'), work(2)),
  one('qresync', 40, put(1), work(3), expunge, work(2)),
  one('qresync', 40, put(1), work(3), { kind: 'restart' }, expunge, work(2), work(2)),
  one(
    ...(['none', 100, put(2), work(2), look('Archive'), look('Archive'), later, work(3), look('Archive')] as const),
    ...[{ kind: 'renumber', path: 'INBOX' } as const, work(1)],
  ),
  one('condstore', 0, put(1), work(5), put(1), { kind: 'poison', path: 'INBOX', at: 1 }, { kind: 'move', at: 0 }),
];

/** What breaks of the invariants in so many plans, and the shortest plan found that does it; empty if they hold. */
async function breaks(machine: typeof FolderSync, numRuns: number, endOnFailure: boolean): Promise<string> {
  const property = fc.asyncProperty(plan, async ({ extension, historyBatch, slowness, moves }) => {
    const world = new World(machine, extension, historyBatch, slowness);
    await world.play(moves);
    if (world.broken.length > 0) throw new Error(world.broken.slice(0, 5).join('; '));
  });
  const outcome = await fc.check(property, { numRuns, endOnFailure, examples: rarePlans });
  if (!outcome.failed) return '';
  return `after ${outcome.numRuns} plans: ${String(outcome.errorInstance)}\n${JSON.stringify(outcome.counterexample)}`;
}

const runs = process.env.REJOINDER_LONG ? 20_000 : 1_000;

test('every invariant holds', { timeout: 600_000 }, async () => {
  expect(await breaks(FolderSync, runs, false)).toBe('');
});

/** The invariants, as World words it where one does not hold. */
const invariants = {
  'nothing is lost': /is lost|nobody was told|can be read again was not/,
  'nothing is told twice': /is told \d+ times|told twice|is told as marked/,
  'no cursor is ahead': /the cursor is ahead/,
  'what is gone is gone, and what is there is there': /thought to be|mails to find/,
  'the owner is never fenced': /the owner was fenced/,
};

/** A fault against an invariant: the module it is planted in, what it does, what stands there, and what takes its place. */
type Planted = [invariant: keyof typeof invariants, file: 'folder-sync' | 'folder-audit', what: string, there: string, instead: string];

const faults: Planted[] = [
  ['nothing is lost', 'folder-sync', 'marks are not looked for', 'changes ? changes.marked : await this.#marked()', '[]'],
  [
    ...(['nothing is lost', 'folder-sync', 'a new UIDVALIDITY is not looked at'] as const),
    ...(['if (known && known.uidValidity === server.uidValidity) return known;', 'if (known) return known;'] as const),
  ],
  [
    ...(['nothing is lost', 'folder-audit', 'what was passed over is never asked for again'] as const),
    ...(['for (const uid of unread) await this.#tryAgain(path, uid);', ''] as const),
  ],
  [
    ...(['nothing is told twice', 'folder-sync', 'a new UIDVALIDITY makes all of it new'] as const),
    ...(['await folders.renew(session, known, server)', 'await folders.renew(session, known, { ...server, uidNext: 1 })'] as const),
  ],
  [
    ...(['nothing is told twice', 'folder-sync', 'marks are told each time'] as const),
    ...(['const untold = await folders.untold(session, folder, marked);', 'const untold = marked;'] as const),
  ],
  ['nothing is told twice', 'folder-sync', 'what is announced twice is taken twice', 'uidNext: cursor.uidNext,\n        exists', 'exists'],
  [
    ...(['nothing is told twice', 'folder-audit', 'what was passed over is told as new'] as const),
    ...(['[mail], { historyNext: folder.historyNext }', "[mail], 'stays'"] as const),
  ],
  [
    ...(['no cursor is ahead', 'folder-sync', 'the cursor goes one too far'] as const),
    ...(['Math.max(...fresh.map(({ uid }) => uid)) + 1, fresh', 'Math.max(...fresh.map(({ uid }) => uid)) + 2, fresh'] as const),
  ],
  ['no cursor is ahead', 'folder-sync', 'the cursor goes to the end before all is taken', 'last + 1, inRange', 'last + 2, inRange'],
  [
    ...(['no cursor is ahead', 'folder-sync', 'history is done before the last of it is saved'] as const),
    ...(['await this.#saving;\n      this.#history.delete(path);', 'this.#history.delete(path);'] as const),
  ],
  [
    ...(['no cursor is ahead', 'folder-sync', 'a batch of history is saved before the one above it'] as const),
    ...(['await this.#saving;\n    this.#saving = this.#store', 'this.#saving = this.#store'] as const),
  ],
  [
    ...(['no cursor is ahead', 'folder-sync', 'history leaves out its oldest'] as const),
    ...(['uid < folder.historyNext', 'uid < folder.historyNext && uid > 1'] as const),
  ],
  [
    ...(['what is gone is gone, and what is there is there', 'folder-sync', 'what is passed over has not come'] as const),
    ...(['taken + this.#reader.passedOver(folder, [folder.uidNext, uidNext - 1])', 'taken'] as const),
  ],
  ['what is gone is gone, and what is there is there', 'folder-sync', 'what vanished is forgotten', 'changes?.vanished ?? []', '[]'],
  [
    ...(['what is gone is gone, and what is there is there', 'folder-sync', 'what vanished is marked before it is saved'] as const),
    ...(['await this.#saving;\n    const hasShrunk', 'const hasShrunk'] as const),
  ],
  [
    ...(['what is gone is gone, and what is there is there', 'folder-sync', 'what is expunged is marked before it is saved'] as const),
    ...(['await this.#saving;\n    this.#keep(await this.parts.folders.gone', 'this.#keep(await this.parts.folders.gone'] as const),
  ],
  [
    ...(['what is gone is gone, and what is there is there', 'folder-sync', 'a session is over before its last batch is saved'] as const),
    ...(['await this.#saving.catch(() => undefined);', ''] as const),
  ],
  [
    ...(['what is gone is gone, and what is there is there', 'folder-sync', 'a shrunk folder is not audited'] as const),
    ...(['const hasShrunk = !changes &&', 'const hasShrunk = false &&'] as const),
  ],
  [
    ...(['what is gone is gone, and what is there is there', 'folder-audit', 'a set of UIDs that does not add up is believed'] as const),
    ...([' || countUids(present) !== exists', ''] as const),
  ],
  [
    ...(['the owner is never fenced', 'folder-sync', 'a folder is numbered anew while it is being saved'] as const),
    ...(['await this.#saving;\n    const row = known', 'const row = known'] as const),
  ],
];

const plantedIn = (file: Planted[1], there: string, instead: string) =>
  import(/* @vite-ignore */ `../src/inbox/${file}.ts?planted=${encodeURIComponent(JSON.stringify([there, instead]))}`);

test.for(faults)('%s: a fault in %s is caught, %s', { timeout: 120_000 }, async ([invariant, file, what, there, instead]) => {
  if (file !== 'folder-sync') vi.doMock('../src/inbox/folder-audit.js', () => plantedIn(file, there, instead));
  // As it is, but not the module that has been loaded.
  const [own, other] = file === 'folder-sync' ? [there, instead] : ['new FolderAudit(', `/* ${what} */ new FolderAudit(`];
  const { FolderSync: machine } = (await plantedIn('folder-sync', own, other)) as { FolderSync: typeof FolderSync };
  vi.doUnmock('../src/inbox/folder-audit.js');
  expect(await breaks(machine, 10_000, true)).toMatch(invariants[invariant]);
});

test('each invariant has a fault that is noticed', () => {
  expect(new Set(faults.map(([invariant]) => invariant))).toEqual(new Set(Object.keys(invariants)));
});
