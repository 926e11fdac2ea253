// Runs every check that needs no server: house rules, oxlint, contracts, format. Prints what is broken; exit code 1 if anything is.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkBuilds, checkHouse, readBuilds, readHouse } from './house-rules.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
let broken = 0;

function check(what, command, args, cwd = root) {
  const { status, stdout, stderr, error } = spawnSync(join(root, 'node_modules', '.bin', command), args, { cwd, encoding: 'utf8' });
  if (status === 0) return;
  broken++;
  const missing = error?.code === 'ENOENT' ? `${command} is missing: run npm ci first` : error?.message;
  process.stdout.write(`${what}:\n${missing ?? `${stdout}${stderr}`}\n`);
}

const files = await readHouse(root);
const found = [...checkHouse(files), ...checkBuilds(await readBuilds(root), files)];
if (found.length > 0) {
  broken++;
  process.stdout.write(`house rules:\n  ${found.join('\n  ')}\n`);
}
check('oxlint', 'oxlint', ['--quiet']);
check('buf lint', 'buf', ['lint'], `${root}/proto`);
check('buf breaking: a released contract was changed', 'buf', ['breaking', '--against', 'released.binpb'], `${root}/proto`);
check('chart', 'node', ['scripts/chart.mjs', '--check']);
check('prettier: run npm run format', 'prettier', ['--check', '--log-level', 'warn', '.']);
process.stdout.write(broken === 0 ? 'lint: all rules hold\n' : `lint: ${broken} checks failed\n`);
process.exit(broken === 0 ? 0 : 1);
