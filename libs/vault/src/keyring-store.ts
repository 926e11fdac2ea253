// The keyring's tables: every transaction runs in the role of one service, to which row-level security shows its own purposes only.
import pg from 'pg';
import { Fault } from '@rejoinder/base/fault';
import type { KeyName } from './place.js';
import type { KeyHolder, Purpose } from './purposes.js';

export interface WrappedKey {
  wrapped: Uint8Array;
  kekId: string;
}

export interface OldestKey {
  purpose: Purpose;
  /** The oldest day that still has a key; absent for keys without a day. */
  day?: string;
  createdAt: Date;
  keys: number;
}

export const maxKeysPerQuery = 500;
const statementTimeoutMs = 10_000;

const wanted = 'unnest($1::uuid[], $2::text[], $3::date[]) with ordinality as w(tenant_id, purpose, day, place)';
const readSql = `select w.place::int as place, k.wrapped, k.kek_id from ${wanted} join key k using (tenant_id, purpose, day)`;
// In one order, so that two who make the same keys wait for each other rather than each for the other.
const mintSql = `insert into key (tenant_id, purpose, day, wrapped, kek_id)
  select tenant_id, purpose, day, wrapped, $5
  from unnest($1::uuid[], $2::text[], $3::date[], $4::bytea[]) as w(tenant_id, purpose, day, wrapped)
  order by tenant_id, purpose, day on conflict do nothing`;
const oldestSql = `select purpose, to_char(min(day) filter (where day < 'infinity'), 'YYYY-MM-DD') as day,
  min(created_at) as created_at, count(*)::int as keys from key group by purpose order by purpose`;

type KeyRow = { place: number; wrapped: Buffer; kek_id: string };
type OldestRow = { purpose: Purpose; day: string | null; created_at: Date; keys: number };

export class KeyringStore {
  constructor(
    private readonly holder: KeyHolder,
    private readonly pool: pg.Pool,
  ) {}

  /** The keys that are there, in the order of their names; undefined for those that are not. */
  read(names: KeyName[]): Promise<(WrappedKey | undefined)[]> {
    return this.#inRole((client) => readKeys(client, names));
  }

  /** Writes what is not there yet, then reads back what is: of two who make a key at once, both get the one that was first. */
  mint(names: KeyName[], wrapped: Uint8Array[], kekId: string): Promise<(WrappedKey | undefined)[]> {
    return this.#inRole(async (client) => {
      await client.query(mintSql, [...columns(names), wrapped, kekId]);
      return readKeys(client, names);
    });
  }

  /** Shreds all keys of days before this one, and lets none be made for them again. */
  dropBefore(purpose: Purpose, day: string): Promise<number> {
    return this.#inRole(async (client) => {
      await client.query('update purpose set gone_before = greatest(gone_before, $2::date) where name = $1', [purpose, day]);
      const { rowCount } = await client.query('delete from key where purpose = $1 and day < $2::date', [purpose, day]);
      return rowCount ?? 0;
    });
  }

  async kill(tenantId: string, at: Date): Promise<void> {
    await this.#inRole((client) => client.query('select kill($1, $2)', [tenantId, at]));
  }

  oldest(): Promise<OldestKey[]> {
    return this.#inRole(async (client) => {
      const { rows } = await client.query<OldestRow>(oldestSql);
      return rows.map(({ purpose, day, created_at: createdAt, keys }) => ({ purpose, ...(day && { day }), createdAt, keys }));
    });
  }

  /** Of the keys that wrap, as far as anything in the whole keyring is wrapped by them. */
  kekIds(): Promise<string[]> {
    return this.#inRole(async (client) => (await client.query<{ id: string }>('select kek_ids() as id')).rows.map(({ id }) => id));
  }

  async #inRole<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let failure: Error | undefined;
    // The pool listens to idle connections only: a break of this one would end the process.
    const onBreak = (error: Error) => void (failure = error);
    client.on('error', onBreak);
    try {
      await client.query('begin');
      const enter = `select set_config('role', $1, true), set_config('search_path', 'keyring', true), set_config('statement_timeout', $2, true)`;
      await client.query(enter, [`rejoinder_${this.holder}_keys`, String(statementTimeoutMs)]);
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(onBreak);
      throw refusalOf(this.holder, error);
    } finally {
      if (!failure) client.off('error', onBreak);
      client.release(failure);
    }
  }
}

async function readKeys(client: pg.PoolClient, names: KeyName[]): Promise<(WrappedKey | undefined)[]> {
  const { rows } = await client.query<KeyRow>(readSql, columns(names));
  const found = new Map(rows.map((row) => [row.place, { wrapped: row.wrapped, kekId: row.kek_id }]));
  return names.map((_, index) => found.get(index + 1));
}

function columns(names: KeyName[]): [string[], string[], string[]] {
  if (names.length > maxKeysPerQuery) throw new RangeError(`at most ${maxKeysPerQuery} keys are asked for at once`);
  return [names.map(({ tenantId }) => tenantId), names.map(({ purpose }) => purpose), names.map(({ day }) => day)];
}

/** 42501: the login may not take the role, or the role may not do this. All else is an outage, and goes on as it came. */
function refusalOf(holder: KeyHolder, error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || error.code !== '42501') return error;
  return new Fault(
    'denied',
    'KEYRING_DENIED',
    `The keyring refused ${holder}: its login must be a member of rejoinder_${holder}_keys, and retention alone ends tenants.`,
  );
}
