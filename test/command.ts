// The command line as a person starts it: a process of its own, with this environment alone. Needs a build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const bin = fileURLToPath(new URL('../services/rejoinder/bin/rejoinder.js', import.meta.url));
const limitMs = 60_000;

export async function rejoinder(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [bin, ...args], { cwd: '/', env: { PATH: process.env.PATH, ...env }, timeout: limitMs });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}
