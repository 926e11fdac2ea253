// How a send ends, in one transaction: its state, what it tells, and its content moved to the day of settling. States only move on.
import type { Outbox, NewEvent } from '@rejoinder/bus/outbox';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import type { MovedContent } from './mail/content-box.js';
import { failedEvent, sentEvents, unconfirmedEvent, type SendFacts } from './send-events.js';

export type SendState = 'accepted' | 'sending' | 'sent' | 'failed' | 'unconfirmed' | 'cancelled';

/** What becomes of a send; `refused` are recipients that the server did not take. */
export type Ending =
  | { state: 'sent'; refused: string[] }
  | { state: 'failed'; reason: string }
  | { state: 'cancelled'; reason: 'CANCELLED' }
  | { state: 'unconfirmed' };

/** From where each ending may be reached: nothing that is over becomes something else. */
const reachedFrom: Record<Ending['state'], readonly SendState[]> = {
  sent: ['accepted', 'sending', 'unconfirmed'],
  failed: ['accepted', 'sending'],
  cancelled: ['accepted'],
  unconfirmed: ['sending'],
};

export interface ToEnd {
  /** With the attempt that ends it: a later one has made this ending void. */
  send: SendFacts & { attempts: number };
  ending: Ending;
  now: Date;
  /** Its content, unless it is not settled yet or was forgotten. */
  moved: MovedContent | undefined;
}

const endSql = `
update send set state = $4, reason = $5, due_at = null, revision = revision + 1, settled_at = $6::timestamptz
where tenant_id = $1::uuid and send_id = $2::uuid and attempts = $3::int and state = any ($7::text[])
returning revision, copy_in_sent`;

const moveSql = `insert into raw_mail (tenant_id, mail_id, send_id, settled_at, settled_day, sealed) values ($1::uuid, $2::uuid, $3::uuid, $4::timestamptz, $5::date, $6)`;

/** The caller has locked the outlet. Answers whether this ending is the one that counted. */
export async function endSend(tx: SqlTransaction, outbox: Outbox, { send, ending, now, moved }: ToEnd): Promise<boolean> {
  const { tenantId, sendId, mailId, attempts } = send;
  const reason = 'reason' in ending ? ending.reason : ending.state === 'unconfirmed' ? 'SEND_UNKNOWN' : '';
  const settledAt = moved?.settledAt ?? now;
  const rows = await tx.$queryRawUnsafe<{ revision: bigint; copy_in_sent: boolean }[]>(
    endSql,
    tenantId,
    sendId,
    attempts,
    ending.state,
    reason,
    ending.state === 'unconfirmed' ? null : settledAt,
    reachedFrom[ending.state],
  );
  const [saved] = rows;
  if (!saved) return false;
  if (moved) {
    await tx.$executeRawUnsafe(moveSql, tenantId, mailId, sendId, moved.settledAt, moved.day, moved.sealed);
    await tx.$executeRawUnsafe('delete from send_content where tenant_id = $1::uuid and send_id = $2::uuid', tenantId, sendId);
  }
  await outbox.add(tx, endingEvents({ ...send, revision: saved.revision }, ending, settledAt, saved.copy_in_sent));
  return true;
}

function endingEvents(facts: SendFacts, ending: Ending, settledAt: Date, isFiled: boolean): NewEvent[] {
  if (ending.state === 'sent') return sentEvents(facts, settledAt, ending.refused, isFiled);
  if (ending.state === 'unconfirmed') return [unconfirmedEvent(facts)];
  return [failedEvent(facts, ending.reason)];
}
