// Rows of folders: how far each has been read, upwards for new mail and downwards for history.
import { Injectable } from '@nestjs/common';
import { newId } from '@rejoinder/base/id';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';
import type { FolderRole, PlannedFolder } from '../imap/folder-plan.js';
import { Owner } from './owner-store.js';
import type { SessionRow } from './session-store.js';

export interface Folder {
  folderId: string;
  path: string;
  role: FolderRole;
  uidValidity: bigint;
  /** From here up nothing has been observed yet. */
  uidNext: number;
  /** Below this lies history that has not been taken; 1 once it has. */
  historyNext: number;
}

/** What the server says of a folder. */
export interface ServerFolder {
  uidValidity: bigint;
  uidNext: number;
}

interface FolderRow {
  folderId: string;
  path: string;
  role: FolderRole;
  uidValidity: bigint;
  uidNext: bigint;
  historyNext: bigint;
}

const columns = `folder_id as "folderId", path, role, uid_validity as "uidValidity", uid_next as "uidNext", history_next as "historyNext"`;

@Injectable()
export class FolderStore {
  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
  ) {}

  async list({ tenantId, inboxId }: SessionRow): Promise<Folder[]> {
    const sql = `select ${columns} from folder where inbox_id = $1::uuid`;
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<FolderRow[]>(sql, inboxId));
    return rows.map(toFolder);
  }

  /** Seen for the first time: all that is there now is history. */
  add(session: SessionRow, { path, role }: PlannedFolder, { uidValidity, uidNext }: ServerFolder): Promise<Folder> {
    const sql = `insert into folder (folder_id, tenant_id, inbox_id, path, role, uid_validity, uid_next, history_start, history_next)
      values ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6::bigint, $7::bigint, $7::bigint, $7::bigint)
      on conflict (inbox_id, path) do update set role = excluded.role returning ${columns}`;
    return this.#change(session, (tx) =>
      tx.$queryRawUnsafe<FolderRow[]>(sql, newId(), session.tenantId, session.inboxId, path, role, uidValidity, uidNext),
    );
  }

  /** The server has numbered its mails anew: all of them are history to be listed again, and what was known of UIDs is void. */
  renew(session: SessionRow, { folderId }: Folder, { uidValidity, uidNext }: ServerFolder): Promise<Folder> {
    const sql = `update folder set uid_validity = $2::bigint, uid_next = $3::bigint, history_start = $3::bigint, history_next = $3::bigint, seen = 0, total = 0
      where folder_id = $1::uuid returning ${columns}`;
    return this.#change(session, (tx) => tx.$queryRawUnsafe<FolderRow[]>(sql, folderId, uidValidity, uidNext));
  }

  /** How much history there is, or that there is no more. */
  async history(session: SessionRow, { folderId }: Folder, progress: { total: number } | 'done'): Promise<void> {
    const sql =
      progress === 'done'
        ? `update folder set history_next = 1, total = greatest(seen, total) where folder_id = $1::uuid returning ${columns}`
        : `update folder set total = seen + $2::bigint where folder_id = $1::uuid returning ${columns}`;
    await this.#change(session, (tx) => tx.$queryRawUnsafe<FolderRow[]>(sql, folderId, ...(progress === 'done' ? [] : [progress.total])));
  }

  async #change(session: SessionRow, work: (tx: SqlTransaction) => Promise<FolderRow[]>): Promise<Folder> {
    return this.database.writeToDisk({ tenants: [session.tenantId] }, async (tx) => {
      await this.owner.fence(tx, session.partition);
      const [row] = await work(tx);
      if (!row) throw new Error('a folder row is gone while its session is held');
      return toFolder(row);
    });
  }
}

function toFolder({ uidNext, uidValidity, historyNext, ...row }: FolderRow): Folder {
  return { ...row, uidValidity: BigInt(uidValidity), uidNext: Number(uidNext), historyNext: Number(historyNext) };
}
