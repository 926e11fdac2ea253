// The text of captured mails, sealed by day and kept for days.
import { Injectable } from '@nestjs/common';
import { dayOf } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';
import { Vault, type Bytes } from '@rejoinder/vault/vault';
import type { MailText } from './mail-text.js';

@Injectable()
export class BodyStore {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
  ) {}

  /** Before a transaction is open. */
  seal(tenantId: string, mailId: string, { text, html }: MailText, day: string): Promise<Bytes> {
    return this.vault.seal(place(tenantId, mailId, day), Buffer.from(JSON.stringify({ text, html })));
  }

  async put(tx: SqlTransaction, tenantId: string, mailId: string, sealed: Bytes, now: Date): Promise<void> {
    const sql = `insert into raw_body (tenant_id, mail_id, captured_at, captured_day, sealed) values ($1::uuid, $2::uuid, $3::timestamptz, $4::date, $5::bytea)`;
    await Promise.all([this.forget(tx, tenantId, [mailId]), tx.$executeRawUnsafe(sql, tenantId, mailId, now, dayOf(now), sealed)]);
  }

  /** The text of a captured mail, or undefined. */
  async read(tenantId: string, mailId: string): Promise<MailText | undefined> {
    const sql = `select captured_day::text as day, sealed from raw_body where tenant_id = $1::uuid and mail_id = $2::uuid order by captured_at desc limit 1`;
    const [row] = await this.database.read({ tenant: tenantId }, (tx) =>
      tx.$queryRawUnsafe<{ day: string; sealed: Uint8Array }[]>(sql, tenantId, mailId),
    );
    if (!row) return undefined;
    try {
      return JSON.parse((await this.vault.open(place(tenantId, mailId, row.day), row.sealed)).toString()) as MailText;
    } catch (error) {
      // Its day's key is shredded: the row is a moment from being dropped.
      if (error instanceof Fault && error.kind === 'gone') return undefined;
      throw error;
    }
  }

  async forget(tx: SqlTransaction, tenantId: string, mailIds: string[]): Promise<void> {
    await tx.$executeRawUnsafe(`delete from raw_body where tenant_id = $1::uuid and mail_id = any ($2::uuid[])`, tenantId, mailIds);
  }
}

function place(tenantId: string, mailId: string, day: string) {
  return { tenantId, purpose: 'raw' as const, day, row: `raw_body:${mailId}` };
}
