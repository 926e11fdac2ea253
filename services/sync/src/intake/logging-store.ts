// Whether a tenant logs mail among its own people, as its settings said last.
import { Injectable } from '@nestjs/common';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';

@Injectable()
export class LoggingStore {
  constructor(private readonly database: Database) {}

  async logsInternal(tenantId: string): Promise<boolean> {
    const sql = 'select log_internal as "logsInternal" from tenant_logging where tenant_id = $1::uuid';
    const [row] = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<{ logsInternal: boolean }[]>(sql, tenantId));
    return row?.logsInternal ?? false;
  }

  /** Takes the word of the settings, unless a newer one is known. */
  async put(tx: SqlTransaction, tenantId: string, revision: bigint, logsInternal: boolean): Promise<void> {
    const sql = `insert into tenant_logging as t (tenant_id, log_internal, revision) values ($1::uuid, $2::boolean, $3::bigint)
      on conflict (tenant_id) do update set log_internal = excluded.log_internal, revision = excluded.revision where t.revision < excluded.revision`;
    await tx.$executeRawUnsafe(sql, tenantId, logsInternal, revision);
  }
}
