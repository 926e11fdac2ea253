// The reference graph in PostgreSQL: facts in, and what surrounds a mail out, a batch of mails at a time.
import { bigintArray, byteaArray, byteaArrayText, textArray, uuidArray } from '@rejoinder/runtime/arrays';
import { given, rowsOf } from '@rejoinder/runtime/rows';
import { isNeverLogged, isOfContact } from '../people/people-store.js';
import { isSplit, isUnlogged, mergedInto, mergedWith } from '../pins/pin-store.js';
import type { GraphMail, OwnPeople } from './graph.js';
import type { Tx } from '../tx.js';
import type { Facts, Stored } from './sighting.js';

/** A mail of a tenant. */
export interface MailKey {
  tenantId: string;
  mailId: string;
}

/** An id of a tenant: Message-IDs are chosen by their senders, so never the id alone. */
export interface IdKey {
  tenantId: string;
  id: string;
}

/** The tenant's own people, which of their inboxes are gone, and which capture all mail of contacts. */
export interface OwnInboxes extends OwnPeople {
  addresses: Set<string>;
  gone: Set<string>;
  all: Set<string>;
}

interface OwnRow {
  tenantId: string;
  logsInternal: boolean;
  internalUntil: string | null;
  /** Null of a tenant that has no inbox. */
  inboxId: string | null;
  addresses: string[];
  removed: boolean;
  all: boolean;
}

/** A mail as it is judged, of node n. */
export const judgedColumns = `n.tenant_id as "tenantId", n.mail_id as "mailId", n.id_hashes as ids, n.chain_hashes as chain, n.base_subject_hash as subject,
  n.root, n.send_id as "sendId", n.inbox_ids as "inboxIds", n.historical, n.seen_at as "seenAt",
  case when n.from_hash = '' then n.recipient_hashes else array_prepend(n.from_hash, n.recipient_hashes) end as people, n.kind = 'delivery_report' as "isReport",
  n.carries_quote as "carriesQuote", n.thread_id as "threadId", n.verdict, n.cut, n.answers_mail_id as answers, n.joined, n.revision, n.capture_revision as "captureRevision", n.capture, n.by_contact as "byContact", ${isNeverLogged('n')} as "isNeverLogged", ${isOfContact('n')} as "isOfContact", ${isSplit('n')} as "isSplit", ${mergedInto('n')} as "mergedInto", ${isUnlogged('n')} as "isUnlogged"`;
const mailsGiven = 'unnest($1::uuid[], $2::uuid[]) as k (tenant_id, mail_id)';
/** The parameters that idArrays() makes, as rows k. */
export const idsGiven = 'unnest($1::uuid[], $2::bytea[]) as k (tenant_id, id_hash)';

/**
 * The mail of a key, by its primary key alone: `offset 0` keeps the planner from joining whole tables, which it takes to be small while a
 * first sync fills them faster than they are analysed.
 */
export const nodeOf = (key: string) =>
  `lateral (select * from node where tenant_id = ${key}.tenant_id and mail_id = ${key}.mail_id offset 0) n`;

/** Mails that follow this one: those that cite it, and those that a person put with it. */
export const followersOf = (mail: string) => `lateral (
      select cited.tenant_id, cited.mail_id from ${nodeOf(mail)}, unnest(n.id_hashes) id,
        lateral (select tenant_id, mail_id from citation where tenant_id = ${mail}.tenant_id and cited_hash = id offset 0) cited
      union all
      select tenant_id, mail_id from ${mergedWith(mail)} p
    )`;

/** One writer per tenant at a time; locked in order of ids, so that two batches cannot wait for each other. */
export async function lockGraphs(tx: Tx, tenantIds: string[]): Promise<void> {
  const sorted = [...new Set(tenantIds)].sort();
  const lock = () =>
    tx.$executeRawUnsafe('select 1 from tenant_graph where tenant_id = any($1::uuid[]) order by tenant_id for update', sorted);
  if ((await lock()) === sorted.length) return;
  await tx.$executeRawUnsafe('insert into tenant_graph (tenant_id) select unnest($1::uuid[]) on conflict do nothing', sorted);
  await lock();
}

export async function ownInboxes(tx: Tx, tenantIds: string[]): Promise<Map<string, OwnInboxes>> {
  const sql = `select t.tenant_id as "tenantId", coalesce(g.log_internal, false) as "logsInternal", g.internal_until as "internalUntil", o.inbox_id as "inboxId",
      array_append(o.other_hashes, o.address_hash) as addresses, o.removed, o.capture_since is not null as all
    from unnest($1::uuid[]) t (tenant_id) left join tenant_graph g using (tenant_id) left join own_address o using (tenant_id)`;
  const own = new Map<string, OwnInboxes>();
  for (const { tenantId, logsInternal, internalUntil, inboxId, addresses, removed, all } of await rowsOf<OwnRow>(tx, sql, [
    ...new Set(tenantIds),
  ])) {
    const of = own.get(tenantId) ?? { addresses: new Set(), gone: new Set(), all: new Set(), logsInternal, internalUntil };
    own.set(tenantId, of);
    if (inboxId === null) continue;
    for (const address of addresses) of.addresses.add(address);
    if (removed) of.gone.add(inboxId);
    if (all) of.all.add(inboxId);
  }
  return own;
}

/** Those of these mails that are stored. */
export function storedMails(tx: Tx, mails: MailKey[]): Promise<Stored[]> {
  const sql = `select ${judgedColumns}, n.from_hash as "from", n.recipient_hashes as recipients, n.domain_hashes as domains, n.received_at as "receivedAt", n.kind from ${mailsGiven}, ${nodeOf('k')}`;
  return rowsOf<Stored>(tx, sql, ...mailArrays(mails));
}

/** Writes mails of which more is known now, with the ids they bear and cite. */
export async function saveFacts(tx: Tx, facts: Facts[]): Promise<void> {
  if (facts.length === 0) return;
  const columns = `"tenantId" uuid, "mailId" uuid, ids bytea[], chain bytea[], "from" bytea, recipients bytea[], subject bytea, kind text, root text,
    "sendId" uuid, "inboxIds" uuid[], historical boolean, "seenAt" timestamptz, domains bytea[], "receivedAt" timestamptz`;
  const sql = `with given as materialized (select * from ${given(1, columns)}),
    borne as (insert into bearer (tenant_id, id_hash, mail_id) select distinct "tenantId", id, "mailId" from given, unnest(ids) id on conflict do nothing),
    cited as (insert into citation (tenant_id, cited_hash, mail_id) select distinct "tenantId", id, "mailId" from given, unnest(chain) id on conflict do nothing)
  insert into node (tenant_id, mail_id, id_hashes, chain_hashes, from_hash, recipient_hashes, base_subject_hash, kind, root, send_id, inbox_ids, historical, seen_at, domain_hashes, received_at)
  select "tenantId", "mailId", ids, chain, "from", recipients, subject, kind, root, "sendId", "inboxIds", historical, "seenAt", domains, "receivedAt" from given
  on conflict (tenant_id, mail_id) do update set id_hashes = excluded.id_hashes, chain_hashes = excluded.chain_hashes, from_hash = excluded.from_hash,
    recipient_hashes = excluded.recipient_hashes, base_subject_hash = excluded.base_subject_hash, kind = excluded.kind, root = excluded.root,
    send_id = excluded.send_id, inbox_ids = excluded.inbox_ids, historical = excluded.historical, domain_hashes = excluded.domain_hashes,
    received_at = excluded.received_at`;
  await tx.$executeRawUnsafe(sql, JSON.stringify(facts));
}

/** A mail as it is first written: its facts, and how it was judged. */
export type NewMail = Facts & GraphMail;

/** Writes mails that are not stored yet, judged already, with the ids they bear and cite. */
export async function saveNew(tx: Tx, mails: NewMail[]): Promise<void> {
  if (mails.length === 0) return;
  const of = <T>(value: (mail: NewMail) => T) => mails.map(value);
  const links = (ids: (mail: NewMail) => string[]) => {
    const all = mails.flatMap((mail) => unique(ids(mail)).map((id) => ({ tenantId: mail.tenantId, mailId: mail.mailId, id })));
    return [uuidArray(all.map((one) => one.tenantId)), byteaArray(all.map((one) => one.id)), uuidArray(all.map((one) => one.mailId))];
  };
  await Promise.all([
    tx.$executeRawUnsafe(
      insertNew,
      uuidArray(of((mail) => mail.tenantId)),
      uuidArray(of((mail) => mail.mailId)),
      textArray(of((mail) => byteaArrayText(mail.ids))),
      textArray(of((mail) => byteaArrayText(mail.chain))),
      byteaArray(of((mail) => mail.from)),
      textArray(of((mail) => byteaArrayText(mail.recipients))),
      byteaArray(of((mail) => mail.subject)),
      textArray(of((mail) => mail.kind)),
      textArray(of((mail) => mail.root)),
      uuidArray(of((mail) => mail.sendId)),
      textArray(of((mail) => `{${mail.inboxIds.join(',')}}`)),
      of((mail) => mail.historical),
      textArray(of((mail) => mail.seenAt)),
      textArray(of((mail) => byteaArrayText(mail.domains))),
      textArray(of((mail) => mail.receivedAt)),
      of((mail) => mail.byContact),
      uuidArray(of((mail) => mail.threadId)),
      textArray(of((mail) => mail.verdict)),
      textArray(of((mail) => mail.cut)),
      uuidArray(of((mail) => mail.answers)),
      bigintArray(of((mail) => mail.joined)),
      bigintArray(of((mail) => mail.revision)),
      bigintArray(of((mail) => mail.captureRevision)),
    ),
    tx.$executeRawUnsafe(insertLinks('bearer', 'id_hash'), ...links((mail) => mail.ids)),
    tx.$executeRawUnsafe(insertLinks('citation', 'cited_hash'), ...links((mail) => mail.chain)),
  ]);
}

const insertNew = `insert into node (tenant_id, mail_id, id_hashes, chain_hashes, from_hash, recipient_hashes, base_subject_hash, kind, root, send_id, inbox_ids, historical,
    seen_at, domain_hashes, received_at, by_contact, thread_id, verdict, cut, answers_mail_id, joined, revision, capture_revision)
  select tenant_id, mail_id, ids::bytea[], chain::bytea[], sender, recipients::bytea[], subject, kind, root, send_id, inbox_ids::uuid[], historical,
    seen_at::timestamptz, domains::bytea[], received_at::timestamptz, by_contact, thread_id, verdict, cut, answers, joined, revision, capture_revision
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::bytea[], $8::text[], $9::text[], $10::uuid[], $11::text[], $12::bool[],
    $13::text[], $14::text[], $15::text[], $16::bool[], $17::uuid[], $18::text[], $19::text[], $20::uuid[], $21::bigint[], $22::bigint[], $23::bigint[])
    as g (tenant_id, mail_id, ids, chain, sender, recipients, subject, kind, root, send_id, inbox_ids, historical,
    seen_at, domains, received_at, by_contact, thread_id, verdict, cut, answers, joined, revision, capture_revision)`;

/** Of mails that are new, so that none can be there: to look for each would cost as much as to write it. */
const insertLinks = (table: string, column: string) =>
  `insert into ${table} (tenant_id, ${column}, mail_id) select * from unnest($1::uuid[], $2::bytea[], $3::uuid[])`;

/** What a mail that is not stored leads to: to whoever cites it, and to those that a person put with it. */
export interface Unstored extends MailKey {
  ids: string[];
}

/**
 * These mails, those that follow others which are not stored, and all that follow one of them, directly or over others, at most so many: what a change can
 * reach. A mail follows those that it cites, and the one that a person put it with. The limit ends the recursion itself: PostgreSQL computes no more of it
 * than is fetched.
 */
export function reachedFrom(tx: Tx, mails: MailKey[], unstored: Unstored[], limit: number): Promise<GraphMail[]> {
  const sql = `with recursive reached (tenant_id, mail_id) as (
    (select tenant_id, mail_id from ${mailsGiven}
    union all
    select k.tenant_id, c.mail_id from unnest($3::uuid[], $4::bytea[]) as k (tenant_id, id_hash),
      lateral (select mail_id from citation where tenant_id = k.tenant_id and cited_hash = k.id_hash offset 0) c
    union all
    select k.tenant_id, p.mail_id from unnest($5::uuid[], $6::uuid[]) as k (tenant_id, mail_id), ${mergedWith('k')} p)
    union
    select c.tenant_id, c.mail_id from reached r, ${followersOf('r')} c
  ), bounded as materialized (select * from reached limit $7::int)
  select ${judgedColumns} from bounded b, ${nodeOf('b')}`;
  const ids = unstored.flatMap(({ tenantId, ids: borne }) => borne.map((id) => ({ tenantId, id })));
  return rowsOf<GraphMail>(tx, sql, ...mailArrays(mails), ...idArrays(ids), ...mailArrays(unstored), limit);
}

/** Every mail that bears one of these ids. */
export function bearersOf(tx: Tx, ids: IdKey[]): Promise<GraphMail[]> {
  const sql = `with b as materialized (select distinct k.tenant_id, b.mail_id from ${idsGiven},
      lateral (select mail_id from bearer where tenant_id = k.tenant_id and id_hash = k.id_hash offset 0) b)
    select ${judgedColumns} from b, ${nodeOf('b')}`;
  return rowsOf<GraphMail>(tx, sql, ...idArrays(ids));
}

/** These mails, as far as they are stored. */
export function mailsAt(tx: Tx, mails: MailKey[]): Promise<GraphMail[]> {
  return rowsOf<GraphMail>(tx, `select ${judgedColumns} from ${mailsGiven}, ${nodeOf('k')}`, ...mailArrays(mails));
}

/** Mails that cite one of these ids, seen or not. */
export function citersOf(tx: Tx, ids: IdKey[], limit: number): Promise<MailKey[]> {
  const sql = `select distinct k.tenant_id as "tenantId", c.mail_id as "mailId" from ${idsGiven},
    lateral (select mail_id from citation where tenant_id = k.tenant_id and cited_hash = k.id_hash offset 0) c limit $3::int`;
  return rowsOf<MailKey>(tx, sql, ...idArrays(ids), limit);
}

/** Every mail of these threads; at most so many. */
export function mailsOfThreads(tx: Tx, tenantId: string, threadIds: string[], limit: number): Promise<GraphMail[]> {
  const sql = `select ${judgedColumns} from node n where n.tenant_id = $1::uuid and n.thread_id = any($2::uuid[]) limit $3::int`;
  return rowsOf<GraphMail>(tx, sql, tenantId, threadIds, limit);
}

/** Each id of each tenant once. */
export function distinct<T extends IdKey>(ids: T[]): T[] {
  const seen = new Map<string, Set<string>>();
  return ids.filter(({ tenantId, id }) => {
    const ofTenant = seen.get(tenantId) ?? new Set();
    seen.set(tenantId, ofTenant);
    return !ofTenant.has(id) && ofTenant.add(id);
  });
}

const unique = (ids: string[]): string[] => (ids.length < 2 ? ids : [...new Set(ids)]);

function mailArrays(mails: MailKey[]): Buffer[] {
  return [uuidArray(mails.map(({ tenantId }) => tenantId)), uuidArray(mails.map(({ mailId }) => mailId))];
}

export function idArrays(ids: IdKey[]): Buffer[] {
  return [uuidArray(ids.map(({ tenantId }) => tenantId)), byteaArray(ids.map(({ id }) => id))];
}
