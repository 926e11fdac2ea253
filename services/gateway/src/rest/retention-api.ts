// REST of retention: the proof of how old what is kept is.
import { z } from 'zod';
import { RetentionService, type Verdict } from '@rejoinder/contracts/api/retention';
import { Peers } from '@rejoinder/runtime/peers';
import { Route, V1 } from '../web/route.js';
import { count, optionalTime, text, toTime } from './shapes.js';

const verdictSchema = z
  .object({
    owner: text('sync'),
    store: text('sync.raw_body'),
    retention_class: text('R1'),
    oldest: optionalTime.meta({ description: 'null where it is empty' }),
    setting: text('REJOINDER_BODY_DAYS').meta({ description: 'What bounds it; empty where only deleting does' }),
    limit_seconds: count(604_800).meta({ description: '0 where only deleting bounds it' }),
    to_forget: count(0).meta({ description: 'Mails that were deleted and are not forgotten yet' }),
    to_forget_since: optionalTime.meta({ examples: [null] }),
    holds: z.boolean().meta({ examples: [true] }),
    reason: text('').meta({ description: 'Why it does not hold; empty where it does' }),
  })
  .meta({ id: 'Verdict' });
const proofSchema = z.object({ proved_at: optionalTime, holds: z.boolean().meta({ examples: [true] }), verdicts: z.array(verdictSchema) });

/** Every owner is asked, and each may take its time. */
const proofCall = { deadlineMs: 60_000 };

@V1('retention')
export class RetentionApi {
  constructor(private readonly peers: Peers) {}

  @Route({
    method: 'GET',
    path: 'proof',
    says: 'Asks every store for its oldest item',
    result: 'What each store said, and whether every limit holds',
    answers: proofSchema,
  })
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
