// An inbox that is read from another server: numbers of mails that may mean others there are forgotten before anything is looked at.
import { Injectable } from '@nestjs/common';
import { Database } from '@rejoinder/runtime/database';
import { Owner } from './owner-store.js';
import type { SessionRow } from './session-store.js';

const rowsPerStep = 2_000;
/**
 * UIDVALIDITY is to be a time in seconds (RFC 9051 §2.3.1.1): where two servers have the same, one is the copy of the other, numbers and all, or the same
 * under another name. Some servers count instead, or say 1 of each folder, which is less than this and proves nothing.
 */
const leastTime = 1_000_000_000;

const counted = `select folder_id from folder where tenant_id = $1::uuid and inbox_id = $2::uuid and uid_validity < ${leastTime}`;
/** A row of a partitioned table is named by its table and its place there. */
const forgetPlaces = `delete from location where (tableoid, ctid) in (select tableoid, ctid from location where folder_id in (${counted}) limit ${rowsPerStep})`;
/** No server says 0 (RFC 9051 §2.3.1.1), so each is listed again when it is next looked at; what is known of its mails stays known. */
const forgetNumbers = [
  `delete from folder_mark where folder_id in (${counted})`,
  `delete from unread_mail where folder_id in (${counted})`,
  `update folder set uid_validity = 0 where folder_id in (${counted})`,
];

@Injectable()
export class ServerStore {
  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
  ) {}

  /** Before the first look of a session at this host. Can be stopped between two steps: the host is noted last. */
  async arriveAt(session: SessionRow, host: string): Promise<void> {
    const server = host.toLowerCase();
    const known = await this.#known(session);
    if (known === server) return;
    if (known !== '') while ((await this.#run(session, [forgetPlaces])) === rowsPerStep);
    const note = 'update session set server = $3 where tenant_id = $1::uuid and inbox_id = $2::uuid';
    await this.#run(session, known === '' ? [] : forgetNumbers, [note, server]);
  }

  async #known({ tenantId, inboxId }: SessionRow): Promise<string | undefined> {
    const sql = 'select server from session where inbox_id = $1::uuid';
    const [row] = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<{ server: string }[]>(sql, inboxId));
    return row?.server;
  }

  #run(session: SessionRow, statements: string[], [note, server]: [string?, string?] = []): Promise<number> {
    const { tenantId, inboxId } = session;
    return this.database.writeToDisk({ tenants: [tenantId] }, async (tx) => {
      await this.owner.fence(tx, session.partition);
      let changed = 0;
      for (const sql of statements) changed = await tx.$executeRawUnsafe(sql, tenantId, inboxId);
      if (note) await tx.$executeRawUnsafe(note, tenantId, inboxId, server);
      return changed;
    });
  }
}
