// REST of retention: the proof of how old what is kept is.
import { z } from 'zod';
import { RetentionService, type Verdict } from '@rejoinder/contracts/api/retention';
import { Peers } from '@rejoinder/runtime/peers';
import { Route, V1 } from '../web/route.js';
import { optionalTime, toTime } from './shapes.js';

const verdictSchema = z
  .object({
    owner: z.string(),
    store: z.string(),
    retention_class: z.string(),
    oldest: optionalTime,
    setting: z.string(),
    limit_seconds: z.int(),
    to_forget: z.int(),
    to_forget_since: optionalTime,
    holds: z.boolean(),
    reason: z.string(),
  })
  .meta({ id: 'Verdict' });
const proofSchema = z.object({ proved_at: optionalTime, holds: z.boolean(), verdicts: z.array(verdictSchema) });

/** Every owner is asked, and each may take its time. */
const proofCall = { deadlineMs: 60_000 };

@V1('retention')
export class RetentionApi {
  constructor(private readonly peers: Peers) {}

  @Route({ method: 'GET', path: 'proof', says: 'Asks every store for its oldest item', answers: proofSchema })
  async proof(): Promise<z.infer<typeof proofSchema>> {
    const { provedAt, holds, verdicts } = await this.peers.client(RetentionService).prove({}, proofCall);
    return { proved_at: toTime(provedAt), holds, verdicts: verdicts.map(toVerdict) };
  }
}

function toVerdict({ owner, store, holds, reason }: Verdict): z.infer<typeof verdictSchema> {
  return {
    owner,
    store: store?.name ?? '',
    retention_class: store?.retentionClass ?? '',
    oldest: toTime(store?.oldest),
    setting: store?.setting ?? '',
    limit_seconds: Number(store?.limitSeconds ?? 0n),
    to_forget: Number(store?.toForget ?? 0n),
    to_forget_since: toTime(store?.toForgetSince),
    holds,
    reason,
  };
}
