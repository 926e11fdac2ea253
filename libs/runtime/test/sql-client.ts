// A Prisma-shaped client over pg, so that the runtime's own SQL can be tested without a generated one.
import pg from 'pg';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import type { PrismaClientLike } from '../src/database.js';
import { prepare } from '../src/statements.js';

export function sqlClient(pool: pg.Pool): PrismaClientLike<SqlTransaction> {
  return {
    $transaction: async (work) => {
      const client = await pool.connect();
      const tx: SqlTransaction = {
        $executeRawUnsafe: async (text, ...values) => (await client.query({ name: prepare('errands', text), text, values })).rowCount ?? 0,
        $queryRawUnsafe: async <T>(text: string, ...values: unknown[]) =>
          (await client.query({ name: prepare('errands', text), text, values })).rows as T,
      };
      try {
        await client.query('BEGIN');
        const result = await work(tx);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    $disconnect: async () => undefined,
  };
}
