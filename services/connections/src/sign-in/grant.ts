// What a person granted at a provider's page: the tokens, and how long the access token may still be used.
import type { Private } from '@rejoinder/base/private';

export interface Grant {
  /** Of the settings, such as google. */
  provider: string;
  refreshToken: Private<string>;
  accessToken: Private<string>;
  accessUntil: Date;
  /** From here on it is refreshed before it is given out. */
  refreshAt: Date;
}

/** RFC 6749 §5.1 leaves it open; all providers that are known say an hour or more. */
const unsaidSeconds = 3_600;
/** A session that begins with a token has at least so long before the token ends, where it lives long enough. */
const aheadMs = 300_000;

export function newGrant(
  provider: string,
  tokens: Pick<Grant, 'refreshToken' | 'accessToken'>,
  expiresInSeconds: number | undefined,
  now: Date,
): Grant {
  const livesMs = (expiresInSeconds ?? unsaidSeconds) * 1_000;
  const accessUntil = new Date(now.getTime() + livesMs);
  const refreshAt = new Date(accessUntil.getTime() - Math.min(aheadMs, livesMs / 3));
  return { provider, ...tokens, accessUntil, refreshAt };
}

export type Freshness = 'fresh' | 'ending' | 'ended';

/** A token that its server has refused is as good as ended, whatever its time; a newer one is not meant by that. */
export function freshness({ accessToken, accessUntil, refreshAt }: Grant, refusedToken: string, now: Date): Freshness {
  if (refusedToken !== '' && accessToken.reveal() === refusedToken) return 'ended';
  if (now >= accessUntil) return 'ended';
  return now >= refreshAt ? 'ending' : 'fresh';
}
