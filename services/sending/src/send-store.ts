// Sends as rows, as requests see them: accepted once for each idempotency key, read, cancelled, resolved.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { activeTraceparent, Outbox, type NewEvent } from '@rejoinder/bus/outbox';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Bytes } from '@rejoinder/vault/vault';
import type { MovedContent, SealedContent } from './mail/content-box.js';
import type { Prisma, Send } from './generated/client.js';
import { endSend, type Ending } from './settlement-store.js';

export type SendRow = Send;
type Tx = Prisma.TransactionClient;

export interface NewSend {
  tenantId: string;
  sendId: string;
  inboxId: string;
  mailId: string;
  idempotencyKey: string | undefined;
  requestSha256: Bytes;
  messageId: string;
  acceptedAt: Date;
  attachmentIds: string[];
  recipientHashes: Bytes[];
  sealed: Bytes;
  told: NewEvent;
}

const uniqueViolation = 'P2002';
/** Makes the outlet where InboxConnected has not arrived yet; its revision 0 lets that event have its say. */
const ensureOutletSql = `insert into outlet (tenant_id, inbox_id, state) values ($1::uuid, $2::uuid, 'ready') on conflict do nothing`;
const lockOutletSql = `select state from outlet where tenant_id = $1::uuid and inbox_id = $2::uuid for update`;
export const askOutletSql = `update outlet set due_at = least(due_at, $3::timestamptz) where tenant_id = $1::uuid and inbox_id = $2::uuid`;

@Injectable()
export class SendStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    private readonly outbox: Outbox,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  findByKey(tenantId: string, idempotencyKey: string): Promise<SendRow | null> {
    return this.database.read({ tenant: tenantId }, (tx) => tx.send.findFirst({ where: { tenantId, idempotencyKey } }));
  }

  /** Undefined where another request with the same key was faster. */
  async accept(send: NewSend): Promise<SendRow | undefined> {
    const { tenantId, inboxId, sendId, sealed, told, ...facts } = send;
    try {
      return await this.database.write({ tenant: tenantId }, async (tx) => {
        await tx.$executeRawUnsafe(ensureOutletSql, tenantId, inboxId);
        if ((await lockOutlet(tx, tenantId, inboxId)) === 'removed') throw faultOf('INBOX_REMOVED');
        const data = { tenantId, inboxId, sendId, ...facts, state: 'accepted', dueAt: send.acceptedAt, traceparent: activeTraceparent() };
        const row = await tx.send.create({ data: { ...data, reason: '', attempts: 0, copyInSent: false, revision: 1n } });
        await tx.sendContent.create({ data: { tenantId, sendId, sealed } });
        await tx.$executeRawUnsafe(askOutletSql, tenantId, inboxId, this.clock.now());
        await this.outbox.add(tx, [told]);
        return row;
      });
    } catch (error) {
      if ((error as { code?: unknown }).code === uniqueViolation) return undefined;
      throw error;
    }
  }

  async get(tenantId: string, sendId: string): Promise<SendRow> {
    const row = await this.database.read({ tenant: tenantId }, (tx) =>
      tx.send.findUnique({ where: { tenantId_sendId: { tenantId, sendId } } }),
    );
    if (!row) throw new Fault('not_found', 'SEND_NOT_FOUND', 'There is no such send.');
    return row;
  }

  /** The send of a mail, the newest if there were several. */
  async ofMail(tenantId: string, mailId: string): Promise<SendRow> {
    const row = await this.database.read({ tenant: tenantId }, (tx) =>
      tx.send.findFirst({ where: { tenantId, mailId }, orderBy: { acceptedAt: 'desc' } }),
    );
    if (!row) throw new Fault('not_found', 'SEND_NOT_FOUND', 'This mail was not sent from here, or it was forgotten.');
    return row;
  }

  /** What it says, from where it lies now; gone (CONTENT_GONE) seven days after it was settled. */
  async content(tenantId: string, sendId: string): Promise<SealedContent> {
    const found = await this.database.read({ tenant: tenantId }, async (tx) => {
      const unsettled = await tx.sendContent.findUnique({ where: { tenantId_sendId: { tenantId, sendId } } });
      return unsettled ? { sealed: unsettled.sealed } : settledContent(tx, tenantId, sendId);
    });
    if (!found) throw new Fault('not_found', 'CONTENT_GONE', 'The text of this mail is no longer kept.');
    return found;
  }

  /** Ends it as a person wants; answers whether it could be ended so. */
  end(send: SendRow, ending: Ending, moved: MovedContent | undefined): Promise<boolean> {
    return this.database.write({ tenant: send.tenantId }, async (tx) => {
      await lockOutlet(tx, send.tenantId, send.inboxId);
      return endSend(tx, this.outbox, { send, ending, now: this.clock.now(), moved });
    });
  }

  /** An unconfirmed send is due again, with the same Message-ID. */
  sendAgain({ tenantId, sendId, inboxId }: SendRow): Promise<boolean> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      await lockOutlet(tx, tenantId, inboxId);
      const now = this.clock.now();
      const { count } = await tx.send.updateMany({
        where: { tenantId, sendId, state: 'unconfirmed', copySeenAt: null },
        data: { state: 'accepted', reason: '', dueAt: now, dataStartedAt: null, firstTriedAt: null, revision: { increment: 1 } },
      });
      if (count > 0) await tx.$executeRawUnsafe(askOutletSql, tenantId, inboxId, now);
      return count > 0;
    });
  }
}

async function lockOutlet(tx: Tx, tenantId: string, inboxId: string): Promise<string | undefined> {
  const [row] = await tx.$queryRawUnsafe<{ state: string }[]>(lockOutletSql, tenantId, inboxId);
  return row?.state;
}

async function settledContent(tx: Tx, tenantId: string, sendId: string): Promise<SealedContent | undefined> {
  const sql = `select sealed, to_char(settled_day, 'YYYY-MM-DD') as day from raw_mail where tenant_id = $1::uuid and send_id = $2::uuid limit 1`;
  const [row] = await tx.$queryRawUnsafe<{ sealed: Uint8Array; day: string }[]>(sql, tenantId, sendId);
  return row;
}
