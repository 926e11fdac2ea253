// What this process holds in memory while something is done: garbage is collected before each look, so that only what is still needed counts.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pause } from './settle.js';

const lookEveryMs = 150;

/** The most megabytes at any look beyond those before, on the heap and off it. */
export async function heldMbDuring(work: () => Promise<unknown>): Promise<number> {
  const before = heldBytes();
  let peak = before;
  const over = work().then(() => true);
  while (!(await Promise.race([over, pause(lookEveryMs).then(() => false)]))) peak = Math.max(peak, heldBytes());
  return Math.round((peak - before) / 100_000) / 10;
}

export function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // Bytes of buffers that the first finds dead are given back beside it: the second waits for that.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
