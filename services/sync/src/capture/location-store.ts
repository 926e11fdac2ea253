// Where copies of a mail were seen, and that one is no longer there.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';

export interface Location {
  inboxId: string;
  folderId: string;
  path: string;
  uidValidity: bigint;
  uid: number;
}

/** Copies that are tried of one mail, newest first. */
const maxTried = 10;
const maxKnown = 100;

const find = `
select l.inbox_id as "inboxId", l.folder_id as "folderId", f.path, l.uid_validity as "uidValidity", l.uid::float8 as uid
from location l join folder f on f.folder_id = l.folder_id and f.uid_validity = l.uid_validity
where l.tenant_id = $1::uuid and l.mail_id = $2::uuid and l.gone_at is null order by l.ingested_at desc, l.uid desc limit ${maxKnown}`;

/** Those of these places that lie in inboxes given, as many as are tried, and how many there are in others. */
export function placesIn(inboxIds: readonly string[], places: Location[]): { here: Location[]; elsewhere: number } {
  const here = places.filter(({ inboxId }) => inboxIds.includes(inboxId));
  return { here: here.slice(0, maxTried), elsewhere: places.length - here.length };
}

@Injectable()
export class LocationStore {
  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Places where the mail was seen and may still be. */
  async find(tx: SqlTransaction, tenantId: string, mailId: string): Promise<Location[]> {
    const rows = await tx.$queryRawUnsafe<Location[]>(find, tenantId, mailId);
    return rows.map((row) => ({ ...row, uidValidity: BigInt(row.uidValidity) }));
  }

  async gone(tenantId: string, { folderId, uidValidity, uid }: Location): Promise<void> {
    const sql = `update location set gone_at = $4::timestamptz where folder_id = $1::uuid and uid_validity = $2::bigint and uid = $3::bigint`;
    await this.database.write({ tenants: [tenantId] }, (tx) => tx.$executeRawUnsafe(sql, folderId, uidValidity, uid, this.clock.now()));
  }
}
