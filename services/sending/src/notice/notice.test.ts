// What a notice says, and which of several episodes is told.
import { describe, expect, it } from 'vitest';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { newestOf, noticeMail, type Episode } from './notice.js';

const episode: Episode = { tenantId: 't', inboxId: 'i', credentialVersion: 1n, side: 'receiving', reason: 'AUTH_REJECTED' };
const link = { address: 'ada@example.com', url: 'https://crm.example.com/reconnect/x', expiresAt: new Date('2026-12-14T10:00:00Z') };
const mail = (of: Partial<Episode> = {}, from = 'crm@example.com') => noticeMail({ ...episode, ...of }, link, from, new Date(0));

describe('a notice', () => {
  it('says which side stopped, why in plain words, and by which link it is mended until when', () => {
    expect(mail().subject).toBe('Rejoinder can no longer read ada@example.com');
    expect(mail({ side: 'sending' }).subject).toContain('send from');
    for (const part of [catalogue.AUTH_REJECTED.sentence, link.url, '14 December 2026']) expect(mail().text).toContain(part);
    expect(mail({ reason: 'NEW_REASON' }).text).not.toContain('NEW_REASON');
  });

  it('has one Message-ID for each episode', () => {
    expect(mail({ side: 'sending', reason: 'GONE' }).messageId).toBe(mail().messageId);
    expect(mail({ credentialVersion: 2n }).messageId).not.toBe(mail().messageId);
    expect(mail({}, 'CRM <crm@example.com>').messageId).toMatch(/^<notice\.[0-9a-f]{32}@example\.com>$/);
  });

  it('is told once of both sides, and of the newest credential', () => {
    const both = newestOf([episode, { ...episode, side: 'sending' }, { ...episode, inboxId: 'other' }]);
    expect(both.map(({ inboxId, side }) => [inboxId, side])).toEqual([
      ['i', 'receiving'],
      ['other', 'receiving'],
    ]);
    expect(newestOf([episode, { ...episode, credentialVersion: 2n, side: 'sending' }])).toMatchObject([{ side: 'sending' }]);
  });
});
