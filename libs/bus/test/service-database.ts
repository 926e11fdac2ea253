// A service's own schema for the bus's tests: really migrated, with the transactions a service would have, over plain pg.
import pg from 'pg';
import type { Scope, SqlTransaction, Transactions } from '@rejoinder/bus/sql';
import { startOfDay } from '@rejoinder/base/clock';
import { busLogMigrations, migrate } from '@rejoinder/runtime/migrate';
import { fileURLToPath } from 'node:url';

const serviceFolder = fileURLToPath(new URL('../migrations/service', import.meta.url));
const daysAround = [-1, 0, 1];

/** Makes schemas `bus` and one per service in a database, with partitions for the days around now. */
export async function prepareDatabase(url: string, services: string[]): Promise<void> {
  await migrate(url, [busLogMigrations(), ...services.map((service) => ({ schema: service, folders: [serviceFolder] }))]);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const day of daysAround) {
      const bounds = `for values from ('${startOfDay(new Date(), day).toISOString()}') to ('${startOfDay(new Date(), day + 1).toISOString()}')`;
      await client.query(`create table bus.log_${day + 1} partition of bus.log ${bounds}`);
      for (const service of services) {
        for (const table of ['outbox', 'dead_letter'])
          await client.query(`create table ${service}.${table}_${day + 1} partition of ${service}.${table} ${bounds}`);
      }
    }
  } finally {
    await client.end();
  }
}

export function openPool(url: string, max = 10): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max, options: '-c timezone=UTC', connectionTimeoutMillis: 5_000 });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** Transactions in the service's schema, under its worker role, as runtime's Database has them. */
export class PlainTransactions implements Transactions {
  constructor(
    private readonly pool: pg.Pool,
    private readonly service: string,
    private readonly afterCommit: () => void = () => undefined,
  ) {}

  async read<T>(scope: Scope, work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('begin');
      const enter = `select set_config('role', $1, true), set_config('search_path', $2, true), set_config('rejoinder.tenants', $3, true)`;
      await client.query(enter, [`rejoinder_${this.service}_worker`, this.service, tenantsOf(scope)]);
      const result = await work(plainTransaction(client));
      await client.query('commit');
      return result;
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async write<T>(scope: Scope, work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    const result = await this.read(scope, work);
    this.afterCommit();
    return result;
  }

  writeToDisk<T>(scope: Scope, work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    return this.write(scope, work);
  }

  single<T>(sql: string, ...values: unknown[]): Promise<T[]> {
    return this.read('all_tenants', (tx) => tx.$queryRawUnsafe<T[]>(sql, ...values));
  }
}

function tenantsOf(scope: Scope): string {
  if (scope === 'all_tenants') return '*';
  return 'tenant' in scope ? scope.tenant : scope.tenants.join();
}

function plainTransaction(client: pg.PoolClient): SqlTransaction {
  return {
    $executeRawUnsafe: async (query, ...values) => (await client.query(query, values)).rowCount ?? 0,
    $queryRawUnsafe: async <T>(query: string, ...values: unknown[]) => (await client.query(query, values)).rows as T,
  };
}
