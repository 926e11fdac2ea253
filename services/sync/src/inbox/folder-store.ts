// Rows of folders: how far each has been read, upwards for new mail and downwards for history.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { newId } from '@rejoinder/base/id';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { FolderRole, PlannedFolder } from '../imap/folder-plan.js';
import { ConnectionLog } from './connection-log-store.js';
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
  /** First UIDNEXT of this UIDVALIDITY: history lies below it. */
  historyStart: number;
  /** HIGHESTMODSEQ and EXISTS when the folder was last in step: what the server tells since is all that has changed. */
  modseq: bigint | undefined;
  exists: number | undefined;
  /** When its UIDs were last compared with the server's one by one. */
  auditedAt: Date | undefined;
  /** Its id (RFC 8474), which a renamed folder keeps; empty where the server gives none. */
  mailboxId: string;
  /** It is there and was not chosen: once it is again, what came meanwhile is history. */
  isLeft: boolean;
  /** History is taken of mail since then; undefined before it was first listed. */
  historySince: Date | undefined;
  /** While more is taken than before: mail since then has been taken. */
  hadSince: Date | undefined;
}

/** How a folder stood when all that the server had told of it was saved. */
export interface InStep {
  modseq: bigint | undefined;
  exists: number;
  /** Mails are gone from it, and the server did not say which. */
  hasShrunk: boolean;
}

/** What the server says of a folder. */
export interface ServerFolder {
  uidValidity: bigint;
  uidNext: number;
  /** As many are to be read, until it is known how many of them history reaches. */
  messages?: number | undefined;
}

export interface FolderRow {
  folderId: string;
  path: string;
  role: FolderRole;
  uidValidity: bigint;
  uidNext: bigint;
  historyNext: bigint;
  historyStart: bigint;
  modseq: bigint | null;
  exists: bigint | null;
  auditedAt: Date | null;
  mailboxId: string;
  isLeft: boolean;
  historySince: Date | null;
  hadSince: Date | null;
}

export const folderColumns = `folder_id as "folderId", path, role, uid_validity as "uidValidity", uid_next as "uidNext", history_next as "historyNext",
  history_start as "historyStart", highest_modseq as modseq, exists_count as exists, audited_at as "auditedAt", mailbox_id as "mailboxId",
  not looked_at as "isLeft", history_since as "historySince", had_since as "hadSince"`;

/** A folder that is listed from its start: nothing of it was known before now. */
const markListed = `insert into folder_mark (tenant_id, folder_id, uid_validity, uid_next, marked_at) values ($1::uuid, $2::uuid, $3::bigint, 1, $4::timestamptz)`;

@Injectable()
export class FolderStore {
  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
    private readonly log: ConnectionLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list({ tenantId, inboxId }: SessionRow): Promise<Folder[]> {
    const sql = `select ${folderColumns} from folder where inbox_id = $1::uuid`;
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<FolderRow[]>(sql, inboxId));
    return rows.map(toFolder);
  }

  /** Seen for the first time: all that is there now is history. */
  add(session: SessionRow, { path, role }: PlannedFolder, { uidValidity, uidNext, messages = 0 }: ServerFolder): Promise<Folder> {
    const sql = `insert into folder (folder_id, tenant_id, inbox_id, path, role, uid_validity, uid_next, history_start, history_next, total)
      values ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6::bigint, $7::bigint, $7::bigint, $7::bigint, $8::bigint)
      on conflict (inbox_id, path) do update set role = excluded.role returning ${folderColumns}`;
    const folderId = newId();
    return this.#change(session, async (tx) => {
      const rows = await tx.$queryRawUnsafe<FolderRow[]>(
        sql,
        folderId,
        session.tenantId,
        session.inboxId,
        path,
        role,
        uidValidity,
        uidNext,
        messages,
      );
      if (rows[0]?.folderId === folderId) await tx.$executeRawUnsafe(markListed, session.tenantId, folderId, uidValidity, this.clock.now());
      return rows;
    });
  }

  /** The server has numbered its mails anew: all of them are history to be listed again, and what was known of UIDs is void. */
  renew(session: SessionRow, { folderId, role }: Folder, { uidValidity, uidNext, messages = 0 }: ServerFolder): Promise<Folder> {
    const sql = `update folder set uid_validity = $2::bigint, uid_next = $3::bigint, history_start = $3::bigint, history_next = $3::bigint, seen = 0, total = $4::bigint,
      highest_modseq = null, exists_count = null, audited_at = null, looked_at = true, history_since = null, had_since = null where folder_id = $1::uuid returning ${folderColumns}`;
    return this.#change(session, async (tx) => {
      const rows = await tx.$queryRawUnsafe<FolderRow[]>(sql, folderId, uidValidity, uidNext, messages);
      await tx.$executeRawUnsafe(markListed, session.tenantId, folderId, uidValidity, this.clock.now());
      await this.log.add(tx, session, { what: 'uid_validity', folderRole: role });
      return rows;
    });
  }

  /** So much of it is missing that it is listed once more, as history; what is known stays known. */
  relist(session: SessionRow, { folderId }: Folder): Promise<Folder> {
    const sql = `update folder set history_start = uid_next, history_next = uid_next, seen = 0, total = coalesce(exists_count, 0) where folder_id = $1::uuid returning ${folderColumns}`;
    return this.#change(session, (tx) => tx.$queryRawUnsafe<FolderRow[]>(sql, folderId));
  }

  identified(session: SessionRow, { folderId }: Folder, mailboxId: string): Promise<Folder> {
    const sql = `update folder set mailbox_id = $2 where folder_id = $1::uuid returning ${folderColumns}`;
    return this.#change(session, (tx) => tx.$queryRawUnsafe<FolderRow[]>(sql, folderId, mailboxId));
  }

  /** Folders that the server no longer has: nothing is looked for in them any more. */
  async forget(session: SessionRow, folders: readonly Folder[]): Promise<void> {
    const sql = `delete from folder where inbox_id = $1::uuid and folder_id = any ($2::uuid[])`;
    await this.database.writeToDisk({ tenants: [session.tenantId] }, async (tx) => {
      await this.owner.fence(tx, session.partition);
      await tx.$executeRawUnsafe(
        sql,
        session.inboxId,
        folders.map(({ folderId }) => folderId),
      );
    });
  }

  /** All that was told of it up to this state is saved; what is gone from it is gone. */
  inStep(session: SessionRow, { folderId, uidValidity }: Folder, vanished: readonly number[], step: InStep): Promise<Folder> {
    const { modseq, exists, hasShrunk } = step;
    const sql = `update folder set highest_modseq = $3::bigint, exists_count = $4::bigint, audited_at = case when $5 then null else audited_at end
      where folder_id = $1::uuid and uid_validity = $2::bigint returning ${folderColumns}`;
    return this.#change(session, async (tx) => {
      await this.#gone(tx, folderId, uidValidity, vanished);
      return tx.$queryRawUnsafe<FolderRow[]>(sql, folderId, uidValidity, modseq ?? null, exists, hasShrunk);
    });
  }

  /** These UIDs were expunged, as the server told while the folder was open. */
  gone(session: SessionRow, { folderId, uidValidity }: Folder, uids: readonly number[]): Promise<Folder> {
    const sql = `update folder set exists_count = exists_count - $3::int where folder_id = $1::uuid and uid_validity = $2::bigint returning ${folderColumns}`;
    return this.#change(session, async (tx) => {
      await this.#gone(tx, folderId, uidValidity, uids);
      return tx.$queryRawUnsafe<FolderRow[]>(sql, folderId, uidValidity, uids.length);
    });
  }

  /** Of UIDs that a person has marked to be logged: those that threading has not been told of. */
  async untold({ tenantId }: SessionRow, { folderId, uidValidity }: Folder, uids: readonly number[]): Promise<number[]> {
    if (uids.length === 0) return [];
    const sql = `select u::float8 as uid from unnest($3::bigint[]) u where not exists
      (select 1 from location l where l.folder_id = $1::uuid and l.uid_validity = $2::bigint and l.uid = u and l.logged) order by u`;
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) =>
      tx.$queryRawUnsafe<{ uid: number }[]>(sql, folderId, uidValidity, uids),
    );
    return rows.map(({ uid }) => uid);
  }

  async #gone(tx: SqlTransaction, folderId: string, uidValidity: bigint, uids: readonly number[]): Promise<void> {
    const sql = `update location set gone_at = $4::timestamptz
      where folder_id = $1::uuid and uid_validity = $2::bigint and uid = any ($3::bigint[]) and gone_at is null`;
    if (uids.length > 0) await tx.$executeRawUnsafe(sql, folderId, uidValidity, uids, this.clock.now());
  }

  /** How much history there is of mail since then, or that there is no more. */
  async history(session: SessionRow, { folderId }: Folder, progress: { total: number; since: Date } | 'done'): Promise<void> {
    const done = `update folder set history_next = 1, had_since = null, total = seen where folder_id = $1::uuid returning ${folderColumns}`;
    const listed = `update folder set total = seen + $2::bigint, history_since = greatest(history_since, $3::timestamptz) where folder_id = $1::uuid returning ${folderColumns}`;
    await this.#change(session, (tx) =>
      progress === 'done'
        ? tx.$queryRawUnsafe<FolderRow[]>(done, folderId)
        : tx.$queryRawUnsafe<FolderRow[]>(listed, folderId, progress.total, progress.since),
    );
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

export function toFolder(row: FolderRow): Folder {
  return {
    ...row,
    uidValidity: BigInt(row.uidValidity),
    uidNext: Number(row.uidNext),
    historyNext: Number(row.historyNext),
    historyStart: Number(row.historyStart),
    modseq: row.modseq === null ? undefined : BigInt(row.modseq),
    exists: row.exists === null ? undefined : Number(row.exists),
    auditedAt: row.auditedAt ?? undefined,
    historySince: row.historySince ?? undefined,
    hadSince: row.hadSince ?? undefined,
  };
}
