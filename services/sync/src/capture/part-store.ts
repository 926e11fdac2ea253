// Rows of attachments that are to be fetched, and what became of each.
import { Injectable } from '@nestjs/common';
import { dayOf } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';
import { Vault, type Bytes } from '@rejoinder/vault/vault';
import { partitionOfInbox } from '../inbox/owner-store.js';

/** An attachment that may be fetched. */
export interface NewPart {
  attachmentId: string;
  partId: string;
  encoding: string;
  contentType: string;
  /** In its transfer encoding, as BODYSTRUCTURE declares it. */
  encodedSizeBytes: number;
  fileName: string;
  inline: boolean;
  contentId: string;
}

export interface Part extends NewPart {
  tenantId: string;
  mailId: string;
  state: 'pending' | 'stored' | 'rejected' | 'gone';
  /** Since when it is known. */
  sealedDay: string;
  mailSizeBytes: number;
}

export interface SealedPart extends NewPart {
  sealedName: Bytes;
  sealedDay: string;
}

const insert = `
insert into part (tenant_id, attachment_id, mail_id, part_id, encoding, content_type, declared_size_bytes, sealed_name, sealed_day, inline, content_id, state,
  partitions, due_at, historical, traceparent)
select $1::uuid, p.attachment_id, $2::uuid, p.part_id, p.encoding, p.content_type, p.size, p.sealed_name, $3::date, p.inline, p.content_id, 'pending',
  $4::int[], $5::timestamptz, $6::bool, $7
from unnest($8::uuid[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bytea[], $14::bool[], $15::text[])
  as p (attachment_id, part_id, encoding, content_type, size, sealed_name, inline, content_id)
on conflict (tenant_id, attachment_id) do update set partitions = excluded.partitions`;

const find = `
select p.tenant_id as "tenantId", p.mail_id as "mailId", p.attachment_id as "attachmentId", p.part_id as "partId", p.encoding, p.content_type as "contentType",
  p.declared_size_bytes::float8 as "encodedSizeBytes", p.sealed_name as "sealedName", p.sealed_day::text as "sealedDay", p.inline, p.content_id as "contentId", p.state,
  coalesce((select max(h.size_bytes) from mail_header h where h.tenant_id = p.tenant_id and h.mail_id = p.mail_id), 0)::float8 as "mailSizeBytes"
from part p where p.tenant_id = $1::uuid and p.attachment_id = $2::uuid`;

type PartRow = Omit<Part, 'fileName'> & { sealedName: Uint8Array };

@Injectable()
export class PartStore {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
  ) {}

  /** Seals the file names, before a transaction is open. */
  async seal(tenantId: string, parts: NewPart[], day: string): Promise<SealedPart[]> {
    const sealed = await this.vault.sealMany(
      parts.map((part) => ({ at: namePlace(tenantId, part.attachmentId, day), plain: Buffer.from(part.fileName) })),
    );
    return parts.map((part, at) => {
      const sealedName = sealed[at]!;
      if (sealedName instanceof Fault) throw sealedName;
      return { ...part, sealedName, sealedDay: day };
    });
  }

  /** Adds those that are not known yet; a part that is stored stays so. */
  async add(
    tx: SqlTransaction,
    mail: { tenantId: string; mailId: string; inboxIds: string[]; historical: boolean; traceparent: string | null },
    parts: SealedPart[],
    now: Date,
  ): Promise<void> {
    if (parts.length === 0) return;
    const partitions = [...new Set(mail.inboxIds.map(partitionOfInbox))];
    const columns = [
      parts.map(({ attachmentId }) => attachmentId),
      parts.map(({ partId }) => partId),
      parts.map(({ encoding }) => encoding),
      parts.map(({ contentType }) => contentType),
      parts.map(({ encodedSizeBytes }) => encodedSizeBytes),
      parts.map(({ sealedName }) => sealedName),
      parts.map(({ inline }) => inline),
      parts.map(({ contentId }) => contentId),
    ];
    await tx.$executeRawUnsafe(
      insert,
      mail.tenantId,
      mail.mailId,
      dayOf(now),
      partitions,
      now,
      mail.historical,
      mail.traceparent,
      ...columns,
    );
  }

  async find(tenantId: string, attachmentId: string): Promise<Part | undefined> {
    const [row] = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<PartRow[]>(find, tenantId, attachmentId));
    if (!row) return undefined;
    const { sealedName, ...part } = row;
    const name = await this.vault.open(namePlace(tenantId, attachmentId, row.sealedDay), sealedName);
    return { ...part, fileName: name.toString() };
  }

  /** The session has ended over it; answers how often by now. */
  async broke({ tenantId, attachmentId }: Part): Promise<number> {
    const sql = `update part set breaks = breaks + 1 where tenant_id = $1::uuid and attachment_id = $2::uuid returning breaks`;
    const write = { tenants: [tenantId] };
    const rows = await this.database.write(write, (tx) => tx.$queryRawUnsafe<{ breaks: number }[]>(sql, tenantId, attachmentId));
    return rows[0]?.breaks ?? 0;
  }

  async settle({ tenantId, attachmentId }: Part, state: 'stored' | 'rejected' | 'gone'): Promise<void> {
    const sql = `update part set state = $3 where tenant_id = $1::uuid and attachment_id = $2::uuid and state = 'pending'`;
    await this.database.write({ tenants: [tenantId] }, (tx) => tx.$executeRawUnsafe(sql, tenantId, attachmentId, state));
  }
}

function namePlace(tenantId: string, attachmentId: string, day: string) {
  return { tenantId, purpose: 'headers' as const, day, row: `part:${attachmentId}` };
}
