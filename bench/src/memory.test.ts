// Memory is counted of a process and of those it has started, and of no other.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { memoryBelow } from './memory.js';

it.runIf(process.platform === 'linux')('finds a process with its children, and what they hold', async () => {
  const child = spawn(process.execPath, [
    '-e',
    `require('node:child_process').spawn('sleep', ['60']).on('spawn', () => console.log('there'))`,
  ]);
  try {
    await once(child.stdout, 'data');
    const found = memoryBelow(child.pid!);
    expect(found.map(({ name }) => name).toSorted()).toEqual([expect.stringMatching(/node|MainThread/), 'sleep']);
    expect(found[0]!.mb).toBeGreaterThan(5);
    expect(memoryBelow(process.pid).map(({ pid }) => pid)).toEqual(expect.arrayContaining(found.map(({ pid }) => pid)));
  } finally {
    for (const { pid } of memoryBelow(child.pid!)) process.kill(pid);
  }
});
