// Gets a PostgreSQL with its clients (pg_dump, pg_restore, psql), which the packages of npm lack, once per user: the oldest release that Rejoinder runs on.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached, cacheFolder } from './folders.js';
import { run } from './processes.js';
import { isRoot } from './users.js';

/** A wheel that holds PostgreSQL 16.2 for Linux on x64. */
const WHEEL = 'pgserver==0.1.4';
const DOWNLOAD_TIMEOUT_MS = 300_000;
const PIP_HINT = 'It comes from PyPI: apt-get install -y python3-pip (or: node scripts/system-packages.mjs)';

/** Answers the folder that has its bin; as root one that the server's user may enter. */
export async function postgresTools(): Promise<string> {
  const place = isRoot() ? join(tmpdir(), 'rejoinder-test') : cacheFolder();
  const folder = await cached(join(place, WHEEL.replace('==', '-')), async (draft) => {
    const args = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--root-user-action=ignore', '--no-deps', '--target', draft];
    await run('The download of PostgreSQL 16', 'python3', [...args, WHEEL], { timeoutMs: DOWNLOAD_TIMEOUT_MS, hint: PIP_HINT });
  });
  return join(folder, 'pgserver', 'pginstall');
}
