// What delivery reports say of sends, as rows: the gravest of each recipient, told when it is new, and taken back with the report.
import { Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { Outbox } from '@rejoinder/bus/outbox';
import { Database } from '@rejoinder/runtime/database';
import { bytesOf, bytesText, given, rowsOf } from '@rejoinder/runtime/rows';
import { maxBatch, Vault, type Bytes } from '@rejoinder/vault/vault';
import type { Prisma } from '../generated/client.js';
import { reportedEvent, type SendFacts } from '../send-events.js';
import { gravest, gravity, type RecipientReport } from './report.js';

type Tx = Prisma.TransactionClient;

export interface SendKey {
  tenantId: string;
  sendId: string;
}

export interface NewReport extends SendKey, RecipientReport {
  reportMailId: string;
  reportedAt: Date;
  traceparent: string | undefined;
}

/** As it is shown. */
export type StoredReport = Pick<NewReport, 'address' | 'outcome' | 'status' | 'reportMailId' | 'reportedAt'>;

const gravityOf = (column: string) => `array_position(array[${gravity.map((one) => `'${one}'`).join(', ')}], ${column})`;

/** Only of a send that is there, by a report that nobody has deleted. */
const takeSql = `
insert into recipient_report as r (tenant_id, send_id, recipient_hash, outcome, status, report_mail_id, reported_at, sealed)
select s.tenant_id, s.send_id, "recipientHash", outcome, status, "reportMailId", "reportedAt", sealed
from ${given(1, '"tenantId" uuid, "sendId" uuid, "recipientHash" bytea, outcome text, status text, "reportMailId" uuid, "reportedAt" timestamptz, sealed bytea')}
join send s on s.tenant_id = "tenantId" and s.send_id = "sendId"
where not exists (select 1 from tombstone t where t.tenant_id = s.tenant_id and t.mail_id = "reportMailId")
on conflict (tenant_id, send_id, recipient_hash) do update set outcome = excluded.outcome, status = excluded.status,
  report_mail_id = excluded.report_mail_id, reported_at = excluded.reported_at, sealed = excluded.sealed
where ${gravityOf('excluded.outcome')} > ${gravityOf('r.outcome')}
returning tenant_id as "tenantId", send_id as "sendId", recipient_hash as "recipientHash"`;

const lockSql = `select 1 from send s join ${given(1, '"tenantId" uuid, "sendId" uuid')} on s.tenant_id = "tenantId" and s.send_id = "sendId" order by s.tenant_id, s.send_id for update of s`;

const riseSql = `
update send s set revision = s.revision + 1 from (select distinct "tenantId", "sendId" from ${given(1, '"tenantId" uuid, "sendId" uuid')}) n
where s.tenant_id = n."tenantId" and s.send_id = n."sendId"
returning s.tenant_id as "tenantId", s.send_id as "sendId", s.inbox_id as "inboxId", s.mail_id as "mailId", s.revision`;

@Injectable()
export class ReportStore {
  constructor(
    private readonly database: Database<Tx>,
    private readonly vault: Vault,
    private readonly outbox: Outbox,
  ) {}

  /** Hashes of those whom these sends were written to; of a send with another Message-ID than is named, whoever named it, nothing. */
  async recipients(named: readonly (SendKey & { messageId: string })[]): Promise<Map<string, Uint8Array[]>> {
    const tenants = [...new Set(named.map(({ tenantId }) => tenantId))];
    const or = named.map(({ tenantId, sendId, messageId }) => ({ tenantId, sendId, messageId }));
    const select = { tenantId: true, sendId: true, recipientHashes: true };
    const found = await this.database.read({ tenants }, (tx) => tx.send.findMany({ where: { OR: or }, select }));
    return new Map(found.map((one) => [sendKey(one), one.recipientHashes]));
  }

  async take(all: readonly NewReport[]): Promise<void> {
    const reports = await this.#sealed(gravest(all, recipientKey));
    if (reports.length === 0) return;
    const tenants = [...new Set(reports.map(({ tenantId }) => tenantId))];
    const json = JSON.stringify(reports.map(({ recipientHash, ...one }) => ({ ...one, recipientHash: bytesText(recipientHash) })));
    await this.database.write({ tenants }, async (tx) => {
      await tx.$queryRawUnsafe(lockSql, json);
      const taken = await tx.$queryRawUnsafe<(SendKey & { recipientHash: Uint8Array })[]>(takeSql, json);
      if (taken.length === 0) return;
      const keys = taken.map(({ tenantId, sendId }) => ({ tenantId, sendId }));
      const risen = await tx.$queryRawUnsafe<Omit<SendFacts, 'traceparent'>[]>(riseSql, JSON.stringify(keys));
      const sends = new Map(risen.map((one) => [sendKey(one), one]));
      const news = new Set(taken.map(recipientKey));
      const told = reports.filter((one) => news.has(recipientKey(one)));
      await this.outbox.add(
        tx,
        told.map((one) => reportedEvent({ ...sends.get(sendKey(one))!, traceparent: one.traceparent ?? null }, one)),
      );
    });
  }

  /** What is said of a send, the oldest first. */
  async of({ tenantId, sendId }: SendKey): Promise<StoredReport[]> {
    const sql = `select recipient_hash as "recipientHash", outcome, status, report_mail_id as "reportMailId", reported_at as "reportedAt", sealed
      from recipient_report where tenant_id = $1::uuid and send_id = $2::uuid order by reported_at, recipient_hash`;
    type Row = Omit<StoredReport, 'address' | 'reportedAt'> & { recipientHash: string; reportedAt: string; sealed: string };
    const rows = await this.database.read({ tenant: tenantId }, (tx) => rowsOf<Row>(tx, sql, tenantId, sendId));
    const items = rows.map((row) => ({
      at: placeOf({ tenantId, sendId, recipientHash: bytesOf(row.recipientHash) }),
      sealed: bytesOf(row.sealed),
    }));
    const opened = items.length > 0 ? await this.vault.openMany(items) : [];
    return rows.map(({ outcome, status, reportMailId, reportedAt }, at) => {
      const address = opened[at]!;
      if (address instanceof Fault) throw address;
      return { outcome, status, reportMailId, reportedAt: new Date(reportedAt), address: Buffer.from(address).toString() };
    });
  }

  /** Of a tenant that was deleted nothing is kept. */
  async #sealed(reports: readonly NewReport[]): Promise<(NewReport & { sealed: string })[]> {
    const done: (Bytes | Fault)[] = [];
    for (let at = 0; at < reports.length; at += maxBatch) {
      const items = reports.slice(at, at + maxBatch).map((one) => ({ at: placeOf(one), plain: Buffer.from(one.address) }));
      done.push(...(await this.vault.sealMany(items)));
    }
    return reports.flatMap((one, at) => {
      const sealed = done[at]!;
      if (!(sealed instanceof Fault)) return [{ ...one, sealed: bytesText(sealed) }];
      if (sealed.kind === 'gone') return [];
      throw sealed;
    });
  }
}

export const sendKey = ({ tenantId, sendId }: SendKey): string => `${tenantId} ${sendId}`;

const recipientKey = (one: SendKey & { recipientHash: Uint8Array }) => `${sendKey(one)} ${Buffer.from(one.recipientHash).toString('hex')}`;

function placeOf({ tenantId, sendId, recipientHash }: SendKey & Pick<RecipientReport, 'recipientHash'>) {
  return { tenantId, purpose: 'sends', row: `recipient_report:${sendId}:${recipientHash.toString('hex')}` } as const;
}
