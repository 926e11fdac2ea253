// What becomes of a session that has ended: when it is tried again, what is said of it, and when the password is to blame.
import type { Fault } from '@rejoinder/base/fault';
import { backoffMs } from '@rejoinder/base/wait';
import { explain } from '@rejoinder/contracts/catalogue';

export interface Past {
  /** Ends without a session between them that stood for a while. */
  failures: number;
  /** How long the session that has ended had stood; 0 where it never logged in. */
  stoodMs: number;
  /** First refusal of the credential in this episode. */
  refusedAt: Date | undefined;
}

export interface Ending {
  state: 'slowed' | 'reconnecting' | 'stopped';
  /** Code of the error catalogue, or empty where the trouble is in this house. */
  reason: string;
  nextTryAt: Date | undefined;
  refusedAt: Date | undefined;
  failures: number;
  authenticationFailed: boolean;
}

/** A refusal counts only if the next try, at least so much later, is refused too: servers refuse for a moment when they reload. */
export const refusalsApartMs = 60_000;
const firstTryMs = 1_000;
const lastTryMs = 300_000;
/** A server that slows us down is left alone at least so long, and longer each time: a limit of a day is not asked about every minute. */
const slowedMs = 30_000;
const lastSlowedMs = 1_800_000;
/** The pause that a server names itself is kept to, up to this. */
const longestPauseMs = 3_600_000;
/** A login that works proves nothing, where the first commands after it are refused: only a session that stood so long begins anew. */
export const standsAfterMs = 60_000;
const slowing = ['THROTTLED', 'TOO_MANY_CONNECTIONS', 'QUOTA'];
const refusals = ['AUTH_REJECTED', 'APP_PASSWORD_NEEDED', 'OAUTH_ONLY', 'OAUTH_REJECTED'];

export function afterEnd(fault: Fault, past: Past, now: Date, random: () => number = Math.random): Ending {
  if (refusals.includes(fault.code)) return afterRefusal(fault, past, now);
  const failures = (past.stoodMs >= standsAfterMs ? 0 : past.failures) + 1;
  const known = explain(fault.code) ? fault.code : '';
  const { refusedAt } = past;
  // What connections says of an inbox it no longer has, or whose provider has withdrawn its grant: a command will come.
  if (fault.kind === 'not_found' || fault.kind === 'gone') {
    return { state: 'stopped', reason: known, nextTryAt: undefined, refusedAt, failures, authenticationFailed: false };
  }
  const slowed = slowing.includes(fault.code);
  const waitMs = Math.max(
    slowed ? Math.max(slowedMs, backoffMs(failures, slowedMs, lastSlowedMs, random)) : backoffMs(failures, firstTryMs, lastTryMs, random),
    Math.min(fault.retryAfterMs ?? 0, longestPauseMs),
  );
  const state = slowed ? 'slowed' : 'reconnecting';
  return { state, reason: known, nextTryAt: new Date(now.getTime() + waitMs), refusedAt, failures, authenticationFailed: false };
}

function afterRefusal({ code }: Fault, { failures, refusedAt }: Past, now: Date): Ending {
  const first = refusedAt ?? now;
  const secondAt = first.getTime() + refusalsApartMs;
  const proven = refusedAt !== undefined && now.getTime() >= secondAt;
  return {
    state: proven ? 'stopped' : 'reconnecting',
    // Not yet proven: the password is not blamed before the second refusal.
    reason: proven ? code : 'UNAVAILABLE',
    nextTryAt: proven ? undefined : new Date(secondAt),
    refusedAt: proven ? undefined : first,
    failures: failures + 1,
    authenticationFailed: proven,
  };
}
