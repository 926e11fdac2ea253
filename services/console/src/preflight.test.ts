// What a person is told of what their servers can do.
import { describe, expect, it } from 'vitest';
import { preflight } from './preflight.js';

const told = (capabilities: string[], size_limit_bytes = 0) => preflight({ checks: [], capabilities, size_limit_bytes });

describe('what a mailbox can do', () => {
  it('is said in words, and only where it means something', () => {
    expect(told(['IDLE', 'QRESYNC', 'SPECIAL-USE'], 36_700_160)).toBe('New mail arrives at once. Mail of up to 36.7 MB can be sent.');
    expect(told(['IMAP4rev1', 'CONDSTORE', 'SPECIAL-USE'])).toBe('New mail is looked for every 10 seconds.');
    expect(told(['IDLE'])).toContain('The Sent folder is found by its name.');
  });
});
