// The sealed grant of an inbox as its row: who may refresh it, and the refreshed one in its place.
import { Injectable } from '@nestjs/common';
import { newId } from '@rejoinder/base/id';
import { Database } from '@rejoinder/runtime/database';
import type { Bytes } from '@rejoinder/vault/vault';

/** A credential as it was read. */
export interface GrantRow {
  tenantId: string;
  inboxId: string;
  version: bigint;
  sealed: Uint8Array;
}

/** Longer than asking the provider and saving its answer may take together. */
const leaseMs = 40_000;

/** By the database's clock, and only where nobody has refreshed it since it was read. */
const claimSql = `
update credential set refresh_lease = $5::uuid, refresh_lease_until = clock_timestamp() + $6::int * interval '1 millisecond'
where tenant_id = $1::uuid and inbox_id = $2::uuid and version = $3::bigint and sealed = $4
  and (refresh_lease_until is null or refresh_lease_until < clock_timestamp())`;

const saveSql = `
update credential set sealed = $5, refresh_lease = null, refresh_lease_until = null
where tenant_id = $1::uuid and inbox_id = $2::uuid and version = $3::bigint and refresh_lease = $4::uuid`;

const releaseSql = `
update credential set refresh_lease = null, refresh_lease_until = null
where tenant_id = $1::uuid and inbox_id = $2::uuid and version = $3::bigint and refresh_lease = $4::uuid`;

@Injectable()
export class GrantStore {
  constructor(private readonly database: Database) {}

  /** The lease, or undefined where another process refreshes it or has done so. */
  async claim({ tenantId, inboxId, version, sealed }: GrantRow): Promise<string | undefined> {
    const lease = newId();
    return (await this.#run(tenantId, claimSql, tenantId, inboxId, version, sealed, lease, leaseMs)) === 1 ? lease : undefined;
  }

  /** Under the same version, since no session has to begin anew for it; false where the lease is lost or the person signed in again meanwhile. */
  async save({ tenantId, inboxId, version }: GrantRow, lease: string, renewed: Bytes): Promise<boolean> {
    return (await this.#run(tenantId, saveSql, tenantId, inboxId, version, lease, renewed)) === 1;
  }

  async release({ tenantId, inboxId, version }: GrantRow, lease: string): Promise<void> {
    await this.#run(tenantId, releaseSql, tenantId, inboxId, version, lease);
  }

  #run(tenant: string, sql: string, ...values: unknown[]): Promise<number> {
    return this.database.writeToDisk({ tenant }, (tx) => tx.$executeRawUnsafe(sql, ...values));
  }
}
