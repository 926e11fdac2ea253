// First and second start of `rejoinder all`: from the start of its process until it is ready, and the memory it then holds at rest.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from '@rejoinder/testing/node-flags';
import { freePort } from '@rejoinder/testing/ports';
import { startProgram, type Program } from '@rejoinder/testing/processes';
import { pause } from '@rejoinder/testing/settle';
import { memoryBelow } from './memory.js';
import type { BenchResult } from './report.js';

const lookMs = 10;
const readyWithinMs = 120_000;
const stopWithinMs = 30_000;
/** What only the start needs has been let go of by then. */
const restMs = 5_000;
const cli = fileURLToPath(new URL('../../services/rejoinder/bin/rejoinder.js', import.meta.url));

/** Without the demo: its mail server is no part of an installation. */
export async function start(say: (line: string) => void): Promise<BenchResult> {
  if (process.platform !== 'linux') throw new Error('Memory is read from /proc: this bench runs on Linux alone.');
  const data = mkdtempSync(join(tmpdir(), 'rejoinder-bench-'));
  // As root, the embedded PostgreSQL runs as another user, who has to pass this folder.
  chmodSync(data, 0o711);
  try {
    say('first start: PostgreSQL and its databases are made');
    const first = await measure(data);
    say('second start');
    const second = await measure(data);
    const named = (prefix: string, figures: Record<string, number>) =>
      Object.fromEntries(Object.entries(figures).map(([key, value]) => [`${prefix}_start_${key}`, value]));
    return {
      name: 'start',
      figures: { ...named('first', first), ...named('second', second) },
      ratios: { second_start_s: second.s, second_start_pss_mb: second.pss_mb },
    };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function measure(data: string) {
  const port = await freePort();
  const started = performance.now();
  const program = startProgram({
    name: 'rejoinder all',
    command: process.execPath,
    // As `npm start` does.
    args: [...nodeFlags, cli, 'all', '--data', data, '--port', String(port)],
  });
  try {
    await untilReady(program, started);
    const s = (performance.now() - started) / 1_000;
    const health = await fetch(`http://127.0.0.1:${port}/health/ready`);
    if (!health.ok) throw new Error(`it says that it is ready, and answers ${health.status}`);
    await pause(restMs);
    const processes = memoryBelow(program.pid);
    const sum = (all: typeof processes) => all.reduce((total, { mb }) => total + mb, 0);
    const postgres = processes.filter(({ name }) => name === 'postgres');
    return { s, pss_mb: sum(processes), pss_postgres_mb: sum(postgres), processes: processes.length };
  } finally {
    await program.stop('SIGTERM', stopWithinMs);
  }
}

async function untilReady(program: Program, started: number): Promise<void> {
  while (!program.output().includes('Ready after')) {
    if (!program.running()) throw new Error(`it ended while starting:\n${program.output()}`);
    if (performance.now() - started > readyWithinMs) throw new Error(`it was not ready after ${readyWithinMs} ms:\n${program.output()}`);
    await pause(lookMs);
  }
}
