// Waits until something is so, so that tests never sleep.
import { inspect } from 'node:util';

const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 250;
const SHOWN_CHARACTERS = 2_000;

export interface SettleOptions {
  timeoutMs?: number;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks `probe` again and again until it gives something truthy; a probe that throws counts as "not yet". */
export async function settle<T>(
  what: string,
  probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  { timeoutMs = 30_000 }: SettleOptions = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last = 'nothing: the first look did not come back';
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 1.5, LONGEST_WAIT_MS)) {
    const begunMs = deadline - Date.now();
    try {
      const seen = await withinTime(probe, begunMs);
      if (seen === LATE)
        throw new Error(
          `waited ${timeoutMs} ms for ${what}; the last look, begun ${begunMs} ms before, did not come back; seen before: ${last}`,
        );
      if (seen) return seen;
      last = inspect(seen);
    } catch (error) {
      if (Date.now() >= deadline && error instanceof Error && error.message.startsWith('waited ')) throw error;
      last = `it threw ${error instanceof Error ? (error.stack ?? error.message) : inspect(error)}`;
    }
    const leftMs = deadline - Date.now();
    if (leftMs <= 0) throw new Error(`waited ${timeoutMs} ms for ${what}; last seen: ${last.slice(0, SHOWN_CHARACTERS)}`);
    await pause(Math.min(waitMs, leftMs));
  }
}

const LATE = Symbol('late');

async function withinTime<T>(probe: () => Promise<T> | T, ms: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), Math.max(ms, 1));
  });
  try {
    return await Promise.race([Promise.resolve().then(probe), late]);
  } finally {
    clearTimeout(timer);
  }
}
