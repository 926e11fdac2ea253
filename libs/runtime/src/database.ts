// Transactions of one service: every one names whose rows it may see, and a write wakes the workers once it is committed.
import pg from 'pg';
import { PrismaPg } from '@prisma/adapter-pg';
import { isId } from '@rejoinder/base/id';
import { Fault } from '@rejoinder/base/fault';
import type { Scope, SqlTransaction, Transactions } from '@rejoinder/bus/sql';
import type { Logger } from './logging.js';
import { openPool } from './pool.js';
import { prepare, watchWrites } from './statements.js';
import { inTransaction } from './transaction.js';
import type { Wake } from './wake.js';

/** The shape of a generated Prisma client, as far as transactions go. */
export interface PrismaClientLike<Tx> {
  $transaction<T>(work: (tx: Tx) => Promise<T>, options?: { maxWait?: number; timeout?: number }): Promise<T>;
  $disconnect(): Promise<void>;
}

const maxWaitMs = 10_000;
const timeoutMs = 20_000;
const singleConnections = 2;

/** The driver adapter that lets a service's Prisma client work in its own schema over a pool shared with others. */
export function prismaAdapter(pool: pg.Pool, service: string): PrismaPg {
  return new PrismaPg(pool, { schema: service, statementNameGenerator: ({ sql }) => prepare(service, sql) as string });
}

/**
 * The connections on which a service's relay and workers run single statements: role, schema and sight stand from the connection's start. Their commits
 * do not wait for the disk: what a crash undoes of claims, outcomes and marks is claimed, worked on or published once more. They are few and come again
 * all the time, so that each is planned once.
 */
export function openSingles(url: string, service: string, logger: Logger): pg.Pool {
  const session = {
    role: `rejoinder_${service}_worker`,
    search_path: service,
    'rejoinder.tenants': '*',
    synchronous_commit: 'off',
    plan_cache_mode: 'force_generic_plan',
  };
  return openPool(url, singleConnections, logger, session);
}

export interface DatabaseOptions {
  /** The log lies in the same database, so that a crash leaves both as they were at one moment. */
  holdsLog?: boolean;
  /**
   * Its statements look rows up by their keys, in tables with a partition for each of 60 days: each is planned once for a connection, by indexes. A new plan
   * for new values costs ten times what it finds, and one that was made while a day was empty must not read that day from end to end ever after.
   */
  findsByKey?: boolean;
}

const byKey = { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off' };

/** One service's database. Tx is its Prisma.TransactionClient. */
export class Database<Tx extends SqlTransaction = SqlTransaction> implements Transactions<Tx> {
  constructor(
    readonly service: string,
    private readonly client: PrismaClientLike<Tx>,
    private readonly wakes: Wake,
    /** For what runs outside a transaction: partitions. */
    readonly pool: pg.Pool,
    private readonly singles: pg.Pool,
    private readonly how: DatabaseOptions = {},
  ) {}

  /** Answers as soon as the work is done: nobody who has only read waits for the end of the transaction. */
  read<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#transact(scope, { transaction_read_only: 'on' }, async (tx) => resolve(await work(tx))).catch(reject);
    });
  }

  write<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#write(scope, this.how.holdsLog && !isRequest(scope) ? { synchronous_commit: 'off' } : {}, work);
  }

  writeToDisk<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#write(scope, {}, work);
  }

  async single<T>(text: string, ...values: unknown[]): Promise<T[]> {
    return (await this.singles.query<T & pg.QueryResultRow>({ name: prepare(this.service, text), text, values })).rows;
  }

  async close(): Promise<void> {
    await this.client.$disconnect();
    if (!this.singles.ending) await this.singles.end();
  }

  async #write<T>(scope: Scope, settings: Record<string, string>, work: (tx: Tx) => Promise<T>): Promise<T> {
    const { result, written } = await watchWrites(() => this.#transact(scope, settings, work));
    this.wakes.wake(this.service, written);
    return result;
  }

  #transact<T>(scope: Scope, settings: Record<string, string>, work: (tx: Tx) => Promise<T>): Promise<T> {
    const begin = (run: (tx: Tx) => Promise<T>) => this.client.$transaction(run, { maxWait: maxWaitMs, timeout: timeoutMs });
    return inTransaction(this.service, this.#enterSql(scope, settings), begin, work);
  }

  /** Row-level security needs a role that is not the login's own and the tenants, both for this transaction only. */
  #enterSql(scope: Scope, more: Record<string, string>): string {
    const settings = {
      role: `rejoinder_${this.service}_${isRequest(scope) ? 'request' : 'worker'}`,
      search_path: this.service,
      'rejoinder.tenants': tenantsOf(scope),
      ...(this.how.findsByKey ? byKey : {}),
      ...more,
    };
    const each = Object.entries(settings).map(([name, value]) => `set_config('${name}', ${pg.escapeLiteral(value)}, true)`);
    return `select ${each.join(', ')}`;
  }
}

const isRequest = (scope: Scope) => scope !== 'all_tenants' && 'tenant' in scope;

function tenantsOf(scope: Scope): string {
  if (scope === 'all_tenants') return '*';
  const tenants = 'tenant' in scope ? [scope.tenant] : [...new Set(scope.tenants)];
  const wrong = tenants.find((tenant) => !isId(tenant));
  if (wrong !== undefined) throw new Fault('invalid', 'TENANT_ID', 'A tenant id is a UUID in lower case.');
  return tenants.join(',');
}
