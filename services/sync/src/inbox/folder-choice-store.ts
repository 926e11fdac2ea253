// Which folders of an inbox are looked at and how far back, as rows: what the server told of, a folder that is chosen again, and more history.
import { Injectable } from '@nestjs/common';
import { event, Outbox } from '@rejoinder/bus/outbox';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { FolderRenamedSchema } from '@rejoinder/contracts/events/sync';
import { Database } from '@rejoinder/runtime/database';
import type { ListedFolder, PlannedFolder } from '../imap/folder-plan.js';
import { ConnectionLog } from './connection-log-store.js';
import { folderColumns, toFolder, type Folder, type FolderRow, type ServerFolder } from './folder-store.js';
import { Owner } from './owner-store.js';
import type { SessionRow } from './session-store.js';

@Injectable()
export class FolderChoiceStore {
  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
    private readonly outbox: Outbox,
    private readonly log: ConnectionLog,
  ) {}

  /**
   * What the server told of, for a person to choose from. A folder that is there and not looked at is left: its cursor stays. One of the settings that is
   * not there is `missing`: it is written into the connection log when it is first missed.
   */
  async listed(session: SessionRow, folders: readonly ListedFolder[], missing: readonly string[]): Promise<void> {
    const left = folders.filter(({ lookedAt }) => !lookedAt).map(({ path }) => path);
    await this.#write(session, async (tx) => {
      const known = 'select missing_folders as missing from session where inbox_id = $1::uuid for no key update';
      const [before] = await tx.$queryRawUnsafe<{ missing: string[] }[]>(known, session.inboxId);
      const tell = `update session set listing = $2::jsonb, missing_folders = $3::text[] where inbox_id = $1::uuid
        and (listing <> $2::jsonb or missing_folders <> $3::text[])`;
      await tx.$executeRawUnsafe(tell, session.inboxId, JSON.stringify(folders), missing);
      const leave = 'update folder set looked_at = false where inbox_id = $1::uuid and looked_at and path = any ($2::text[])';
      await tx.$executeRawUnsafe(leave, session.inboxId, left);
      const isNew = missing.some((path) => !before?.missing.includes(path));
      if (isNew) await this.log.add(tx, session, { what: 'folder_missing', reason: 'FOLDER_MISSING' });
    });
  }

  /** The same folder under another name: its cursors, and the places of its mails, stay. Where it was chosen by its name, the choice follows it. */
  rename(session: SessionRow, { folderId, path: oldPath }: Folder, { path, role }: PlannedFolder): Promise<Folder> {
    const { tenantId, inboxId } = session;
    const move = `update folder set path = $2, role = $3 where folder_id = $1::uuid returning ${folderColumns}`;
    const follow = `update session set folders = array_replace(folders, $2, $3), log_folder = case when log_folder = $2 then $3 else log_folder end
      where inbox_id = $1::uuid and ($2 = any (folders) or log_folder = $2)`;
    return this.#write(session, async (tx) => {
      const isChosen = (await tx.$executeRawUnsafe(follow, inboxId, oldPath, path)) > 0;
      const message = { inboxId, oldPath, newPath: path };
      const renamed = event({ topic: 'rejoinder.sync.internal.v1', key: inboxId, tenantId, schema: FolderRenamedSchema, message });
      if (isChosen) await this.outbox.add(tx, [renamed]);
      return one(tx.$queryRawUnsafe<FolderRow[]>(move, folderId, path, role));
    });
  }

  /** Chosen again after it was left: what came meanwhile is history, as if the folder were seen for the first time. */
  rejoin(session: SessionRow, { folderId }: Folder, { uidNext, messages = 0 }: ServerFolder): Promise<Folder> {
    const sql = `update folder set looked_at = true, uid_next = $2::bigint, history_start = $2::bigint, history_next = $2::bigint, seen = 0, total = $3::bigint,
      highest_modseq = null, exists_count = null, history_since = null, had_since = null where folder_id = $1::uuid returning ${folderColumns}`;
    return this.#write(session, (tx) => one(tx.$queryRawUnsafe<FolderRow[]>(sql, folderId, uidNext, messages)));
  }

  /** More history is wanted than was taken: it is taken from its top again, less what was. */
  widen(session: SessionRow, { folderId }: Folder, since: Date): Promise<Folder> {
    const sql = `update folder set had_since = case when history_next <= 1 then history_since end, history_since = $2::timestamptz, history_next = history_start,
      total = greatest(total, coalesce(exists_count, 0))
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
