// Picks the unprivileged user as whom servers run that refuse to be root.
import { readFileSync } from 'node:fs';
import type { Owner } from './folders.js';

export const isRoot = (): boolean => process.getuid?.() === 0;

/** As root the first of `names` that this machine knows; otherwise oneself. */
export function unprivileged(...names: string[]): Owner {
  if (!isRoot()) return { uid: process.getuid!(), gid: process.getgid!() };
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of names) {
    const user = users.find(([known]) => known === name);
    if (user) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error(
    `none of the users ${names.join(', ')} exists; this server does not run as root, so run the tests as another user or add one of them`,
  );
}
