// Wraps the keys of the keyring anew by the first key of the key file, beside roles that run: for an operator who exchanges that key.
import pg from 'pg';
import { Fault } from '@rejoinder/base/fault';
import type { KeyEncryption } from './kek.js';
import { contextOf } from './keyring.js';
import type { KeyName } from './place.js';

export interface WrappedKeys {
  /** Of the key that wrapped them. */
  kekId: string;
  keys: number;
}

export interface Rewrapped {
  keys: number;
  /** Those that the key which they name does not open. */
  damaged: KeyName[];
}

type Row = { tenant_id: string; purpose: KeyName['purpose']; day: string; wrapped: Buffer; kek_id: string };

export const keysPerBatch = 500;
const statementTimeoutMs = 30_000;

const readSql = `select tenant_id, purpose, day::text, wrapped, kek_id from key
  where kek_id <> $1 and kek_id = any ($2) and ($3::uuid is null or (tenant_id, purpose, day) > ($3, $4, $5::date))
  order by tenant_id, purpose, day limit ${keysPerBatch}`;
// What is just being shredded, or was wrapped by another run, is left alone; it waits for nobody, so that it keeps nobody waiting for ever.
const writeSql = `with mine as (
    select k.tenant_id, k.purpose, k.day, w.after
    from unnest($1::uuid[], $2::text[], $3::date[], $4::bytea[], $5::bytea[]) as w(tenant_id, purpose, day, before, after)
    join key k using (tenant_id, purpose, day) where k.wrapped = w.before for update of k skip locked
  )
  update key k set wrapped = mine.after, kek_id = $6 from mine
  where (k.tenant_id, k.purpose, k.day) = (mine.tenant_id, mine.purpose, mine.day)`;

/** A connection in the role of the keyring's owner, past the fences; denied where its login may not take that role. */
export async function openAsOwner(keyringUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: keyringUrl, statement_timeout: statementTimeoutMs });
  // The query in hand tells of a break; the event would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('set role rejoinder_keyring_owner');
    await client.query('set search_path = keyring');
    return client;
  } catch (error) {
    await client.end();
    if (!(error instanceof pg.DatabaseError) || error.code !== '42501') throw error;
    throw new Fault(
      'denied',
      'KEYRING_DENIED',
      'This login of the keyring may not take the role rejoinder_keyring_owner: use the one that migrates.',
    );
  }
}

/** How many keys each key-encryption key has wrapped. */
export async function wrappedKeys(client: pg.Client): Promise<WrappedKeys[]> {
  const sql = 'select kek_id, count(*)::int as keys from key group by kek_id order by kek_id';
  const { rows } = await client.query<{ kek_id: string; keys: number }>(sql);
  return rows.map(({ kek_id: kekId, keys }) => ({ kekId, keys }));
}

/**
 * Wraps what other keys of the file have wrapped, batch by batch: each stands once it is written, so that a run which was ended is finished by the
 * next. Keys that nobody gave are left as they are.
 */
export async function rewrap(client: pg.Client, kek: KeyEncryption): Promise<Rewrapped> {
  const done: Rewrapped = { keys: 0, damaged: [] };
  let last: Row | undefined;
  do {
    const { rows }: pg.QueryResult<Row> = await client.query(readSql, [kek.id, kek.ids, last?.tenant_id, last?.purpose, last?.day]);
    const anew = await Promise.all(rows.map(async (row) => ({ row, after: await wrapAnew(row, kek) })));
    done.damaged.push(...anew.flatMap(({ row, after }) => (after ? [] : [nameOf(row)])));
    done.keys += await write(
      client,
      anew.filter(({ after }) => after),
      kek.id,
    );
    last = rows.length === keysPerBatch ? rows.at(-1) : undefined;
  } while (last);
  return done;
}

async function wrapAnew(row: Row, kek: KeyEncryption): Promise<Uint8Array | undefined> {
  const context = contextOf(nameOf(row));
  try {
    return await kek.wrap(await kek.unwrap(row.wrapped, row.kek_id, context), context);
  } catch (error) {
    if (error instanceof Fault && error.kind === 'broken') return undefined;
    throw error;
  }
}

async function write(client: pg.Client, anew: { row: Row; after?: Uint8Array }[], kekId: string): Promise<number> {
  const column = <T>(of: (one: { row: Row; after?: Uint8Array }) => T) => anew.map(of);
  const names = [column(({ row }) => row.tenant_id), column(({ row }) => row.purpose), column(({ row }) => row.day)];
  const { rowCount } = await client.query(writeSql, [...names, column(({ row }) => row.wrapped), column(({ after }) => after), kekId]);
  return rowCount ?? 0;
}

function nameOf({ tenant_id: tenantId, purpose, day }: Row): KeyName {
  return { tenantId, purpose, day };
}
