// Keeps a claimed row while it is worked on: its lease is short and renewed, so that what a dead process had in hand is free within seconds.
import { delay } from '@rejoinder/base/wait';

/** How long a claim lasts unless it is renewed: the time by which the work of a process that died is taken over. */
export const shortLeaseMs = 15_000;

export interface LeaseOptions {
  /** When the claim was asked for, by performance.now(). */
  claimedAt: number;
  /** How long each claim and renewal lasts. */
  lastsMs: number;
  /** It is not renewed beyond this: work that never ends loses its row. */
  longestMs: number;
  /** Renews it for so long; false where somebody else has the row by now. */
  renew: (ms: number) => Promise<boolean>;
  /** A renewal failed; the next one may not. */
  failed: (error: unknown) => void;
}

export interface Lease {
  /** Fires once the row may be another's: what is still done then may be done twice. */
  lost: AbortSignal;
  /** The work is over; nothing is renewed any more. */
  end(): void;
}

/** Renews every third of the lease, so that two renewals may fail. */
export function keepLease({ claimedAt, lastsMs, longestMs, renew, failed }: LeaseOptions): Lease {
  const [over, lost] = [new AbortController(), new AbortController()];
  const endsAt = claimedAt + longestMs;
  let lapse: NodeJS.Timeout | undefined;
  const holdUntil = (until: number) => {
    clearTimeout(lapse);
    if (!over.signal.aborted) lapse = setTimeout(() => lost.abort(), Math.max(0, until - performance.now()));
  };
  const end = () => {
    over.abort();
    clearTimeout(lapse);
  };
  const run = async () => {
    for (let until = claimedAt + lastsMs; until < endsAt;) {
      await delay(lastsMs / 3, over.signal);
      if (over.signal.aborted || lost.signal.aborted) return;
      const asked = performance.now();
      const ms = Math.round(Math.min(lastsMs, endsAt - asked));
      try {
        if (!(await renew(ms))) return lost.abort();
        until = asked + ms;
        holdUntil(until);
      } catch (error) {
        failed(error);
      }
    }
  };
  holdUntil(Math.min(claimedAt + lastsMs, endsAt));
  void run();
  return { lost: lost.signal, end };
}
