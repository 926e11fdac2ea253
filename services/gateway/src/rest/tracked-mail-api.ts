// REST of tracking: log a mail by its Message-ID, ask what became of that, and take it back while nobody has seen the mail.
import { z } from 'zod';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { Peers } from '@rejoinder/runtime/peers';
import { TenantId } from '../people/caller.js';
import { FromBody, FromPath, Route, V1 } from '../web/route.js';
import { givenMessageId, ids, reason, refusal, toId } from './shapes.js';

const trackBody = z.strictObject({ message_id: givenMessageId });
const state = z.enum(['captured', 'searching', 'tracked', 'not_found', 'refused']);
const trackSchema = z.object({ tracked_id: ids.tracked, state, mail_id: ids.mail.nullable(), reason });
const trackedSchema = trackSchema.extend({ engagement_ids: z.array(ids.engagement) });

type State = z.infer<typeof state>;

@V1('tracked-mail')
export class TrackedMailApi {
  constructor(private readonly peers: Peers) {}

  @Route({
    method: 'POST',
    says: 'Logs a mail by its Message-ID, or looks for it',
    result: 'What became of it so far: the mail is logged, looked for in every inbox, or refused and why',
    status: 202,
    answers: trackSchema,
    refuses: { 409: [refusal('UNLOGGED')] },
  })
  async track(@TenantId() tenantId: string, @FromBody(trackBody) body: z.infer<typeof trackBody>): Promise<z.infer<typeof trackSchema>> {
    const told = await this.peers.client(ThreadingService).track({ tenantId, messageId: body.message_id });
    return { tracked_id: told.trackedId, state: told.state as State, mail_id: toId(told.mailId), reason: told.reason };
  }

  @Route({
    method: 'GET',
    path: ':tracked_id',
    says: 'What became of it; also by the id of a mail that was logged by folder or keyword',
    result: 'How far it is, and the engagements it became',
    answers: trackedSchema,
  })
  async tracked(
    @TenantId() tenantId: string,
    @FromPath('tracked_id', ids.tracked) trackedId: string,
  ): Promise<z.infer<typeof trackedSchema>> {
    const told = await this.peers.client(ThreadingService).getTracked({ tenantId, trackedId });
    const places = told.state === 'captured' ? await this.#places(tenantId, told.mailId) : { engagementIds: [], reason: '' };
    return {
      tracked_id: told.trackedId,
      state: told.state as State,
      mail_id: toId(told.mailId),
      reason: told.reason || places.reason,
      engagement_ids: places.engagementIds,
    };
  }

  @Route({
    method: 'DELETE',
    path: ':tracked_id',
    says: 'Takes back that a mail is logged which nobody has seen yet: it is not searched for any more, and its answers are not logged for it',
    result: 'It is taken back, or was so before',
    status: 204,
    answers: 'nothing',
    refuses: { 409: [refusal('MAIL_HAS_COME')] },
  })
  async untrack(@TenantId() tenantId: string, @FromPath('tracked_id', ids.tracked) trackedId: string): Promise<void> {
    await this.peers.client(ThreadingService).untrack({ tenantId, trackedId });
  }

  #places(tenantId: string, mailId: string): Promise<{ engagementIds: string[]; reason: string }> {
    return this.peers.client(TimelineService).getPlaces({ tenantId, mailId });
  }
}
