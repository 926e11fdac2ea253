// Decides what becomes of a send that an earlier attempt left behind, or that can no longer be sent.
import type { Ending } from '../settlement-store.js';

export interface Leftover {
  state: string;
  dataStartedAt: Date | null;
  copySeenAt: Date | null;
}

/** The ending, `retake` where no byte of it can have left, or undefined where it just waits. The outlet is held by whoever asks: no attempt is under way. */
export function judgeLeftover({ state, dataStartedAt, copySeenAt }: Leftover, isRemoved: boolean): Ending | 'retake' | undefined {
  if (copySeenAt) return { state: 'sent', refused: [] };
  if (state === 'sending' && dataStartedAt) return { state: 'unconfirmed' };
  if (isRemoved && (state === 'sending' || state === 'accepted')) return { state: 'failed', reason: 'INBOX_REMOVED' };
  return state === 'sending' ? 'retake' : undefined;
}
