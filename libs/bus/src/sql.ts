// The little of a database that the bus needs; Prisma's transaction client has this shape.

export interface SqlTransaction {
  $executeRawUnsafe(query: string, ...values: unknown[]): Promise<number>;
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>;
}

/** Whose rows a transaction may see: one tenant (a request), the tenants of a batch, or all (claims, the relay, proofs). */
export type Scope = { tenant: string } | { tenants: string[] } | 'all_tenants';

export interface Transactions<Tx extends SqlTransaction = SqlTransaction> {
  /** Runs the work in one transaction of the service's own schema, which may only read. Answers when the work is done, without waiting for the transaction's end. */
  read<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Runs the work in one transaction; its commit wakes the workers whose rows it made due, and the relay if it wrote events, here and in other pods.
   * It waits for the disk, save for work that nobody asked for by a request where the log lies in the same database: there a crash that undoes it undoes
   * all that came of it too, and what led to it comes again.
   */
  write<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** The same, and on the disk in every case: beside what a crash cannot undo, such as a mail on its way. */
  writeToDisk<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** One statement alone, of all tenants' rows, as its own transaction and in one round trip; it wakes nobody, and a crash right after it may undo it. */
  single<T>(sql: string, ...values: unknown[]): Promise<T[]>;
}
