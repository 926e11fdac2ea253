// Transactions of one service: every one names whose rows it may see, and a write wakes the workers once it is committed.
import type pg from 'pg';
import { PrismaPg } from '@prisma/adapter-pg';
import { isId } from '@rejoinder/base/id';
import { Fault } from '@rejoinder/base/fault';
import type { Scope, SqlTransaction, Transactions } from '@rejoinder/bus/sql';
import type { Wake } from './wake.js';

/** The shape of a generated Prisma client, as far as transactions go. */
export interface PrismaClientLike<Tx> {
  $transaction<T>(work: (tx: Tx) => Promise<T>, options?: { maxWait?: number; timeout?: number }): Promise<T>;
  $disconnect(): Promise<void>;
}

const maxWaitMs = 10_000;
const timeoutMs = 20_000;

/** The driver adapter that lets a service's Prisma client work in its own schema over a pool shared with others. */
export function prismaAdapter(pool: pg.Pool, service: string): PrismaPg {
  return new PrismaPg(pool, { schema: service });
}

/** One service's database. Tx is its Prisma.TransactionClient. */
export class Database<Tx extends SqlTransaction = SqlTransaction> implements Transactions<Tx> {
  constructor(
    readonly service: string,
    private readonly client: PrismaClientLike<Tx>,
    private readonly wakes: Wake,
    /** For what runs outside a transaction: partitions. */
    readonly pool: pg.Pool,
  ) {}

  read<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.client.$transaction(
      async (tx) => {
        await this.#enter(tx, scope);
        return work(tx);
      },
      { maxWait: maxWaitMs, timeout: timeoutMs },
    );
  }

  async write<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    const result = await this.read(scope, work);
    this.wakes.wake(this.service);
    return result;
  }

  close(): Promise<void> {
    return this.client.$disconnect();
  }

  /** Row-level security needs a role that is not the login's own and the tenants, both for this transaction only. */
  async #enter(tx: Tx, scope: Scope): Promise<void> {
    const role = `rejoinder_${this.service}_${scope !== 'all_tenants' && 'tenant' in scope ? 'request' : 'worker'}`;
    await tx.$executeRawUnsafe(
      `select set_config('role', $1, true), set_config('search_path', $2, true), set_config('rejoinder.tenants', $3, true)`,
      role,
      this.service,
      tenantsOf(scope),
    );
  }
}

function tenantsOf(scope: Scope): string {
  if (scope === 'all_tenants') return '*';
  const tenants = 'tenant' in scope ? [scope.tenant] : [...new Set(scope.tenants)];
  const wrong = tenants.find((tenant) => !isId(tenant));
  if (wrong !== undefined) throw new Fault('invalid', 'TENANT_ID', 'A tenant id is a UUID in lower case.');
  return tenants.join(',');
}
