// The little of a database that the bus needs; Prisma's transaction client has this shape.

export interface SqlTransaction {
  $executeRawUnsafe(query: string, ...values: unknown[]): Promise<number>;
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>;
}

/** Whose rows a transaction may see: one tenant (a request), the tenants of a batch, or all (claims, the relay, proofs). */
export type Scope = { tenant: string } | { tenants: string[] } | 'all_tenants';

export interface Transactions<Tx extends SqlTransaction = SqlTransaction> {
  /** Runs the work in one transaction of the service's own schema; nothing is woken by it. */
  read<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** The same, and its commit wakes the workers whose tables it wrote to, and the relay if it wrote events, here and in other pods. */
  write<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** One statement alone, of all tenants' rows, as its own transaction and in one round trip; it wakes nobody, and a crash right after it may undo it. */
  single<T>(sql: string, ...values: unknown[]): Promise<T[]>;
}
