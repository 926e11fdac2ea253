// What a mailbox's servers can do, in words of what it means for a person.
import type { Verified } from './api.js';
import { size } from './format.js';

/** As sync asks a server that does not tell by itself. */
const askedEverySeconds = 10;

export function preflight({ capabilities, size_limit_bytes: limit }: Omit<Verified, 'checks'>): string {
  const can = (...names: string[]) => names.some((name) => capabilities.includes(name));
  return [
    can('IDLE') ? 'New mail arrives at once.' : `New mail is looked for every ${askedEverySeconds} seconds.`,
    can('CONDSTORE', 'QRESYNC') ? '' : 'What is deleted elsewhere is noticed later, by a look through the whole folder.',
    can('SPECIAL-USE') ? '' : 'The Sent folder is found by its name.',
    limit > 0 ? `Mail of up to ${size(limit)} can be sent.` : '',
  ]
    .filter(Boolean)
    .join(' ');
}
