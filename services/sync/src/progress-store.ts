// Reads how far an inbox is, and which folders it has.
import { Injectable } from '@nestjs/common';
import { Database } from '@rejoinder/runtime/database';
import type { ListedFolder } from './imap/folder-plan.js';
import type { Folder, Prisma, Session } from './generated/client.js';

const maxFolders = 500;

@Injectable()
export class ProgressStore {
  readonly #database: Database<Prisma.TransactionClient>;

  constructor(database: Database) {
    this.#database = database as unknown as Database<Prisma.TransactionClient>;
  }

  of(tenantId: string, inboxId: string): Promise<{ session: Session; folders: Folder[] } | undefined> {
    return this.#database.read({ tenant: tenantId }, async (tx) => {
      const session = await tx.session.findFirst({ where: { tenantId, inboxId } });
      if (!session) return undefined;
      const folders = await tx.folder.findMany({ where: { tenantId, inboxId }, orderBy: { path: 'asc' }, take: maxFolders });
      return { session, folders };
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
