// How long a first look still takes, by how fast it has gone since this page saw it first.
import { several } from './format.js';

export interface Seen {
  mails: number;
  atMs: number;
}

/** Before that, chance says more than speed. */
const leastMs = 5_000;

/** Empty where it cannot be told yet, or nothing is left. */
export function timeLeft(first: Seen, now: Seen, total: number): string {
  const [mails, ms] = [now.mails - first.mails, now.atMs - first.atMs];
  if (ms < leastMs || mails <= 0 || total <= now.mails) return '';
  const minutes = ((total - now.mails) * ms) / mails / 60_000;
  if (minutes < 1) return 'less than a minute left';
  return `about ${minutes < 90 ? several(Math.round(minutes), 'minute') : several(Math.round(minutes / 60), 'hour')} left`;
}
