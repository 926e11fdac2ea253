// What became of an inbox's sessions: written with what it tells of, kept 60 days, and read by who asks why something came late.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { FolderRole } from '../imap/folder-plan.js';

export interface LogEntry {
  what: 'logged_in' | 'ended' | 'uid_validity' | 'gap';
  /** Code of the error catalogue, where something failed. */
  reason?: string;
  folderRole?: FolderRole;
  mails?: number;
}

@Injectable()
export class ConnectionLog {
  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  async add(tx: SqlTransaction, { tenantId, inboxId }: { tenantId: string; inboxId: string }, entry: LogEntry): Promise<void> {
    const sql = `insert into connection_log (tenant_id, inbox_id, logged_at, what, reason, folder_role, mails)
      values ($1::uuid, $2::uuid, $3::timestamptz, $4, $5, $6, $7::bigint)`;
    const { what, reason = '', folderRole = '', mails = 0 } = entry;
    await tx.$executeRawUnsafe(sql, tenantId, inboxId, this.clock.now(), what, reason, folderRole, mails);
  }
}
