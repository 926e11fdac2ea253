// How tokens of reconnect links look, and how many passwords may be tried by one.
import { describe, expect, it } from 'vitest';
import { attempted, hashOf, newToken, type Attempts } from './link.js';

describe('a reconnect link', () => {
  it('has a token that nobody guesses, of which a hash is kept', () => {
    const tokens = Array.from({ length: 50 }, () => newToken().reveal());
    expect(new Set(tokens).size).toBe(50);
    expect(hashOf(tokens[0]!)).toHaveLength(32);
    for (const wrong of ['', 'short', `${tokens[0]}x`, `${tokens[0]!.slice(0, -1)}/`]) expect(hashOf(wrong)).toBeUndefined();
  });

  it('lets ten passwords be tried an hour', () => {
    const at = (minute: number) => new Date(minute * 60_000);
    let seen: Attempts | undefined = { attempts: 0, attemptsSince: null };
    for (let minute = 0; minute < 10; minute++) seen = attempted(seen!, at(minute));
    expect(seen).toMatchObject({ attempts: 10 });
    expect(attempted(seen!, at(59))).toBeUndefined();
    expect(attempted(seen!, at(60))).toEqual({ attempts: 1, attemptsSince: at(60) });
  });
});
