// Judges what became of one attempt to hand a mail to its server: sent, not sent, or nobody knows.
import { Fault } from '@rejoinder/base/fault';
import { smtpFault } from '@rejoinder/runtime/smtp-connect';

/** What was seen of one attempt. */
export type Delivery =
  | { kind: 'accepted'; refused: string[] }
  | {
      kind: 'broken';
      error: unknown;
      /** Whether the journal says that the message may have begun to leave. */
      started: boolean;
      /** Why our own bytes ended before the message did: the final dot was never said. */
      sourceError?: unknown;
    };

export type Verdict =
  | { kind: 'sent'; refused: string[] }
  | { kind: 'retry'; reason: string }
  | { kind: 'failed'; reason: string }
  | { kind: 'login_refused'; reason: string }
  | { kind: 'unconfirmed' }
  | { kind: 'superseded' };

/** Thrown into the message stream before its first byte where another worker has taken the send since. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

const credentialCodes: readonly string[] = ['AUTH_REJECTED', 'APP_PASSWORD_NEEDED', 'OAUTH_ONLY', 'OAUTH_REJECTED'];

/** Whether a refusal is of the credential: the inbox waits for a new one, its sends with it. */
export function refusesCredential({ code }: Fault): boolean {
  return credentialCodes.includes(code);
}

/**
 * The error alone cannot tell "unknown" from "not sent": nodemailer gives ECONNECTION for a server that took the mail and for one that never saw it
 * (measured). So the journal decides: after it, only a reply of the server or an end that we made ourselves tells that nothing was sent.
 */
export function judge(delivery: Delivery): Verdict {
  if (delivery.kind === 'accepted') return { kind: 'sent', refused: delivery.refused };
  const { error, started, sourceError } = delivery;
  if (sourceError instanceof Superseded) return { kind: 'superseded' };
  if (sourceError !== undefined) return sourceVerdict(sourceError);
  if (started && !hasReply(error)) return { kind: 'unconfirmed' };
  return replyVerdict(smtpFault(error));
}

/** A file that is gone stays gone; one that cannot be read now may be there in a minute. */
function sourceVerdict(error: unknown): Verdict {
  const isGone = error instanceof Fault && (error.kind === 'not_found' || error.kind === 'gone');
  return isGone ? { kind: 'failed', reason: 'ATTACHMENT_MISSING' } : { kind: 'retry', reason: 'ATTACHMENT_WAITS' };
}

function replyVerdict(fault: Fault): Verdict {
  if (refusesCredential(fault)) return { kind: 'login_refused', reason: fault.code };
  return { kind: fault.kind === 'busy' || fault.kind === 'broken' ? 'retry' : 'failed', reason: fault.code };
}

function hasReply(error: unknown): boolean {
  const { responseCode } = (error ?? {}) as { responseCode?: unknown };
  return typeof responseCode === 'number' && responseCode >= 400;
}
