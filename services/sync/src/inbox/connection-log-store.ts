// What became of an inbox's sessions: written with what it tells of, kept 60 days, and read by who asks why something came late.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { FolderRole } from '../imap/folder-plan.js';

export interface LogEntry {
  what: 'logged_in' | 'ended' | 'uid_validity' | 'gap' | 'unread' | 'unsearched' | 'folder_missing';
  /** Code of the error catalogue, where something failed. */
  reason?: string;
  folderRole?: FolderRole;
  mails?: number;
}

export interface LoggedEntry extends Required<LogEntry> {
  at: Date;
}

const maxEntries = 200;

@Injectable()
export class ConnectionLog {
  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The newest entries of an inbox, newest first. */
  async read(tenantId: string, inboxId: string): Promise<LoggedEntry[]> {
    const sql = `select logged_at as at, what, reason, folder_role as "folderRole", mails::float8 from connection_log
      where tenant_id = $1::uuid and inbox_id = $2::uuid order by logged_at desc limit ${maxEntries}`;
    return this.database.read({ tenant: tenantId }, (tx) => tx.$queryRawUnsafe<LoggedEntry[]>(sql, tenantId, inboxId));
  }

  async add(tx: SqlTransaction, { tenantId, inboxId }: { tenantId: string; inboxId: string }, entry: LogEntry): Promise<void> {
    const sql = `insert into connection_log (tenant_id, inbox_id, logged_at, what, reason, folder_role, mails)
      values ($1::uuid, $2::uuid, $3::timestamptz, $4, $5, $6, $7::bigint)`;
    const { what, reason = '', folderRole = '', mails = 0 } = entry;
    await tx.$executeRawUnsafe(sql, tenantId, inboxId, this.clock.now(), what, reason, folderRole, mails);
  }
}
