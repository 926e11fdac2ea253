// REST of single engagements.
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { Peers } from '@rejoinder/runtime/peers';
import { TenantId } from '../people/caller.js';
import { FromPath, Route, V1 } from '../web/route.js';
import { ids } from './shapes.js';
import { engagementSchema, toEngagement, type EngagementAnswer } from './timeline.js';

@V1('engagements')
export class EngagementsApi {
  constructor(private readonly peers: Peers) {}

  @Route({ method: 'GET', path: ':engagement_id', says: 'One engagement', result: 'The engagement', answers: engagementSchema })
  async engagement(
    @TenantId() tenantId: string,
    @FromPath('engagement_id', ids.engagement) engagementId: string,
  ): Promise<EngagementAnswer> {
    const { engagement } = await this.peers.client(TimelineService).getEngagement({ tenantId, engagementId });
    return toEngagement(engagement!);
  }

  @Route({
    method: 'DELETE',
    path: ':engagement_id',
    says: 'Deletes it; its mail does not come back',
    result: 'It is off the timeline; its text and attachments are deleted',
    status: 204,
    answers: 'nothing',
  })
  async remove(@TenantId() tenantId: string, @FromPath('engagement_id', ids.engagement) engagementId: string): Promise<void> {
    await this.peers.client(TimelineService).deleteEngagement({ tenantId, engagementId });
  }
}
