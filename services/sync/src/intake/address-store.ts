// Rows of logging addresses: made when first asked for, renewed, and found again when mail comes.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { newLocalPart } from './logging-address.js';

/** Whose mail an address takes. */
export interface LoggingAddress {
  tenantId: string;
  inboxId: string;
}

const make = `
insert into logging_address (tenant_id, inbox_id, local_part, made_at)
select s.tenant_id, s.inbox_id, $3, $4::timestamptz from session s where s.tenant_id = $1::uuid and s.inbox_id = $2::uuid and s.wanted <> 'removing'
on conflict (inbox_id) do`;
const get = `${make} nothing`;
const renew = `${make} update set local_part = excluded.local_part, made_at = excluded.made_at`;
const read = `select local_part as "localPart" from logging_address where tenant_id = $1::uuid and inbox_id = $2::uuid`;
const find = `
select a.tenant_id as "tenantId", a.inbox_id as "inboxId" from logging_address a join session s on s.inbox_id = a.inbox_id
where a.local_part = $1 and s.wanted <> 'removing'`;

@Injectable()
export class AddressStore {
  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The inbox's local part; undefined where there is no such inbox. */
  get(tenantId: string, inboxId: string): Promise<string | undefined> {
    return this.#made(get, tenantId, inboxId);
  }

  /** A new one; the old one is nobody's from here on. */
  renew(tenantId: string, inboxId: string): Promise<string | undefined> {
    return this.#made(renew, tenantId, inboxId);
  }

  async find(localPart: string): Promise<LoggingAddress | undefined> {
    const [row] = await this.database.read('all_tenants', (tx) => tx.$queryRawUnsafe<LoggingAddress[]>(find, localPart));
    return row;
  }

  #made(sql: string, tenantId: string, inboxId: string): Promise<string | undefined> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      await tx.$executeRawUnsafe(sql, tenantId, inboxId, newLocalPart(), this.clock.now());
      const [row] = await tx.$queryRawUnsafe<{ localPart: string }[]>(read, tenantId, inboxId);
      return row?.localPart;
    });
  }
}
