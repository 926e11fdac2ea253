// Memory of a program and of all processes below it, each page counted once: PSS, as Linux tells it.
import { readdirSync, readFileSync } from 'node:fs';

const bytesPerKb = 1_024;
const bytesPerMb = 1_000_000;

export interface ProcessMemory {
  pid: number;
  /** The program's name, such as node or postgres. */
  name: string;
  mb: number;
}

/** Of those that are there just now. */
export function memoryBelow(root: number): ProcessMemory[] {
  const parents = new Map<number, { parent: number; name: string }>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) && readIfThere(`/proc/${entry}/stat`);
    // The name stands in brackets and may hold anything.
    const [, name, parent] = (stat && /^\d+ \((.*)\) \S (\d+) /s.exec(stat)) || [];
    if (name !== undefined) parents.set(Number(entry), { parent: Number(parent), name });
  }
  const isBelow = (pid: number): boolean => pid === root || (parents.has(pid) && isBelow(parents.get(pid)!.parent));
  return [...parents].filter(([pid]) => isBelow(pid)).map(([pid, { name }]) => ({ pid, name, mb: pssMb(pid) }));
}

function pssMb(pid: number): number {
  const kb = /^Pss:\s+(\d+) kB$/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`) ?? '')?.[1] ?? 0;
  return (Number(kb) * bytesPerKb) / bytesPerMb;
}

/** Processes end while one looks at them. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** The memory that a process holds, or the most that it ever held, as Linux tells it. */
export function memoryMb(pid: number, which: 'VmRSS' | 'VmHWM'): number {
  const kb = new RegExp(`^${which}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kb) * bytesPerKb) / bytesPerMb;
}
