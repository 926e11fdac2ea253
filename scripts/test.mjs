// What it takes to trust a clone: generated code without a difference, lint, build, tests. Ends with one line `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const only = process.argv.slice(2);
const results = { passed: 0, failed: 0 };
/** What failed and why, told again at the end: whoever sees only the last lines sees it. */
const failures = [];
/** Names of tests that say less than they seem to. */
const retried = [];
const skipped = [];

/** One check that passes or fails as a whole. */
function check(title, command, args) {
  process.stdout.write(`\n== ${title}\n`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  results[status === 0 ? 'passed' : 'failed']++;
  if (status !== 0) failures.push(title);
  return status === 0;
}

function fail(why) {
  results.failed++;
  failures.push(why);
}

/** A message as lines below a name; a long one is cut. */
const indented = (message) => message.slice(0, 2_000).replaceAll('\n', '\n    ');

/** One run of vitest, counted. */
function runTests(title, args) {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-results-'));
  const file = join(folder, 'results.json');
  process.stdout.write(`\n== ${title}\n`);
  const { status } = spawnSync('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8'));
    // A file that could not even be loaded has no tests of its own to fail.
    const unloaded = testResults.filter((one) => one.status === 'failed' && one.assertionResults.length === 0).length;
    results.passed += numPassedTests;
    results.failed += numFailedTests + unloaded;
    for (const { name, message, status: ofFile, assertionResults } of testResults) {
      if (ofFile === 'failed' && assertionResults.length === 0) failures.push(`${relative(root, name)}: ${indented(message)}`);
      for (const { fullName, status, failureMessages, meta } of assertionResults) {
        if (status === 'failed') failures.push(`${relative(root, name)}: ${fullName}\n    ${indented(failureMessages.join('\n'))}`);
        if (status === 'skipped') skipped.push(`${relative(root, name)}: ${fullName}`);
        if (status === 'passed' && meta.tries > 1)
          retried.push(`${relative(root, name)}: ${fullName}\n    ${indented((meta.failures ?? []).join('\n'))}`);
      }
    }
    if (status !== 0 && numFailedTests + unloaded === 0) fail(`${title}: vitest ended with ${status}, though no test failed`);
  } catch (error) {
    fail(`${title}: vitest left no results to read (${error.message})`);
  }
  rmSync(folder, { recursive: true, force: true });
}

const steps = [
  ['system packages', 'node', ['scripts/system-packages.mjs']],
  ['generated code is what proto/ says', 'node', ['scripts/generate.mjs', '--check']],
  ['lint', 'node', ['scripts/lint.mjs']],
  ['build', 'npm', ['run', '--silent', 'build']],
  ['types of tests', 'tsc', ['-p', 'tsconfig.tests.json']],
];
const ready = only.length > 0 || steps.map((step) => check(...step)).every((passed) => passed);
runTests('tests', only);
const told = (sentence, names) => names.length > 0 && process.stdout.write(`\n${names.length} ${sentence}:\n  ${names.join('\n  ')}\n`);
told('did not run', skipped);
if (!existsSync(join(root, '..', 'shared', 'corpora')))
  process.stdout.write('\nTests with the mails of the corpora did not run: there is no folder ../shared/corpora beside this clone.\n');
told('passed only on a second try', retried);
told('failed', failures);
process.stdout.write(`\n${results.passed} passed, ${results.failed} failed\n`);
process.exit(ready && results.failed === 0 ? 0 : 1);
