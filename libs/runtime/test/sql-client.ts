// A Prisma-shaped client over pg, so that the runtime's own SQL can be tested without a generated one.
import pg from 'pg';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import type { PrismaClientLike } from '../src/database.js';

export function sqlClient(pool: pg.Pool): PrismaClientLike<SqlTransaction> {
  return {
    $transaction: async (work) => {
      const client = await pool.connect();
      const tx: SqlTransaction = {
        $executeRawUnsafe: async (sql, ...values) => (await client.query(sql, values)).rowCount ?? 0,
        $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) => (await client.query(sql, values)).rows as T,
      };
      try {
        await client.query('begin');
        const result = await work(tx);
        await client.query('commit');
        return result;
      } catch (error) {
        await client.query('rollback');
        throw error;
      } finally {
        client.release();
      }
    },
    $disconnect: async () => undefined,
  };
}
