// Rows of searches for a Message-ID, and the headers that a search finds.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Outbox } from '@rejoinder/bus/outbox';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import type { FolderRole } from '../imap/folder-plan.js';
import { ConnectionLog } from '../inbox/connection-log-store.js';
import type { Folder } from '../inbox/folder-store.js';
import { observe, type Surroundings } from '../inbox/observe.js';
import { headerPlace, mailsObserved, ObservedStore } from '../inbox/observed-store.js';
import { Owner, partitionOfInbox } from '../inbox/owner-store.js';
import { SessionStore, type SessionRow } from '../inbox/session-store.js';
import { tenantHash } from '../inbox/tenant-hash.js';
import type { FoundMail } from './older-mails.js';

export interface Search {
  tenantId: string;
  searchId: string;
  inboxId: string;
  messageIdHash: Buffer<ArrayBuffer>;
  until: Date;
  /** What came of the look before. */
  lastReason?: string | null;
  traceparent?: string;
}

/** A header that was observed before, sealed. */
interface Found {
  mailId: string;
  day: string;
  sealed: Uint8Array;
  sizeBytes: number;
  receivedAt: Date;
  role: FolderRole | null;
}

const ask = `
insert into search as s (tenant_id, search_id, inbox_id, partition, message_id_hash, until, due_at, traceparent)
values ($1::uuid, $2::uuid, $3::uuid, $4::int, $5::bytea, $6::timestamptz, $7::timestamptz, $8)
on conflict (tenant_id, search_id) do update set until = greatest(s.until, excluded.until), due_at = excluded.due_at`;

const find = `
select h.mail_id as "mailId", h.ingested_day::text as day, h.sealed, h.size_bytes::float8 as "sizeBytes", h.received_at as "receivedAt",
  (select f.role from location l join folder f on f.folder_id = l.folder_id where l.tenant_id = h.tenant_id and l.mail_id = h.mail_id and l.inbox_id = h.inbox_id limit 1) as role
from mail_header h where h.tenant_id = $1::uuid and h.message_id_hash = $2::bytea and h.inbox_id = $3::uuid and length(h.sealed) > 0 limit 10`;

@Injectable()
export class SearchStore {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly vault: Vault,
    private readonly owner: Owner,
    private readonly sessions: SessionStore,
    private readonly observed: ObservedStore,
    private readonly log: ConnectionLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async ask(tx: SqlTransaction, { tenantId, searchId, inboxId, messageIdHash, until, traceparent }: Search): Promise<void> {
    await tx.$executeRawUnsafe(
      ask,
      tenantId,
      searchId,
      inboxId,
      partitionOfInbox(inboxId),
      messageIdHash,
      until,
      this.clock.now(),
      traceparent ?? null,
    );
  }

  async find(tenantId: string, searchId: string): Promise<Search | undefined> {
    const sql = `select tenant_id as "tenantId", search_id as "searchId", inbox_id as "inboxId", message_id_hash as "messageIdHash", until, last_reason as "lastReason"
      from search where tenant_id = $1::uuid and search_id = $2::uuid`;
    const [row] = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<Search[]>(sql, tenantId, searchId));
    return row && { ...row, messageIdHash: Buffer.from(row.messageIdHash) };
  }

  /** Says once more of a mail with this id, if one was observed in the inbox, what its headers say. True if there was one. */
  async sayAgain(search: Search): Promise<boolean> {
    const { tenantId, inboxId, messageIdHash } = search;
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) =>
      tx.$queryRawUnsafe<Found[]>(find, tenantId, messageIdHash, inboxId),
    );
    const session = rows.length > 0 ? await this.sessions.find(tenantId, inboxId) : undefined;
    if (!session) return false;
    const observations = await this.#observations(session, rows);
    await this.database.write({ tenants: [tenantId] }, async (tx) => {
      await this.owner.fence(tx, session.partition);
      await this.outbox.add(tx, mailsObserved({ session }, observations, false));
    });
    return true;
  }

  /** It was found among mails that nobody observed: from here on this one is. */
  async found(session: SessionRow, { folder, mail }: FoundMail): Promise<void> {
    const around = await this.#around(session.tenantId);
    const observation = observe(mail, { ...around, role: folder.role, isLogFolder: folder.path === session.logFolder });
    await this.observed.save({ session, folder, cursor: 'stays', observations: [observation], ownHashes: [] });
  }

  /** Into these folders nobody could look. */
  async unsearched(session: SessionRow, folders: readonly Folder[]): Promise<void> {
    await this.database.write({ tenants: [session.tenantId] }, async (tx) => {
      await this.owner.fence(tx, session.partition);
      for (const { role } of folders) await this.log.add(tx, session, { what: 'unsearched', reason: 'UNAVAILABLE', folderRole: role });
    });
  }

  async remove({ tenantId, searchId }: Search): Promise<void> {
    await this.database.write({ tenants: [tenantId] }, (tx) =>
      tx.$executeRawUnsafe(`delete from search where tenant_id = $1::uuid and search_id = $2::uuid`, tenantId, searchId),
    );
  }

  async #observations({ tenantId, inboxId }: SessionRow, rows: Found[]) {
    const around = await this.#around(tenantId);
    const observations = [];
    for (const { mailId, day, sealed, sizeBytes, receivedAt, role } of rows) {
      const header = await this.vault.open(headerPlace(tenantId, inboxId, mailId, day), sealed);
      const seen = { uid: 0, flags: new Set<string>(), receivedAt, sizeBytes, header };
      observations.push(observe(seen, { ...around, role: role ?? 'other', isLogFolder: false }));
    }
    return observations;
  }

  async #around(tenantId: string): Promise<Pick<Surroundings, 'hash' | 'isSigned' | 'isOwn' | 'now'>> {
    const { hash, isSigned } = tenantHash(await this.vault.hasher(tenantId));
    const own = await this.sessions.ownAddresses(tenantId);
    return { hash, isSigned, isOwn: (address) => own.some((one) => one.equals(address)), now: this.clock.now() };
  }
}
