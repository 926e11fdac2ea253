// Gives tests chance that can be repeated: the seed is told when a test fails.
import { randomInt } from 'node:crypto';

const SEED_LIMIT = 2 ** 32;
const vitest = process.env.VITEST ? await import('vitest') : undefined;

export interface Random {
  readonly seed: number;
  /** From 0 up to, but not including, 1. */
  next(): number;
  /** Both ends included. */
  int(lowest: number, highest: number): number;
  chance(probability: number): boolean;
  pick<T>(choices: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
  bytes(count: number): Buffer;
  word(letters?: number): string;
}

/**
 * Chance from `REJOINDER_SEED`, or from a new seed. Call it at the top of a test file, in a `describe` or in a test;
 * repeat a failure with the seed that was printed.
 */
export function seededRandom(seed = seedFromEnvironment()): Random {
  tellOnFailure(seed);
  return randomFrom(seed);
}

export function randomFrom(seed: number): Random {
  const next = mulberry32(seed);
  const int = (lowest: number, highest: number) => lowest + Math.floor(next() * (highest - lowest + 1));
  return {
    seed,
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (choices) => {
      if (choices.length === 0) throw new Error('nothing to pick from');
      return choices[int(0, choices.length - 1)]!;
    },
    shuffle: (items) => {
      const mixed = [...items];
      for (let last = mixed.length - 1; last > 0; last--) {
        const other = int(0, last);
        [mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!];
      }
      return mixed;
    },
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => int(0, 255))),
    word: (letters = int(3, 10)) => Array.from({ length: letters }, () => String.fromCharCode(int(97, 122))).join(''),
  };
}

function seedFromEnvironment(): number {
  const given = process.env.REJOINDER_SEED;
  if (given === undefined || given === '') return randomInt(SEED_LIMIT);
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0 || seed >= SEED_LIMIT)
    throw new Error(`REJOINDER_SEED must be a whole number below ${SEED_LIMIT}, not ${given}`);
  return seed;
}

function tellOnFailure(seed: number): void {
  const tell = () => console.error(`repeat it with REJOINDER_SEED=${seed}`);
  if (!vitest) return tell();
  try {
    vitest.onTestFailed(tell);
  } catch {
    // No test is running: then it is said after each test of this file or block that fails.
    vitest.afterEach(({ task }) => {
      if (task.result?.state === 'fail') tell();
    });
  }
}

/** Tommy Ettinger's generator: 32 bits of state, good enough for tests and the same everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / SEED_LIMIT;
  };
}
