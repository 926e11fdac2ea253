// The rules of reconnect links: how long one is good, how many passwords may be tried by it, and what its token looks like.
import { createHash, randomBytes } from 'node:crypto';
import { Private } from '@rejoinder/base/private';

export const goodForMs = 14 * 86_400_000;
/** Of one inbox at once. */
export const maxLinks = 5;

const tokenBytes = 32;
const maxAttempts = 10;
const attemptsPerMs = 3_600_000;
const tokenForm = /^[A-Za-z0-9_-]{43}$/;

export interface Attempts {
  attempts: number;
  attemptsSince: Date | null;
}

export const newToken = () => new Private(randomBytes(tokenBytes).toString('base64url'));

/** What is kept of a token; undefined for what cannot be one. */
export function hashOf(token: string): Uint8Array<ArrayBuffer> | undefined {
  return tokenForm.test(token) ? new Uint8Array(createHash('sha256').update(token).digest()) : undefined;
}

/** One more attempt counted; undefined where there were too many within the hour. */
export function attempted({ attempts, attemptsSince }: Attempts, now: Date): Attempts | undefined {
  const isOver = attemptsSince === null || now.getTime() - attemptsSince.getTime() >= attemptsPerMs;
  if (isOver) return { attempts: 1, attemptsSince: now };
  return attempts < maxAttempts ? { attempts: attempts + 1, attemptsSince } : undefined;
}
