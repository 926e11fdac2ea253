// Which folders of an inbox are looked at and how far back, as rows: what the server told of, a folder that is chosen again, and more history.
import { Injectable } from '@nestjs/common';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';
import type { ListedFolder } from '../imap/folder-plan.js';
import { folderColumns, toFolder, type Folder, type FolderRow, type ServerFolder } from './folder-store.js';
import { Owner } from './owner-store.js';
import type { SessionRow } from './session-store.js';

@Injectable()
export class FolderChoiceStore {
  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
  ) {}

  /** What the server told of, for a person to choose from. A folder that is there and not looked at is left: its cursor stays. */
  async listed(session: SessionRow, folders: readonly ListedFolder[]): Promise<void> {
    const left = folders.filter(({ lookedAt }) => !lookedAt).map(({ path }) => path);
    await this.#write(session, async (tx) => {
      const tell = 'update session set listing = $2::jsonb where inbox_id = $1::uuid and listing <> $2::jsonb';
      await tx.$executeRawUnsafe(tell, session.inboxId, JSON.stringify(folders));
      const leave = 'update folder set looked_at = false where inbox_id = $1::uuid and looked_at and path = any ($2::text[])';
      await tx.$executeRawUnsafe(leave, session.inboxId, left);
    });
  }

  /** Chosen again after it was left: what came meanwhile is history, as if the folder were seen for the first time. */
  rejoin(session: SessionRow, { folderId }: Folder, { uidNext }: ServerFolder): Promise<Folder> {
    const sql = `update folder set looked_at = true, uid_next = $2::bigint, history_start = $2::bigint, history_next = $2::bigint, seen = 0, total = 0,
      highest_modseq = null, exists_count = null, history_since = null, had_since = null where folder_id = $1::uuid returning ${folderColumns}`;
    return this.#write(session, (tx) => one(tx.$queryRawUnsafe<FolderRow[]>(sql, folderId, uidNext)));
  }

  /** More history is wanted than was taken: it is taken from its top again, less what was. */
  widen(session: SessionRow, { folderId }: Folder, since: Date): Promise<Folder> {
    const sql = `update folder set had_since = case when history_next <= 1 then history_since end, history_since = $2::timestamptz, history_next = history_start
      where folder_id = $1::uuid returning ${folderColumns}`;
    return this.#write(session, (tx) => one(tx.$queryRawUnsafe<FolderRow[]>(sql, folderId, since)));
  }

  #write<T>(session: SessionRow, work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    return this.database.writeToDisk({ tenants: [session.tenantId] }, async (tx) => {
      await this.owner.fence(tx, session.partition);
      return work(tx);
    });
  }
}

async function one(rows: Promise<FolderRow[]>): Promise<Folder> {
  const [row] = await rows;
  if (!row) throw new Error('a folder row is gone while its session is held');
  return toFolder(row);
}
