// Who is on a mail, as SQL asks it of a node: somebody of the never-log list, or a contact whose mail is captured.
import { byteaArray, byteaArrayText, textArray, uuidArray } from '@rejoinder/runtime/arrays';
import { rowsOf } from '@rejoinder/runtime/rows';
import type { GraphMail } from '../graph/graph.js';
import { unjudged, type Facts, type Said } from '../graph/sighting.js';
import { isSplit, isUnlogged, mergedInto } from '../pins/pin-store.js';
import type { Tx } from '../tx.js';

/** Everybody a mail names: its people, their domains, and their addresses without a tag. */
export const named = (node: string) => `array_cat(array_append(${node}.recipient_hashes, ${node}.from_hash), ${node}.domain_hashes)`;

/** Somebody on this mail is on the list; what was captured before they were put there is not meant. */
export const isNeverLogged = (
  node: string,
) => `exists (select from never_log nl where nl.tenant_id = ${node}.tenant_id and nl.entry_hash = any (${named(node)})
  and (${node}.capture is distinct from 'captured' or ${node}.seen_at >= nl.since))`;

/** Mail to many is exchanged with nobody, and a report is a mail server's. */
const isBetweenPeople = (node: string) => `${node}.kind not in ('list', 'delivery_report')`;

/**
 * An inbox that captures all mail of contacts got this mail since it does, and a contact is on it; own addresses are no contacts. What was captured
 * for that stays when the choice is taken back.
 */
export const isOfContact = (
  node: string,
) => `(${node}.by_contact and ${node}.capture is not distinct from 'captured' or ${isBetweenPeople(node)}
  and exists (select from own_address o where o.tenant_id = ${node}.tenant_id and o.inbox_id = any (${node}.inbox_ids) and not o.removed and o.capture_since <= ${node}.received_at)
  and exists (select from contact_address c where c.tenant_id = ${node}.tenant_id and c.address_hash = any (${named(node)})
    and not exists (select from own_address o where o.tenant_id = c.tenant_id and (o.address_hash = c.address_hash or c.address_hash = any (o.other_hashes)))))`;

type Rules = Pick<GraphMail, 'mailId' | 'tenantId'> & Said;

const nothing: Said = { isNeverLogged: false, isOfContact: false, isSplit: false, mergedInto: null, isUnlogged: false };

/** Mails that are not stored yet, with what is said of them and of the people on them; of most tenants nothing is asked. */
export async function withPeople(tx: Tx, mails: Facts[]): Promise<(GraphMail & Facts)[]> {
  if (mails.length === 0 || !(await haveRules(tx, mails))) return mails.map((mail) => unjudged(mail, nothing));
  const of = <T>(value: (mail: Facts) => T) => mails.map(value);
  const rows = await rowsOf<Rules>(
    tx,
    rulesOfNew,
    uuidArray(of((mail) => mail.tenantId)),
    uuidArray(of((mail) => mail.mailId)),
    byteaArray(of((mail) => mail.from)),
    textArray(of((mail) => byteaArrayText(mail.recipients))),
    textArray(of((mail) => byteaArrayText(mail.domains))),
    textArray(of((mail) => mail.kind)),
    textArray(of((mail) => `{${mail.inboxIds.join(',')}}`)),
    textArray(of((mail) => mail.receivedAt)),
  );
  const rules = new Map(rows.map((one) => [`${one.tenantId} ${one.mailId}`, one]));
  return mails.map((mail) => unjudged(mail, rules.get(`${mail.tenantId} ${mail.mailId}`) ?? nothing));
}

async function haveRules(tx: Tx, mails: Facts[]): Promise<boolean> {
  const sql = `select exists (select from never_log where tenant_id = any ($1::uuid[])) or exists (select from pin where tenant_id = any ($1::uuid[]))
    or exists (select from own_address where tenant_id = any ($1::uuid[]) and capture_since is not null) as "areThere"`;
  const [found] = await tx.$queryRawUnsafe<{ areThere: boolean }[]>(sql, [...new Set(mails.map(({ tenantId }) => tenantId))]);
  return found!.areThere;
}

const rulesOfNew = `select tenant_id as "tenantId", mail_id as "mailId", ${isNeverLogged('n')} as "isNeverLogged", ${isOfContact('n')} as "isOfContact", ${isSplit('n')} as "isSplit", ${mergedInto('n')} as "mergedInto", ${isUnlogged('n')} as "isUnlogged"
  from (select tenant_id, mail_id, from_hash, recipients::bytea[] as recipient_hashes, domains::bytea[] as domain_hashes, kind, inbox_ids::uuid[] as inbox_ids,
      received_at::timestamptz as received_at, null::text as capture, null::timestamptz as seen_at, false as by_contact
    from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
      as g (tenant_id, mail_id, from_hash, recipients, domains, kind, inbox_ids, received_at)) n`;
