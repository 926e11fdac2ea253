// Sizes, times and names as people read them.

const sameDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const thisYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const anyTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Shorter the nearer: 14:05, 3 Nov 14:05, 3 Nov 2025 14:05. */
export function shortTime(iso: string, now = new Date()): string {
  const at = new Date(iso);
  if (at.toDateString() === now.toDateString()) return sameDay.format(at);
  return (at.getFullYear() === now.getFullYear() ? thisYear : anyTime).format(at);
}

export function fullTime(iso: string): string {
  return anyTime.format(new Date(iso));
}

/** 1 MB is 1,000,000 bytes, as in the limits. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(0)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export function nameOf(person: { name: string; address: string }): string {
  return person.name || person.address;
}

/** 1 mail, 2 mails. */
export function several(count: number, word: string, words = `${word}s`): string {
  return `${count.toLocaleString()} ${count === 1 ? word : words}`;
}

export function initials(person: { name: string; address: string }): string {
  const words = nameOf(person)
    .split(/[\s.@_-]+/)
    .filter(Boolean);
  return words
    .slice(0, 2)
    .map((word) => word[0]!.toUpperCase())
    .join('');
}

/** 6.2 days, 7 days, 3 hours. */
export function age(ms: number): string {
  const hours = Math.max(0, ms) / 3_600_000;
  if (hours < 1) return 'under an hour';
  if (hours < 48) return Math.round(hours) === 1 ? '1 hour' : `${Math.round(hours)} hours`;
  return `${Number((hours / 24).toFixed(1))} days`;
}
