// Rows of copies to be filed in Sent: how far each is, so that a stop in the middle of an APPEND does not double it.
import { Injectable } from '@nestjs/common';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';
import { Owner, partitionOfInbox } from '../inbox/owner-store.js';

export interface SentCopy {
  tenantId: string;
  sendId: string;
  mailId: string;
  inboxId: string;
  state: 'wanted' | 'append_started' | 'filed' | 'found' | 'failed';
  attempts: number;
}

interface Asked {
  tenantId: string;
  sendId: string;
  mailId: string;
  inboxId: string;
  traceparent?: string;
}

const ask = `
insert into sent_copy (tenant_id, send_id, mail_id, inbox_id, partition, state, due_at, traceparent)
values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::int, 'wanted', $6::timestamptz, $7) on conflict (tenant_id, send_id) do nothing`;

const columns = `tenant_id as "tenantId", send_id as "sendId", mail_id as "mailId", inbox_id as "inboxId", state, attempts`;

@Injectable()
export class SentCopyStore {
  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
  ) {}

  async ask(tx: SqlTransaction, { tenantId, sendId, mailId, inboxId, traceparent }: Asked, dueAt: Date): Promise<void> {
    await tx.$executeRawUnsafe(ask, tenantId, sendId, mailId, inboxId, partitionOfInbox(inboxId), dueAt, traceparent ?? null);
  }

  async find(tenantId: string, sendId: string): Promise<SentCopy | undefined> {
    const sql = `select ${columns} from sent_copy where tenant_id = $1::uuid and send_id = $2::uuid`;
    const [row] = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<SentCopy[]>(sql, tenantId, sendId));
    return row;
  }

  /** Whether the copy was observed in the Sent folder of its inbox. */
  async observed({ tenantId, mailId, inboxId }: SentCopy): Promise<boolean> {
    const sql = `select 1 from location l join folder f on f.folder_id = l.folder_id and f.uid_validity = l.uid_validity
      where l.tenant_id = $1::uuid and l.mail_id = $2::uuid and l.inbox_id = $3::uuid and f.role = 'sent' and l.gone_at is null limit 1`;
    return (
      (await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<unknown[]>(sql, tenantId, mailId, inboxId))).length > 0
    );
  }

  /** Saves how far it is. Refuses (FENCED) if the inbox is another pod's now: that pod will append. */
  async say({ tenantId, sendId, inboxId }: SentCopy, state: Exclude<SentCopy['state'], 'wanted'>): Promise<void> {
    await this.database.writeToDisk({ tenants: [tenantId] }, async (tx) => {
      await this.owner.fence(tx, partitionOfInbox(inboxId));
      await tx.$executeRawUnsafe(
        `update sent_copy set state = $3 where tenant_id = $1::uuid and send_id = $2::uuid`,
        tenantId,
        sendId,
        state,
      );
    });
  }
}
