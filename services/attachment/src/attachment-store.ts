// The tables of attachments: records, orphans and tombstones, each change with the event that tells of it.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { event, Outbox } from '@rejoinder/bus/outbox';
import { AttachmentRejectedSchema, AttachmentStoredSchema } from '@rejoinder/contracts/events/attachment';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Attachment, Prisma } from './generated/client.js';

export type Tx = Prisma.TransactionClient;
export type Record = Attachment;

/** Why bytes that were to be taken are not, told once they come. */
export type LateReason = 'part_too_large' | 'declaration_lied' | 'gone';

/** A record as an event or an upload declares it. */
export interface Declared {
  tenantId: string;
  attachmentId: string;
  mailId: string | null;
  /** Empty for one that may come; else why it will not. */
  rejectedReason: string;
  sizeBytes: bigint;
  sealedFacts: Uint8Array;
  historical: boolean;
}

/** A person's file and the mail it was sent with. */
export interface Bound {
  tenantId: string;
  attachmentId: string;
  mailId: string;
  traceparent?: string;
}

export interface UploadAt {
  tenantId: string;
  attachmentId: string;
  objectKey: string;
}

export interface Waiting {
  count: number;
  since?: Date;
}

const topic = 'rejoinder.attachment.v1';
/** The state after which nothing but deletion comes. */
const settledSequence = 1n;

@Injectable()
export class AttachmentStore {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly outbox: Outbox,
  ) {}

  /** Records that are not there yet; those of forgotten mails are refused without a word. */
  async declare(tx: Tx, records: Declared[]): Promise<void> {
    await this.#lockMails(tx, records);
    await tx.$executeRawUnsafe(
      declareSql,
      records.map(({ tenantId }) => tenantId),
      records.map(({ attachmentId }) => attachmentId),
      records.map(({ mailId }) => mailId),
      records.map(({ rejectedReason }) => rejectedReason),
      records.map(({ sizeBytes }) => sizeBytes),
      records.map(({ sealedFacts }) => Buffer.from(sealedFacts)),
      records.map(({ historical }) => historical),
      this.clock.now(),
    );
  }

  /** Files of persons join the mails they were sent with, and are told of as stored; of a mail forgotten meanwhile they are deleted. */
  async bind(tx: Tx, files: Bound[]): Promise<number> {
    await this.#lockMails(tx, files);
    const values = [files.map((f) => f.tenantId), files.map((f) => f.attachmentId), files.map((f) => f.mailId), this.clock.now()] as const;
    const rows = await tx.$queryRawUnsafe<BoundRow[]>(bindSql, ...values);
    const stored = rows.filter(({ state }) => state === 'stored');
    const events = stored.map((row) => {
      const { traceparent } = files.find(({ attachmentId }) => attachmentId === row.attachment_id)!;
      const message = {
        attachmentId: row.attachment_id,
        mailId: row.mail_id,
        sizeBytes: row.size_bytes,
        sha256Hex: row.sha256.toString('hex'),
      };
      return event({
        topic,
        key: row.attachment_id,
        tenantId: row.tenant_id,
        schema: AttachmentStoredSchema,
        message,
        sequence: settledSequence,
        traceparent,
      });
    });
    await this.outbox.add(tx, events);
    return rows.length;
  }

  find(tx: Tx, tenantId: string, attachmentId: string): Promise<Record | null> {
    return tx.attachment.findUnique({ where: { tenantId_attachmentId: { tenantId, attachmentId } } });
  }

  /** The row of an object that may come to be: due as an orphan once its upload must have ended. */
  async begin(tx: Tx, { tenantId, objectKey }: UploadAt, dueAt: Date): Promise<void> {
    await tx.orphan.create({ data: { tenantId, objectKey, since: this.clock.now(), dueAt } });
  }

  /** The whole file lies in the store. Answers the record; where it is not stored under this key, another upload was first. */
  async finish(tx: Tx, at: UploadAt, whole: { sizeBytes: number; sha256: Buffer }, expiresAt?: Date): Promise<Record> {
    const record = await this.#locked(tx, at);
    if (record.state !== 'pending') return record;
    const { tenantId, attachmentId, objectKey } = at;
    const claimed = await tx.orphan.deleteMany({ where: { tenantId, objectKey } });
    if (claimed.count === 0) throw new Fault('broken', 'UPLOAD_LATE', 'The upload took too long and was given up: send it again.');
    const { sizeBytes, sha256 } = whole;
    const stored = await tx.attachment.update({
      where: { tenantId_attachmentId: { tenantId, attachmentId } },
      data: { state: 'stored', objectKey, sizeBytes, sha256: Buffer.from(sha256), storedAt: this.clock.now(), dueAt: expiresAt ?? null },
    });
    if (record.mailId === null) return stored;
    const message = { attachmentId, mailId: record.mailId, sizeBytes: BigInt(sizeBytes), sha256Hex: sha256.toString('hex') };
    const { historical } = record;
    await this.outbox.add(tx, [
      event({ topic, key: attachmentId, tenantId, schema: AttachmentStoredSchema, message, sequence: settledSequence, historical }),
    ]);
    return stored;
  }

  /** It will not be kept; what lies in the store of it is an orphan. */
  async reject(tx: Tx, at: UploadAt, reason: LateReason): Promise<Record> {
    const record = await this.#locked(tx, at);
    await this.abandon(tx, at);
    if (record.state !== 'pending') return record;
    const { tenantId, attachmentId } = at;
    const rejected = await tx.attachment.update({
      where: { tenantId_attachmentId: { tenantId, attachmentId } },
      data: { state: 'rejected', reason },
    });
    const message = { attachmentId, mailId: record.mailId ?? '', reason };
    const { historical } = record;
    await this.outbox.add(tx, [
      event({ topic, key: attachmentId, tenantId, schema: AttachmentRejectedSchema, message, sequence: settledSequence, historical }),
    ]);
    return rejected;
  }

  /** The upload came to nothing: its object is due for deletion, and so is the record if no mail knows it. */
  async abandon(tx: Tx, { tenantId, attachmentId, objectKey }: UploadAt): Promise<void> {
    await tx.orphan.updateMany({ where: { tenantId, objectKey }, data: { dueAt: this.clock.now() } });
    await tx.attachment.deleteMany({ where: { tenantId, attachmentId, mailId: null, state: 'pending' } });
  }

  /** Marks the mails, drops records without bytes, and makes those with bytes due for deletion. */
  async forget(tx: Tx, tenantId: string, mailIds: string[]): Promise<void> {
    const at = { tenantId, mailId: { in: mailIds } };
    await this.#lockMails(
      tx,
      mailIds.map((mailId) => ({ mailId })),
    );
    const now = this.clock.now();
    await tx.tombstone.createMany({ data: mailIds.map((mailId) => ({ tenantId, mailId, forgottenAt: now })), skipDuplicates: true });
    await tx.attachment.deleteMany({ where: { ...at, objectKey: null } });
    await tx.attachment.updateMany({
      where: { ...at, state: { not: 'deleting' } },
      data: { state: 'deleting', deletingSince: now, dueAt: now },
    });
  }

  /** Of a due record: the key of its object if it is to be deleted now. A person's file that has come of age begins to be. */
  async toDelete(tx: Tx, tenantId: string, attachmentId: string): Promise<string | undefined> {
    const now = this.clock.now();
    const aged = { tenantId, attachmentId, mailId: null, state: { not: 'deleting' }, dueAt: { lte: now } };
    await tx.attachment.updateMany({ where: aged, data: { state: 'deleting', deletingSince: now } });
    const record = await this.find(tx, tenantId, attachmentId);
    return record?.state === 'deleting' ? (record.objectKey ?? '') : undefined;
  }

  async deleted(tx: Tx, tenantId: string, attachmentId: string): Promise<void> {
    await tx.attachment.deleteMany({ where: { tenantId, attachmentId, state: 'deleting' } });
  }

  async orphanGone(tx: Tx, tenantId: string, objectKey: string): Promise<void> {
    await tx.orphan.deleteMany({ where: { tenantId, objectKey } });
  }

  /** What waits to be deleted, of all tenants. */
  async waiting(tx: Tx): Promise<{ attachments: Waiting; orphans: Waiting }> {
    const attachments = await tx.attachment.aggregate({ where: { state: 'deleting' }, _count: true, _min: { deletingSince: true } });
    const orphans = await tx.orphan.aggregate({ where: { dueAt: { lte: this.clock.now() } }, _count: true, _min: { since: true } });
    return {
      attachments: { count: attachments._count, since: attachments._min.deletingSince ?? undefined },
      orphans: { count: orphans._count, since: orphans._min.since ?? undefined },
    };
  }

  /** Those keys that no row knows. */
  async unknown(tx: Tx, keys: string[]): Promise<string[]> {
    const rows = await tx.$queryRawUnsafe<{ key: string }[]>(unknownSql, keys);
    return rows.map(({ key }) => key);
  }

  /** Whether a mail was forgotten; held until the end of the transaction, so that it cannot be in between. */
  async isForgotten(tx: Tx, tenantId: string, mailId: string): Promise<boolean> {
    await this.#lockMails(tx, [{ mailId }]);
    return (await tx.tombstone.count({ where: { tenantId, mailId } })) > 0;
  }

  /** The record for update; refuses if it or its mail is gone. Mail before record, as everywhere. */
  async #locked(tx: Tx, { tenantId, attachmentId }: UploadAt): Promise<Record> {
    const before = await this.find(tx, tenantId, attachmentId);
    if (!before || before.state === 'deleting') throw forgotten();
    if (before.mailId && (await this.isForgotten(tx, tenantId, before.mailId))) throw forgotten();
    await tx.$queryRawUnsafe(
      'select 1 from attachment where tenant_id = $1::uuid and attachment_id = $2::uuid for update',
      tenantId,
      attachmentId,
    );
    const record = await this.find(tx, tenantId, attachmentId);
    if (!record || record.state === 'deleting') throw forgotten();
    return record;
  }

  /** Forgetting a mail and adding to it never overlap. */
  async #lockMails(tx: Tx, of: { mailId: string | null }[]): Promise<void> {
    const mailIds = [...new Set(of.map(({ mailId }) => mailId).filter((id) => id !== null))].sort();
    await tx.$executeRawUnsafe('select pg_advisory_xact_lock(hashtextextended(id, 0)) from unnest($1::text[]) id', mailIds);
  }
}

export function forgotten(): Fault {
  return new Fault('not_found', 'FORGOTTEN', 'There is no such attachment, or its mail was forgotten.');
}

interface BoundRow {
  tenant_id: string;
  attachment_id: string;
  mail_id: string;
  state: string;
  size_bytes: bigint;
  sha256: Buffer;
}

const declareSql = `
insert into attachment (tenant_id, attachment_id, mail_id, state, reason, declared_size_bytes, sealed_facts, historical, declared_at)
select d.tenant_id, d.attachment_id, d.mail_id, case when d.reason = '' then 'pending' else 'rejected' end, d.reason, d.size_bytes, d.facts, d.historical, $8::timestamptz
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::bytea[], $7::bool[])
  as d(tenant_id, attachment_id, mail_id, reason, size_bytes, facts, historical)
where not exists (select 1 from tombstone t where t.tenant_id = d.tenant_id and t.mail_id = d.mail_id)
order by d.tenant_id, d.attachment_id
on conflict do nothing`;

const bindSql = `
with chosen as (
  select a.tenant_id, a.attachment_id, f.mail_id, t.mail_id is not null as forgotten
  from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as f(tenant_id, attachment_id, mail_id)
  join attachment a using (tenant_id, attachment_id) left join tombstone t on t.tenant_id = f.tenant_id and t.mail_id = f.mail_id
  where a.mail_id is null and a.state = 'stored' order by 1, 2 for update of a
)
update attachment a set mail_id = chosen.mail_id, state = case when forgotten then 'deleting' else 'stored' end,
  deleting_since = case when forgotten then $4::timestamptz end, due_at = case when forgotten then $4::timestamptz end
from chosen where a.tenant_id = chosen.tenant_id and a.attachment_id = chosen.attachment_id
returning a.tenant_id, a.attachment_id, a.mail_id, a.state, a.size_bytes, a.sha256`;

const unknownSql = `
select k.key from unnest($1::text[]) k(key)
where not exists (select 1 from attachment a where a.object_key = k.key) and not exists (select 1 from orphan o where o.object_key = k.key)`;
