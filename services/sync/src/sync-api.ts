// Answers how far an inbox is, and the text of captured mails.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type {
  GetConnectionLogRequest,
  GetConnectionLogResponseSchema,
  GetProgressRequest,
  GetProgressResponseSchema,
  ListFoldersRequest,
  ListFoldersResponseSchema,
  ListProgressRequest,
  ListProgressResponseSchema,
  ReadMailRequest,
  ReadMailResponseSchema,
  ResyncRequest,
  ResyncResponseSchema,
} from '@rejoinder/contracts/api/sync';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { traceIdOf } from '@rejoinder/runtime/trace';
import { BodyStore } from './capture/body-store.js';
import { ConnectionLog } from './inbox/connection-log-store.js';
import { SessionStore } from './inbox/session-store.js';
import { leftSeconds, readingOf } from './progress.js';
import { ProgressStore, type ReadInbox } from './progress-store.js';

/** Of one call: a page of inboxes. */
const maxInboxes = 200;

@Controller()
export class SyncApi {
  constructor(
    private readonly progress: ProgressStore,
    private readonly bodies: BodyStore,
    private readonly log: ConnectionLog,
    private readonly sessions: SessionStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @GrpcMethod('SyncService', 'GetProgress')
  async getProgress({ tenantId, inboxId }: GetProgressRequest): Promise<MessageInitShape<typeof GetProgressResponseSchema>> {
    const { inboxes } = await this.listProgress({ tenantId, inboxIds: [inboxId] });
    if (!inboxes[0]) throw faultOf('INBOX_NOT_FOUND');
    return inboxes[0].progress;
  }

  @GrpcMethod('SyncService', 'ListProgress')
  async listProgress({ tenantId, inboxIds }: Pick<ListProgressRequest, 'tenantId' | 'inboxIds'>) {
    if (inboxIds.length > maxInboxes)
      throw new Fault('invalid', 'TOO_MANY_INBOXES', `Ask for ${maxInboxes} inboxes at a time at the most.`);
    checkIds(tenantId, ...inboxIds);
    const found = await this.progress.of(tenantId, inboxIds);
    const now = this.clock.now();
    const inboxes = found.map((one) => ({ inboxId: one.session.inboxId, progress: progressOf(one, now) }));
    return { inboxes } satisfies MessageInitShape<typeof ListProgressResponseSchema>;
  }

  @GrpcMethod('SyncService', 'ListFolders')
  async listFolders({ tenantId, inboxId }: ListFoldersRequest): Promise<MessageInitShape<typeof ListFoldersResponseSchema>> {
    checkIds(tenantId, inboxId);
    const folders = await this.progress.listing(tenantId, inboxId);
    if (!folders) throw faultOf('INBOX_NOT_FOUND');
    return { folders: folders.map(({ mails, ...folder }) => ({ ...folder, mails: mails === null ? undefined : BigInt(mails) })) };
  }

  @GrpcMethod('SyncService', 'GetConnectionLog')
  async getConnectionLog({ tenantId, inboxId }: GetConnectionLogRequest): Promise<MessageInitShape<typeof GetConnectionLogResponseSchema>> {
    checkIds(tenantId, inboxId);
    const entries = await this.log.read(tenantId, inboxId);
    return { entries: entries.map(({ at, mails, ...entry }) => ({ ...entry, at: timestampFromDate(at), mails: BigInt(mails) })) };
  }

  @GrpcMethod('SyncService', 'Resync')
  async resync({ tenantId, inboxId }: ResyncRequest): Promise<MessageInitShape<typeof ResyncResponseSchema>> {
    checkIds(tenantId, inboxId);
    if (!(await this.sessions.resync(tenantId, inboxId))) throw faultOf('INBOX_NOT_FOUND');
    return {};
  }

  @GrpcMethod('SyncService', 'ReadMail')
  async readMail({ tenantId, mailId }: ReadMailRequest): Promise<MessageInitShape<typeof ReadMailResponseSchema>> {
    checkIds(tenantId, mailId);
    const text = await this.bodies.read(tenantId, mailId);
    if (!text) throw new Fault('not_found', 'MAIL_TEXT_NOT_FOUND', 'The text of this mail was never read here, or is no longer kept.');
    return text;
  }
}

function progressOf({ session, folders }: ReadInbox, now: Date): MessageInitShape<typeof GetProgressResponseSchema> {
  const reading = readingOf(folders);
  const left = leftSeconds(reading, Number(session.seenBefore), now.getTime() - (session.readingSince ?? now).getTime());
  return {
    state: session.wanted === 'hold' ? session.state : 'stopped',
    reason: session.reason,
    nextTryAt: session.nextTryAt ? timestampFromDate(session.nextTryAt) : undefined,
    folders: folders.map(({ path, role, seen, total, auditedAt }) => ({
      ...{ path, role, seen, total, auditedAt: auditedAt ? timestampFromDate(auditedAt) : undefined },
    })),
    seen: BigInt(reading.seen),
    total: BigInt(reading.total),
    leftSeconds: session.state === 'syncing' && left !== undefined ? BigInt(left) : undefined,
    missingFolders: session.missingFolders,
    ...(['slowed', 'reconnecting'].includes(session.state) && troubleOf(session)),
  };
}

function troubleOf({ troubleSince, troubleTrace }: { troubleSince: Date | null; troubleTrace: string | null }) {
  return { since: troubleSince ? timestampFromDate(troubleSince) : undefined, traceId: traceIdOf(troubleTrace ?? '') };
}

function checkIds(...ids: string[]): void {
  if (!ids.every(isId)) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
}
