// Generates code: contracts from proto/ (committed) and, with --check, tells whether what is committed is what proto/ says.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const run = (command, args, cwd = root) => spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

const { status, error } = run('buf', ['generate'], `${root}/proto`);
if (error)
  process.stderr.write(error.code === 'ENOENT' ? 'buf is missing: start this by npm run generate, after npm ci\n' : `${error.message}\n`);
if (status !== 0) process.exit(status ?? 1);
if (process.argv.includes('--check')) {
  const changed = run('git', ['status', '--porcelain', '--', 'libs/contracts/src/generated']).stdout.trim();
  if (changed !== '') {
    process.stderr.write(`Generated code differs from what is committed; run npm run generate and commit it:\n${changed}\n`);
    process.exit(1);
  }
}
