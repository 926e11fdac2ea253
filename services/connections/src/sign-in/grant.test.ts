// How long an access token may be used.
import { describe, expect, it } from 'vitest';
import { Private } from '@rejoinder/base/private';
import { freshness, newGrant } from './grant.js';

const now = new Date('2026-11-30T12:00:00Z');
const after = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
const tokens = { accessToken: new Private('access'), refreshToken: new Private('refresh') };
const grant = (seconds: number | undefined) => newGrant('google', tokens, seconds, now);

describe('an access token', () => {
  it('is refreshed five minutes ahead of its end', () => {
    expect(freshness(grant(3_600), '', after(3_299))).toBe('fresh');
    expect(freshness(grant(3_600), '', after(3_300))).toBe('ending');
    expect(freshness(grant(3_600), '', after(3_599))).toBe('ending');
    expect(freshness(grant(3_600), '', after(3_600))).toBe('ended');
  });

  it('that lives for minutes is not refreshed each time it is asked for', () => {
    expect(freshness(grant(300), '', after(199))).toBe('fresh');
    expect(freshness(grant(300), '', after(200))).toBe('ending');
  });

  it('lives an hour where the provider does not say', () => {
    expect(grant(undefined).accessUntil).toEqual(after(3_600));
  });

  it('that was refused has ended, and one that was refused before it does not matter', () => {
    expect(freshness(grant(3_600), 'access', now)).toBe('ended');
    expect(freshness(grant(3_600), 'an older one', now)).toBe('fresh');
  });

  it('is never shown', () => {
    expect(JSON.stringify(grant(3_600))).not.toMatch(/"(access|refresh)"/);
  });
});
