// Reads how far inboxes are, and which folders one has.
import { Injectable } from '@nestjs/common';
import { Database } from '@rejoinder/runtime/database';
import type { ListedFolder } from './imap/folder-plan.js';
import type { Folder, Prisma, Session } from './generated/client.js';

export interface ReadInbox {
  session: Session;
  folders: Folder[];
}

const maxFolders = 500;

@Injectable()
export class ProgressStore {
  readonly #database: Database<Prisma.TransactionClient>;

  constructor(database: Database) {
    this.#database = database as unknown as Database<Prisma.TransactionClient>;
  }

  /** Of those of these inboxes that are known here, with their folders in order. */
  of(tenantId: string, inboxIds: string[]): Promise<ReadInbox[]> {
    return this.#database.read({ tenant: tenantId }, async (tx) => {
      const these = { tenantId, inboxId: { in: inboxIds } };
      const [sessions, folders] = await Promise.all([
        tx.session.findMany({ where: these }),
        tx.folder.findMany({ where: these, orderBy: { path: 'asc' }, take: maxFolders * inboxIds.length }),
      ]);
      const byInbox = Map.groupBy(folders, ({ inboxId }) => inboxId);
      return sessions.map((session) => ({ session, folders: (byInbox.get(session.inboxId) ?? []).slice(0, maxFolders) }));
    });
  }

  /** The folders that the server told of last; undefined for an inbox that nobody knows. */
  async listing(tenantId: string, inboxId: string): Promise<ListedFolder[] | undefined> {
    const sql = 'select listing from session where tenant_id = $1::uuid and inbox_id = $2::uuid';
    const [row] = await this.#database.read({ tenant: tenantId }, (tx) =>
      tx.$queryRawUnsafe<{ listing: ListedFolder[] }[]>(sql, tenantId, inboxId),
    );
    return row?.listing;
  }
}
