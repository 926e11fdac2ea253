// What a person is told of both sides of a mailbox.
import { describe, expect, it } from 'vitest';
import type { Inbox } from './api.js';
import { needsPassword, sidesOf, stopped, whereAndSince } from './inbox-state.js';

const inbox = (more: Partial<Inbox>) =>
  ({ receiving: 'connected', sending: 'ready', receiving_text: '', sending_text: '', progress: null, troubles: [], ...more }) as Inbox;
const live = { state: 'live', reason: '', next_try_at: null, folders: [] };

describe('a mailbox', () => {
  it('says of each side what it does', () => {
    expect(sidesOf(inbox({ progress: live }))).toBe('Receiving: works · Sending: works');
    expect(sidesOf(inbox({ receiving: 'needs_reconnect' }))).toBe('Receiving: stopped · Sending: works');
    expect(sidesOf(inbox({ receiving: 'paused', sending: 'paused' }))).toBe('Receiving: paused · Sending: paused');
    expect(sidesOf(inbox({}))).toBe('Receiving: waits · Sending: works');
  });

  it('says where it is stopped and since when, and by what support finds it', () => {
    const of = { provider: 'Fastmail', first_seen_at: new Date(2020, 0, 2, 14, 5).toISOString(), trace_id: '4bf9' };
    const troubles = [
      { ...of, side: 'receiving' as const, server: 'imap.fastmail.com:993' },
      { ...of, side: 'sending' as const, server: 'smtp.fastmail.com:465' },
    ];
    expect(whereAndSince(inbox({ troubles }))).toMatch(
      /^Fastmail · imap\.fastmail\.com:993 and smtp\.fastmail\.com:465 · since .*2020.* · for support: 4bf9$/,
    );
    expect(whereAndSince(inbox({}))).toBe('');
  });

  it('says why each side has stopped, and once where both did for one reason', () => {
    const both = { receiving: 'needs_reconnect', sending: 'needs_reconnect' } as const;
    expect(stopped(inbox({ ...both, receiving_text: 'Refused.', sending_text: 'Refused.' }))).toEqual([
      'Receiving and sending stopped. Refused.',
    ]);
    expect(stopped(inbox({ ...both, receiving_text: 'Refused.', sending_text: 'Withdrawn.' }))).toEqual([
      'Receiving stopped. Refused.',
      'Sending stopped. Withdrawn.',
    ]);
    expect(stopped(inbox({ sending: 'needs_reconnect' }))).toEqual(['Sending stopped. The mail server refused the saved password.']);
    expect([stopped(inbox({})), needsPassword(inbox({})), needsPassword(inbox(both))]).toEqual([[], false, true]);
  });
});
