// How long a first look still takes, in words.
import { several } from './format.js';

/** Empty where it cannot be told yet, or nothing is left. */
export function timeLeft(seconds: number | null): string {
  if (!seconds) return '';
  const minutes = seconds / 60;
  if (minutes < 1) return 'less than a minute left';
  return `about ${minutes < 90 ? several(Math.round(minutes), 'minute') : several(Math.round(minutes / 60), 'hour')} left`;
}
