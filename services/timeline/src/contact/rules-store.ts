// What the settings of a tenant say of whom its mail stands with, beside its own addresses.
import type { ContactPolicy } from '@rejoinder/contracts/contact-policies';
import { rowsOf } from '@rejoinder/runtime/rows';
import type { MailState } from '../mail/mail-state.js';
import type { Tx } from '../tx.js';
import type { PlacingRules } from './match.js';

export interface LoggingRules {
  makeContacts: ContactPolicy;
  logInternal: boolean;
  /** Internal mail that was known before then stays where it is. */
  internalUntil: string | null;
}

/** Own addresses of a tenant in lower case, and its rules. */
export async function placing(tx: Tx, tenantId: string): Promise<{ own: Set<string>; rules: LoggingRules }> {
  const sql = `select coalesce(r.make_contacts, 'everyone') as "makeContacts", coalesce(r.log_internal, false) as "logInternal", r.internal_until as "internalUntil",
      array(select key from own_address o, unnest(array_append(o.others, lower(o.address))) key where o.tenant_id = t.tenant_id) as own
    from (select $1::uuid as tenant_id) t left join logging_rules r using (tenant_id)`;
  const [row] = await rowsOf<LoggingRules & { own: string[] }>(tx, sql, tenantId);
  const { own, ...rules } = row!;
  return { own: new Set(own), rules };
}

/** The rules as they are for one mail. */
export function rulesFor(
  { knownSince }: Pick<MailState, 'knownSince'>,
  { makeContacts, logInternal, internalUntil }: LoggingRules,
): PlacingRules {
  const stays = internalUntil !== null && Date.parse(knownSince) < Date.parse(internalUntil);
  return { makeContacts, logsInternal: logInternal || stays };
}

/** Takes the rules if they are newer than those that are known. Where internal mail is logged from now on, mail that stands nowhere is placed anew: its word may have come first. */
export async function putRules(
  tx: Tx,
  tenantId: string,
  revision: number,
  rules: Omit<LoggingRules, 'internalUntil'> & { internalUntil: Date | null },
  now: Date,
): Promise<void> {
  const { makeContacts, logInternal, internalUntil } = rules;
  const sql = `insert into logging_rules as r (tenant_id, make_contacts, log_internal, internal_until, revision) values ($1::uuid, $2, $3::boolean, $4::timestamptz, $5::bigint)
    on conflict (tenant_id) do update set make_contacts = excluded.make_contacts, log_internal = excluded.log_internal, internal_until = excluded.internal_until, revision = excluded.revision
    where r.revision < excluded.revision`;
  const isNew = (await tx.$executeRawUnsafe(sql, tenantId, makeContacts, logInternal, internalUntil, revision)) > 0;
  if (isNew && logInternal) await placeUnplaced(tx, tenantId, now);
}

/** Mails of a tenant that stand nowhere are placed anew. */
export async function placeUnplaced(tx: Tx, tenantId: string, now: Date): Promise<void> {
  const replace = `update mail set to_place = true, version = version + 1, due_at = $2::timestamptz, lease_until = null, lease_token = null where tenant_id = $1::uuid and mail_id in (
      select m.mail_id from mail m where m.tenant_id = $1::uuid and m.sealed_facts is not null and not m.forgotten
        and not exists (select from engagement e where e.tenant_id = m.tenant_id and e.mail_id = m.mail_id) order by m.mail_id for update of m)`;
  await tx.$executeRawUnsafe(replace, tenantId, now);
}
