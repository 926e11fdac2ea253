// Deletes everything kept of an inbox that was removed, in bounded steps, the session row last so that a stop between them is no loss.
import { Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { Database } from '@rejoinder/runtime/database';
import { Owner } from './owner-store.js';
import type { SessionRow } from './session-store.js';

const rowsPerStep = 2_000;

/** Text, attachments to come and captures of mails that no other inbox holds. */
const dropAlone = `
with mine as (
  select c.tenant_id, c.mail_id from capture c where c.tenant_id = $1::uuid and $2::uuid = any (c.inbox_ids) limit ${rowsPerStep} for update
), alone as (
  select m.* from mine m where not exists (select 1 from mail_header h where h.tenant_id = m.tenant_id and h.mail_id = m.mail_id and h.inbox_id <> $2::uuid)
), bodies as (
  delete from raw_body b using alone a where b.tenant_id = a.tenant_id and b.mail_id = a.mail_id
), parts as (
  delete from part p using alone a where p.tenant_id = a.tenant_id and p.mail_id = a.mail_id
), gone as (
  delete from capture c using alone a where c.tenant_id = a.tenant_id and c.mail_id = a.mail_id
)
update capture c set inbox_ids = array_remove(c.inbox_ids, $2::uuid) from mine m
where c.tenant_id = m.tenant_id and c.mail_id = m.mail_id and not exists (select 1 from alone a where a.mail_id = m.mail_id)`;
const countMine = `select count(*)::int as left from (select 1 from capture where tenant_id = $1::uuid and $2::uuid = any (inbox_ids) limit 1) one`;

/** A row of a partitioned table is named by its table and its place there. */
const steps = [
  `delete from location where (tableoid, ctid) in (select l.tableoid, l.ctid from location l join folder f on f.folder_id = l.folder_id
    where f.tenant_id = $1::uuid and f.inbox_id = $2::uuid limit ${rowsPerStep})`,
  `delete from mail_header where (tableoid, ctid) in (select tableoid, ctid from mail_header where tenant_id = $1::uuid and inbox_id = $2::uuid limit ${rowsPerStep})`,
];
const rest = [
  `delete from intake_chunk where tenant_id = $1::uuid and inbox_id = $2::uuid`,
  `delete from folder_mark m using folder f where f.folder_id = m.folder_id and f.tenant_id = $1::uuid and f.inbox_id = $2::uuid`,
  `delete from unread_mail where tenant_id = $1::uuid and inbox_id = $2::uuid`,
  `delete from connection_log where tenant_id = $1::uuid and inbox_id = $2::uuid`,
  `delete from sent_copy where tenant_id = $1::uuid and inbox_id = $2::uuid`,
  `delete from search where tenant_id = $1::uuid and inbox_id = $2::uuid`,
  `delete from session where tenant_id = $1::uuid and inbox_id = $2::uuid and wanted = 'removing'`,
];

@Injectable()
export class RemovalStore {
  constructor(
    private readonly database: Database,
    private readonly owner: Owner,
  ) {}

  async remove(row: SessionRow, signal: AbortSignal): Promise<void> {
    while ((await this.#dropAlone(row)) > 0) this.#goOn(signal);
    for (const sql of steps) while ((await this.#run(row, [sql])) === rowsPerStep) this.#goOn(signal);
    await this.#run(row, rest);
  }

  #dropAlone(row: SessionRow): Promise<number> {
    return this.database.write({ tenants: [row.tenantId] }, async (tx) => {
      await this.owner.fence(tx, row.partition);
      await tx.$executeRawUnsafe(dropAlone, row.tenantId, row.inboxId);
      const [found] = await tx.$queryRawUnsafe<{ left: number }[]>(countMine, row.tenantId, row.inboxId);
      return found!.left;
    });
  }

  #run(row: SessionRow, statements: string[]): Promise<number> {
    return this.database.write({ tenants: [row.tenantId] }, async (tx) => {
      await this.owner.fence(tx, row.partition);
      let changed = 0;
      for (const sql of statements) changed = await tx.$executeRawUnsafe(sql, row.tenantId, row.inboxId);
      return changed;
    });
  }

  #goOn(signal: AbortSignal): void {
    if (signal.aborted) throw new Fault('busy', 'DRAINING', 'The removal goes on after the restart.');
  }
}
