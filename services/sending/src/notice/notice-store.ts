// Notices as rows: which episode is to be told, whether it may have been, and that an inbox is gone.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Notice, Prisma } from '../generated/client.js';
import { newestOf, type Episode } from './notice.js';

type Tx = Prisma.TransactionClient;

export type NoticeRow = Notice;

export interface NoticeKey {
  tenantId: string;
  inboxId: string;
}

/** Told again, an episode changes nothing, and so does one that is over. */
const takeSql = `
insert into notice as n (tenant_id, inbox_id, credential_version, side, reason, asked_at, due_at)
select e.tenant_id, e.inbox_id, e.version, e.side, e.reason, $6::timestamptz, $6::timestamptz
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[]) as e (tenant_id, inbox_id, version, side, reason)
order by e.tenant_id, e.inbox_id
on conflict (tenant_id, inbox_id) do update set credential_version = excluded.credential_version, side = excluded.side, reason = excluded.reason,
  asked_at = excluded.asked_at, started_at = null, sent_at = null, attempts = 0, due_at = excluded.due_at
where excluded.credential_version > n.credential_version`;

@Injectable()
export class NoticeStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async take(episodes: Episode[]): Promise<void> {
    const rows = newestOf(episodes);
    if (rows.length === 0) return;
    await this.database.write({ tenants: rows.map(({ tenantId }) => tenantId) }, (tx) =>
      tx.$executeRawUnsafe(
        takeSql,
        rows.map(({ tenantId }) => tenantId),
        rows.map(({ inboxId }) => inboxId),
        rows.map(({ credentialVersion }) => credentialVersion),
        rows.map(({ side }) => side),
        rows.map(({ reason }) => reason),
        this.clock.now(),
      ),
    );
  }

  async get({ tenantId, inboxId }: NoticeKey): Promise<Notice | null> {
    return this.database.read({ tenants: [tenantId] }, (tx) => tx.notice.findFirst({ where: { tenantId, inboxId } }));
  }

  /** On disk before the first byte leaves, or it might be said twice; false where a newer episode has taken its place. */
  async start({ tenantId, inboxId, credentialVersion }: Notice): Promise<boolean> {
    const { count } = await this.database.writeToDisk({ tenants: [tenantId] }, (tx) =>
      tx.notice.updateMany({ where: { tenantId, inboxId, credentialVersion, startedAt: null }, data: { startedAt: this.clock.now() } }),
    );
    return count === 1;
  }

  /** It was sent, or certainly not: then it may be begun again. */
  async end({ tenantId, inboxId, credentialVersion }: Notice, sent: boolean): Promise<void> {
    const data = sent ? { sentAt: this.clock.now() } : { startedAt: null };
    await this.database.write({ tenants: [tenantId] }, (tx) =>
      tx.notice.updateMany({ where: { tenantId, inboxId, credentialVersion }, data }),
    );
  }

  /** Nothing is to be told of this episode; should it be told again, it is a new one. */
  async drop({ tenantId, inboxId, credentialVersion }: Notice): Promise<void> {
    await this.database.write({ tenants: [tenantId] }, (tx) => tx.notice.deleteMany({ where: { tenantId, inboxId, credentialVersion } }));
  }

  /** These inboxes are gone. */
  async forget(tenants: string[], inboxIds: string[]): Promise<void> {
    await this.database.write({ tenants }, (tx) =>
      tx.notice.deleteMany({ where: { tenantId: { in: tenants }, inboxId: { in: inboxIds } } }),
    );
  }
}
