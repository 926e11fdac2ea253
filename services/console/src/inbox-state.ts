// The two sides of a mailbox, receiving and sending: what each does, and why it does not.
import type { Inbox } from './api.js';
import { shortTime } from './format.js';

const refused = 'The mail server refused the saved password.';

const sendingWords: Record<Inbox['sending'], string> = { ready: 'works', needs_reconnect: 'stopped', paused: 'paused' };
const receivingWords: Record<string, string> = {
  live: 'works',
  syncing: 'reads headers',
  connecting: 'connects',
  waiting: 'waits',
  slowed: 'slowed by the provider',
  reconnecting: 'reconnects',
  stopped: 'waits',
};

/** Both sides in a line. */
export function sidesOf({ receiving, sending, progress }: Inbox): string {
  const receives = receiving === 'connected' ? (receivingWords[progress?.state ?? 'waiting'] ?? 'waits') : sendingWords[receiving];
  return `Receiving: ${receives} · Sending: ${sendingWords[sending]}`;
}

export const needsPassword = ({ receiving, sending }: Inbox): boolean => receiving === 'needs_reconnect' || sending === 'needs_reconnect';

/** Of what is wrong where and since when, and by what support finds it; empty while nothing is. */
export function whereAndSince({ troubles }: Inbox): string {
  const [first] = troubles;
  if (!first) return '';
  const servers = troubles.map(({ server }) => server).join(' and ');
  const since = first.first_seen_at && `since ${shortTime(first.first_seen_at)}`;
  return [first.provider, servers, since, first.trace_id && `for support: ${first.trace_id}`].filter(Boolean).join(' · ');
}

/** For each side that has stopped a sentence, and one for both where the reason is the same. */
export function stopped({ receiving, sending, receiving_text: receivingText, sending_text: sendingText }: Inbox): string[] {
  const sides = [
    ...(receiving === 'needs_reconnect' ? [{ side: 'Receiving', why: receivingText || refused }] : []),
    ...(sending === 'needs_reconnect' ? [{ side: 'Sending', why: sendingText || refused }] : []),
  ];
  const [first, second] = sides;
  if (first && first.why === second?.why) return [`Receiving and sending stopped. ${first.why}`];
  return sides.map(({ side, why }) => `${side} stopped. ${why}`);
}
