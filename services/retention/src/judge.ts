// The verdict on each store, from what its owner tells of it.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ProveResponseSchema, VerdictSchema } from '@rejoinder/contracts/api/retention';
import type { Store } from '@rejoinder/contracts/store';

/** What an owner answered, or why it did not. */
export type Answer = { owner: string; stores: Store[] } | { owner: string; failure: string };

export interface Limits {
  forgetMs: number;
}

export type Verdict = MessageInitShape<typeof VerdictSchema>;
export type Proof = MessageInitShape<typeof ProveResponseSchema> & { holds: boolean; verdicts: Verdict[] };

/** Classes that never live without a limit. */
const limitedClasses = ['R1', 'R2', 'wire'];
const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** Holds only if every owner answered and every store of it holds. */
export function judge(answers: Answer[], now: Date, limits: Limits): Proof {
  const verdicts = answers.flatMap((answer) => verdictsOn(answer, now, limits));
  return { provedAt: timestampFromDate(now), holds: verdicts.every(({ holds }) => holds), verdicts };
}

function verdictsOn(answer: Answer, now: Date, limits: Limits): Verdict[] {
  const { owner } = answer;
  if ('failure' in answer) return [{ owner, holds: false, reason: answer.failure }];
  if (answer.stores.length === 0) return [{ owner, holds: false, reason: 'It told of no store at all.' }];
  return answer.stores.map((store) => {
    const reason = tooOld(store, now) ?? unforgotten(store, now, limits) ?? '';
    return { owner, store, holds: reason === '', reason };
  });
}

function tooOld({ oldest, limitSeconds, retentionClass, setting }: Store, now: Date): string | undefined {
  const limitMs = Number(limitSeconds) * 1_000;
  if (limitMs === 0)
    return limitedClasses.includes(retentionClass) ? `It is of class ${retentionClass}, but nothing bounds it.` : undefined;
  const ageMs = oldest ? now.getTime() - timestampDate(oldest).getTime() : 0;
  return ageMs > limitMs ? `Its oldest item is ${(ageMs / dayMs).toFixed(1)} days old; ${setting} allows ${limitMs / dayMs}.` : undefined;
}

function unforgotten({ toForget, toForgetSince }: Store, now: Date, { forgetMs }: Limits): string | undefined {
  if (toForget === 0n) return undefined;
  if (!toForgetSince) return `${toForget} items wait to be deleted, and nobody knows since when.`;
  const waitedMs = now.getTime() - timestampDate(toForgetSince).getTime();
  return waitedMs > forgetMs ? `${toForget} items wait to be deleted, the oldest for ${Math.floor(waitedMs / hourMs)} hours.` : undefined;
}

/** The next time it is this hour, UTC. */
export function nextAt(hour: number, now: Date): Date {
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), hour);
  return new Date(today > now.getTime() ? today : today + dayMs);
}
