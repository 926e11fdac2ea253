// Whatever happens in whatever order - mail, moves, marks, expunges, a new UIDVALIDITY, a death between two lines, two owners - nothing is lost, nothing is told
// twice, no cursor runs ahead; and each of these invariants catches the fault that is planted against it.
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { FolderSync } from '../src/inbox/folder-sync.js';
import type { Extension } from './simulation/model-server.js';
import { World, type Move } from './simulation/world.js';

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
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('later' as const), minutes: fc.constantFrom(1, 11, 25 * 60) }) },
);

const plan = fc.record({
  extension: fc.constantFrom<Extension>('qresync', 'condstore', 'none'),
  historyBatch: fc.integer({ min: 1, max: 4 }),
  /** Turns of the event loop that a transaction takes: others go on meanwhile. */
  slowness: fc.constantFrom(0, 1, 5, 40),
  moves: fc.array(move, { maxLength: 30, size: 'max' }),
});

/** What breaks of the invariants in so many plans, and the shortest plan found that does it; empty if they hold. */
async function breaks(machine: typeof FolderSync, numRuns: number, endOnFailure: boolean): Promise<string> {
  const property = fc.asyncProperty(plan, async ({ extension, historyBatch, slowness, moves }) => {
    const world = new World(machine, extension, historyBatch, slowness);
    await world.play(moves);
    if (world.broken.length > 0) throw new Error(world.broken.slice(0, 5).join('; '));
  });
  const outcome = await fc.check(property, { numRuns, endOnFailure });
  if (!outcome.failed) return '';
  return `after ${outcome.numRuns} plans: ${String(outcome.errorInstance)}\n${JSON.stringify(outcome.counterexample)}`;
}

const runs = process.env.REJOINDER_LONG ? 20_000 : 1_000;

test('every invariant holds', { timeout: 600_000 }, async () => {
  expect(await breaks(FolderSync, runs, false)).toBe('');
});

/** Faults, each against an invariant, as [what it does, what stands there, what takes its place]. */
const faults: [string, string, string][] = [
  [
    'the cursor goes one too far',
    'Math.max(...fresh.map(({ uid }) => uid)) + 1, fresh',
    'Math.max(...fresh.map(({ uid }) => uid)) + 2, fresh',
  ],
  ['the cursor goes to the end before all is taken', 'last + 1, inRange', 'last + 2, inRange'],
  [
    'history is done before the last of it is saved',
    'await this.#saving;\n      this.#history.delete(path);',
    'this.#history.delete(path);',
  ],
  ['history leaves out its oldest', 'uid < folder.historyNext', 'uid < folder.historyNext && uid > 1'],
  [
    'a new UIDVALIDITY is not looked at',
    'if (known && known.uidValidity === server.uidValidity) return known;',
    'if (known) return known;',
  ],
  [
    'a new UIDVALIDITY makes all of it new',
    'await folders.renew(session, known, server)',
    'await folders.renew(session, known, { ...server, uidNext: 1 })',
  ],
  ['marks are not looked for', 'changes ? changes.marked : await this.#marked()', '[]'],
  ['marks are told each time', 'const untold = await folders.untold(session, folder, marked);', 'const untold = marked;'],
  ['what is passed over has not come', 'taken + this.#reader.passedOver(folder, [folder.uidNext, uidNext - 1])', 'taken'],
  ['what vanished is forgotten', 'changes?.vanished ?? []', '[]'],
  ['a shrunk folder is not audited', 'const hasShrunk = !changes &&', 'const hasShrunk = false &&'],
];

/** The same in what it audits by. */
const auditFaults: typeof faults = [
  ['what was passed over is never asked for again', 'for (const uid of unread) await this.#tryAgain(path, uid);', ''],
  ['what was passed over is told as new', '[mail], { historyNext: folder.historyNext }', "[mail], 'stays'"],
  ['a set of UIDs that does not add up is believed', ' || countUids(present) !== exists', ''],
];

const plantedIn = (file: string, [, there, instead]: (typeof faults)[number]) =>
  import(/* @vite-ignore */ `../src/inbox/${file}.ts?planted=${encodeURIComponent(JSON.stringify([there, instead]))}`);

test.for(faults)('a fault is caught: %s', { timeout: 120_000 }, async (fault) => {
  const { FolderSync: machine } = (await plantedIn('folder-sync', fault)) as { FolderSync: typeof FolderSync };
  expect(await breaks(machine, 10_000, true)).not.toBe('');
});

test.for(auditFaults)('a fault is caught: %s', { timeout: 120_000 }, async (fault) => {
  vi.doMock('../src/inbox/folder-audit.js', () => plantedIn('folder-audit', fault));
  // As it is, but not the module that has been loaded.
  const fresh = plantedIn('folder-sync', [fault[0], 'new FolderAudit(', `/* ${fault[0]} */ new FolderAudit(`]);
  const { FolderSync: machine } = (await fresh) as { FolderSync: typeof FolderSync };
  expect(await breaks(machine, 10_000, true)).not.toBe('');
});
