// Rows of mails whose header fields could not be had: passed over once, told of, and asked for again by audits.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { count } from '@rejoinder/runtime/count';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { ConnectionLog } from './connection-log-store.js';
import type { Folder } from './folder-store.js';
import { Owner } from './owner-store.js';
import type { SessionRow } from './session-store.js';

export interface UnreadMail {
  folderId: string;
  uidValidity: bigint;
  uid: number;
  foundAt: Date;
}

@Injectable()
export class UnreadStore {
  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
    private readonly log: ConnectionLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list({ tenantId, inboxId }: SessionRow): Promise<UnreadMail[]> {
    const sql = `select folder_id as "folderId", uid_validity as "uidValidity", uid::float8 as uid, found_at as "foundAt" from unread_mail where inbox_id = $1::uuid`;
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<UnreadMail[]>(sql, inboxId));
    return rows.map((row) => ({ ...row, uidValidity: BigInt(row.uidValidity) }));
  }

  /** Those not known yet are a counter and an entry of the connection log. */
  async add(session: SessionRow, { folderId, uidValidity, role }: Folder, uids: readonly number[]): Promise<void> {
    const sql = `insert into unread_mail (tenant_id, inbox_id, folder_id, uid_validity, uid, found_at, tried_at)
      select $1::uuid, $2::uuid, $3::uuid, $4::bigint, u, $6::timestamptz, $6::timestamptz from unnest($5::bigint[]) u
      where not exists (select from unread_mail m where m.folder_id = $3::uuid and m.uid_validity = $4::bigint and m.uid = u)`;
    const values = [session.tenantId, session.inboxId, folderId, uidValidity, uids, this.clock.now()];
    const mails = await this.database.writeToDisk({ tenants: [session.tenantId] }, async (tx) => {
      await this.owner.fence(tx, session.partition);
      const added = await tx.$executeRawUnsafe(sql, ...values);
      if (added > 0) await this.log.add(tx, session, { what: 'unread', folderRole: role, mails: added });
      return added;
    });
    count('rejoinder.sync.unread_mails', mails);
  }

  /** It is being asked for again: at the next audit others are first. */
  tried(session: SessionRow, folder: Folder, uid: number): Promise<void> {
    return this.#change(session, folder, `update unread_mail set tried_at = $4::timestamptz`, uid, this.clock.now());
  }

  /** It was read after all. */
  read(session: SessionRow, folder: Folder, uid: number): Promise<void> {
    return this.#change(session, folder, 'delete from unread_mail', uid);
  }

  async #change(session: SessionRow, { folderId, uidValidity }: Folder, what: string, uid: number, ...more: Date[]): Promise<void> {
    await this.database.writeToDisk({ tenants: [session.tenantId] }, async (tx) => {
      await this.owner.fence(tx, session.partition);
      await tx.$executeRawUnsafe(
        `${what} where folder_id = $1::uuid and uid_validity = $2::bigint and uid = $3::bigint`,
        folderId,
        uidValidity,
        uid,
        ...more,
      );
    });
  }
}
