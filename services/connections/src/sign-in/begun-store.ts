// Sign-ins that have begun as rows: each is taken once, by whom it was begun, within minutes.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Bytes } from '@rejoinder/vault/vault';

/** People read consent pages and look for their second factor. */
const livesMs = 600_000;
const maxOpenPerTenant = 1_000;

@Injectable()
export class BegunStore {
  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async add(tenantId: string, stateHash: Buffer, caller: string, sealed: Bytes): Promise<void> {
    const now = this.clock.now();
    await this.database.write({ tenant: tenantId }, async (tx) => {
      await tx.$executeRawUnsafe('delete from sign_in where tenant_id = $1::uuid and expires_at <= $2::timestamptz', tenantId, now);
      const sql = `insert into sign_in (tenant_id, state_hash, caller, sealed, expires_at) select $1::uuid, $2, $3, $4, $5::timestamptz
        where (select count(*) from sign_in where tenant_id = $1::uuid) < $6::int`;
      const until = new Date(now.getTime() + livesMs);
      const added = await tx.$executeRawUnsafe(sql, tenantId, stateHash, caller, sealed, until, maxOpenPerTenant);
      if (added === 0) throw new Fault('busy', 'SIGN_INS_BUSY', 'Too many sign-ins have been begun. Try again in some minutes.', livesMs);
    });
  }

  /** Undefined where it is not there, not this caller's, or too old; taken it is gone. */
  async take(tenantId: string, stateHash: Buffer, caller: string): Promise<Uint8Array | undefined> {
    const sql = `delete from sign_in where tenant_id = $1::uuid and state_hash = $2 and caller = $3 and expires_at > $4::timestamptz returning sealed`;
    const rows = await this.database.write({ tenant: tenantId }, (tx) =>
      tx.$queryRawUnsafe<{ sealed: Uint8Array }[]>(sql, tenantId, stateHash, caller, this.clock.now()),
    );
    return rows[0]?.sealed;
  }
}
