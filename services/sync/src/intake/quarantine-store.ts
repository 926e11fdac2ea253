// What was held back of the mail that came by logging addresses: listed, let through, deleted.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { ChunkStore } from './chunk-store.js';
import { IntakeStore, type StoredMail } from './intake-store.js';
import type { Summary } from './summary.js';
import type { HeldReason } from './verdict.js';

export interface HeldMail extends StoredMail, Summary {
  reason: HeldReason;
}

const list = `
select tenant_id as "tenantId", intake_id as "intakeId", inbox_id as "inboxId", reason, received_at as "receivedAt", received_day::text as "receivedDay",
  size_bytes::float8 as "sizeBytes"
from intake where tenant_id = $1::uuid and state = 'quarantined' and ($2::uuid is null or intake_id < $2::uuid) order by intake_id desc limit $3::int`;

@Injectable()
export class QuarantineStore {
  constructor(
    private readonly database: Database,
    private readonly intakes: IntakeStore,
    private readonly chunks: ChunkStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Newest first, from behind `after` on. */
  async list(tenantId: string, after: string | null, limit: number): Promise<HeldMail[]> {
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) =>
      tx.$queryRawUnsafe<Omit<HeldMail, keyof Summary>[]>(list, tenantId, after, limit),
    );
    const summaries = await this.chunks.summaries(tenantId, rows);
    return rows.map((row) => ({ ...row, ...(summaries.get(row.intakeId) ?? { from: '', subject: '' }) }));
  }

  /** It is looked at once more; that its sender was not verified is still known of it. */
  async release(tenantId: string, intakeId: string): Promise<void> {
    const row = await this.intakes.find(tenantId, intakeId);
    if (row?.state !== 'quarantined') throw faultOf('QUARANTINE_NOT_FOUND');
    if (row.reason === 'no_sender_found' || row.reason === 'no_contact') throw faultOf('QUARANTINE_NOBODY');
    const sql = `update intake set state = 'received', due_at = $3::timestamptz, attempts = 0
      where tenant_id = $1::uuid and intake_id = $2::uuid and state = 'quarantined'`;
    await this.database.write({ tenant: tenantId }, (tx) => tx.$executeRawUnsafe(sql, tenantId, intakeId, this.clock.now()));
  }

  async discard(tenantId: string, intakeId: string): Promise<void> {
    const row = await this.intakes.find(tenantId, intakeId);
    if (row?.state !== 'quarantined') return;
    await this.database.write({ tenant: tenantId }, (tx) => this.intakes.remove(tx, tenantId, [intakeId]));
  }
}
