// REST of what became of an inbox's sessions, for who asks why something came late.
import { z } from 'zod';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { Peers } from '@rejoinder/runtime/peers';
import { TenantId } from '../people/caller.js';
import { FromPath, Route, V1 } from '../web/route.js';
import { count, ids, optionalTime, reason, reasonText, sentenceOf, text, toTime } from './shapes.js';

const entrySchema = z
  .object({
    at: optionalTime,
    what: z.string().meta({
      description:
        'logged_in, ended, uid_validity (the server numbered the mails of a folder anew: it is listed again), gap (a comparison found mails that had not been taken), folder_missing (a folder of the settings is not there), unsearched (the server refused a folder in which an older mail was looked for) or unread (mails that the server does not hand out, or breaks off over each time: they are passed over, and asked for again every day)',
      examples: ['ended'],
    }),
    reason,
    reason_text: reasonText,
    folder_role: text('').meta({ description: 'Of uid_validity, gap, unsearched and unread, such as inbox' }),
    mails: count(0).meta({ description: 'Of gap and unread' }),
  })
  .meta({ id: 'ConnectionLogEntry' });
const logSchema = z.object({ entries: z.array(entrySchema) }).meta({ id: 'ConnectionLog' });

@V1('inboxes')
export class ConnectionLogApi {
  constructor(private readonly peers: Peers) {}

  @Route({
    method: 'GET',
    path: ':inbox_id/log',
    says: 'What became of its connections to the mail server',
    result: 'The newest 200 entries of the last 60 days, newest first',
    answers: logSchema,
  })
  async log(@TenantId() tenantId: string, @FromPath('inbox_id', ids.inbox) inboxId: string): Promise<z.infer<typeof logSchema>> {
    const { entries } = await this.peers.client(SyncService).getConnectionLog({ tenantId, inboxId });
    return {
      entries: entries.map(({ at, what, reason: code, folderRole, mails }) => ({
        ...{ at: toTime(at), what, reason: code, reason_text: sentenceOf(code) },
        ...{ folder_role: folderRole, mails: Number(mails) },
      })),
    };
  }
}
