// Sees to the system's packages that the tests start servers from: installs them as root on Debian, else says how.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const UPDATE_TIMEOUT_MS = 300_000;
const INSTALL_TIMEOUT_MS = 1_200_000;
const CHECK_TIMEOUT_MS = 20_000;

const inFolders = (folders, names) => names.some((name) => folders.some((folder) => isExecutable(join(folder, name))));
const command =
  (...names) =>
  () =>
    inFolders([...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/usr/local/bin'], names);
const dovecotPart = (name) => () =>
  inFolders(['/usr/lib/dovecot', '/usr/libexec/dovecot', '/usr/local/libexec/dovecot', '/opt/homebrew/libexec/dovecot'], [name]);

/** Each with what it is for and how to see that it is there. */
const PACKAGES = [
  { name: 'dovecot-imapd', what: 'mailboxes', isThere: dovecotPart('imap') },
  { name: 'dovecot-lmtpd', what: 'delivery of mail', isThere: dovecotPart('lmtp') },
  { name: 'dovecot-submissiond', what: 'sending of mail', isThere: dovecotPart('submission') },
  { name: 'maven', what: 'Kafka, and Java to run it', isThere: () => command('mvn')() && command('java')() },
  { name: 'chromium', what: 'the console', isThere: command('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable') },
  { name: 'python3-pip', what: 'the S3 server', isThere: hasPip },
];

/** Throws an error that says what to do if packages are missing and cannot be installed from here. */
export function ensureSystemPackages(packages = PACKAGES) {
  const missingOnes = () => packages.filter(({ isThere }) => !isThere());
  const missing = missingOnes();
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  for (const { name, what } of missing) console.log(`${name} is missing: needed for ${what}`);
  if (!canInstall()) throw new Error(`Install what the tests need, then run them again:\n  ${advice(names)}`);
  console.log(`Installing ${names.join(' ')} …`);
  apt(['update'], UPDATE_TIMEOUT_MS);
  apt(['install', '-y', '--no-install-recommends', ...names], INSTALL_TIMEOUT_MS);
  const still = missingOnes().map(({ name }) => name);
  if (still.length > 0) throw new Error(`apt-get ended well, but these are still missing: ${still.join(' ')}`);
}

function apt(args, timeout) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, error, stdout, stderr } = spawnSync('apt-get', ['-q', ...args], {
    env,
    timeout,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return;
  throw new Error(
    `apt-get ${args.join(' ')} failed: ${error?.message ?? `code ${status}`}\n${`${stdout ?? ''}${stderr ?? ''}`.slice(-3_000)}`,
  );
}

function canInstall() {
  return process.getuid?.() === 0 && command('apt-get')();
}

function advice(names) {
  if (command('apt-get')()) return `sudo apt-get update && sudo apt-get install -y ${names.join(' ')}`;
  return `by the packages of this system that correspond to Debian's ${names.join(' ')} (Dovecot must be 2.3)`;
}

function hasPip() {
  if (!command('python3')()) return false;
  return spawnSync('python3', ['-m', 'pip', '--version'], { timeout: CHECK_TIMEOUT_MS, stdio: 'ignore' }).status === 0;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    ensureSystemPackages();
    console.log('All system packages that the tests need are here.');
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
