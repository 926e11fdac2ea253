// The never-log list of a tenant by hashes, the mails it is about, and how many mails somebody is on.
import { bytesText, given, rowsOf } from '@rejoinder/runtime/rows';
import { named } from './people-store.js';
import type { Tx } from '../tx.js';
import { askForRecheck } from '../verdict/verdict-store.js';

export interface NeverLogList {
  tenantId: string;
  revision: number;
  entries: { hash: Buffer; since: Date }[];
}

/** Takes the list if it is newer than the one that is known. Mails that those are on who came or went are judged again. */
export async function putNeverLog(tx: Tx, { tenantId, revision, entries }: NeverLogList, now: Date): Promise<void> {
  const newer = 'update tenant_graph set never_log_revision = $2::bigint where tenant_id = $1::uuid and never_log_revision < $2::bigint';
  if ((await tx.$executeRawUnsafe(newer, tenantId, revision)) === 0) return;
  const sql = `with given as materialized (select * from ${given(2, 'hash bytea, since timestamptz')}),
    gone as (delete from never_log l where l.tenant_id = $1::uuid and not exists (select from given where given.hash = l.entry_hash) returning l.entry_hash),
    come as (insert into never_log (tenant_id, entry_hash, since) select $1::uuid, hash, min(since) from given group by hash on conflict do nothing returning entry_hash),
    changed as (select array_agg(entry_hash) as hashes from (select * from gone union all select * from come) c)
  insert into recheck (tenant_id, mail_id) select n.tenant_id, n.mail_id from changed, node n where n.tenant_id = $1::uuid and ${named('n')} && changed.hashes on conflict do nothing`;
  const json = JSON.stringify(entries.map(({ hash, since }) => ({ hash: bytesText(hash), since: since.toISOString() })));
  if ((await tx.$executeRawUnsafe(sql, tenantId, json)) > 0) await askForRecheck(tx, [tenantId], now);
}

export interface Count {
  tracked: number;
  seen: number;
}

/** How many mails each of these is on; what was sent from the CRM is nobody's to stop. */
export async function countMails(tx: Tx, tenantId: string, people: readonly Uint8Array[][]): Promise<Count[]> {
  const sql = `with given as materialized (select * from ${given(2, 'at integer, hash bytea')}),
    met as (select distinct given.at, n.mail_id, n.verdict = 'tracked' as tracked from node n, lateral unnest(${named('n')}) who (hash) join given on given.hash = who.hash
      where n.tenant_id = $1::uuid and n.root is distinct from 'sent')
  select at, count(*) filter (where tracked) as tracked, count(*) as seen from met group by at`;
  const rows = people.flatMap((hashes, at) => hashes.map((hash) => ({ at, hash: bytesText(hash) })));
  const found = new Map((await rowsOf<Count & { at: number }>(tx, sql, tenantId, JSON.stringify(rows))).map((row) => [row.at, row]));
  return people.map((_, at) => ({ tracked: found.get(at)?.tracked ?? 0, seen: found.get(at)?.seen ?? 0 }));
}
