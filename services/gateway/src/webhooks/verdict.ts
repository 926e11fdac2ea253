// Decides what comes of a try: whether the event was taken, and who waits for how long if not, this event or the whole webhook.
import { backoffMs } from '@rejoinder/base/wait';
import type { ErrorCode } from '@rejoinder/contracts/catalogue';
import { connectionCode, tlsCode } from '@rejoinder/runtime/mail-trouble';

/** What a receiver answered, or what broke on the way to it. */
export type Answer = { status: number; retryAfter?: string } | { code: string | undefined };

/**
 * taken: with a 2xx. refused: this event, so it waits alone and others go on. away: the receiver itself, so all wait. gone: it wants no more at all.
 */
export interface Verdict {
  kind: 'taken' | 'refused' | 'away' | 'gone';
  status: number | null;
  reason: ErrorCode | '';
  /** What the receiver asked for. */
  waitMs?: number;
}

const firstWaitMs = 5_000;
const maxRefusedEventMs = 6 * 3_600_000;
const maxAwayMs = 900_000;
const firstRefusedMs = 1_000;
const maxRefusedMs = 30_000;

/** The words of mail servers in those of receivers. */
const reasons: Partial<Record<ErrorCode, ErrorCode>> = {
  HOST_BLOCKED: 'WEBHOOK_BLOCKED',
  HOST_NOT_FOUND: 'WEBHOOK_HOST',
  PORT_BLOCKED: 'WEBHOOK_PORT',
  REFUSED: 'WEBHOOK_CLOSED',
  TIMEOUT: 'WEBHOOK_TIMEOUT',
  TLS_CERT: 'WEBHOOK_TLS',
  TLS_REQUIRED: 'WEBHOOK_TLS',
};
const statuses: Record<number, ErrorCode> = {
  408: 'WEBHOOK_BUSY',
  425: 'WEBHOOK_BUSY',
  429: 'WEBHOOK_THROTTLED',
  502: 'WEBHOOK_BUSY',
  503: 'WEBHOOK_BUSY',
  504: 'WEBHOOK_BUSY',
};

export function judge(answer: Answer, now: Date): Verdict {
  if (!('status' in answer)) return { kind: 'away', status: null, reason: brokenBy(answer.code) };
  const { status, retryAfter } = answer;
  if (status >= 200 && status < 300) return { kind: 'taken', status, reason: '' };
  if (status === 410) return { kind: 'gone', status, reason: 'WEBHOOK_GONE' };
  if (status >= 300 && status < 400) return { kind: 'away', status, reason: 'WEBHOOK_REDIRECT' };
  const reason = statuses[status];
  return reason
    ? { kind: 'away', status, reason, waitMs: askedMs(retryAfter, now) }
    : { kind: 'refused', status, reason: 'WEBHOOK_REFUSED' };
}

function brokenBy(code: string | undefined): ErrorCode {
  // ABORT_ERR is our own clock.
  const known = code === 'ABORT_ERR' ? 'TIMEOUT' : (tlsCode(code) ?? connectionCode(code) ?? (code as ErrorCode | undefined));
  return (known && reasons[known]) ?? 'WEBHOOK_LOST';
}

/** Retry-After (RFC 9110 §10.2.3), seconds or a date; no longer than we would wait ourselves. */
function askedMs(retryAfter: string | undefined, now: Date): number | undefined {
  if (retryAfter === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - now.getTime();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, firstRefusedMs), maxAwayMs);
}

/**
 * How long an event waits after so many tries. Also one that met nobody: else the oldest would be the first at every look whether the receiver is there
 * again, and one over which a receiver falls would hold up all others.
 */
export const eventWaitMs = (kind: Verdict['kind'], tries: number): number =>
  backoffMs(tries, firstWaitMs, kind === 'refused' ? maxRefusedEventMs : maxAwayMs);

/**
 * How long the webhook waits after the verdicts of one round, the failures-th running of which nothing was taken; 0 where something was. A receiver that is
 * there and refuses is left alone for seconds alone: the next event may be one that it takes.
 */
export function webhookWaitMs(round: readonly Verdict[], failures: number): number {
  const away = round.filter(({ kind }) => kind === 'away');
  const asked = Math.max(0, ...away.map(({ waitMs }) => waitMs ?? 0));
  if (asked > 0) return asked;
  if (round.some(({ kind }) => kind === 'taken')) return 0;
  return away.length > 0 ? backoffMs(failures, firstWaitMs, maxAwayMs) : backoffMs(failures, firstRefusedMs, maxRefusedMs);
}
