// A process that is frozen while it changes a group of the local log: the others do not wait until it wakes.
import type pg from 'pg';
import { expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { startPostgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { joinGroup } from '../src/local-group.js';
import { joinSql } from '../src/local-sql.js';
import { topic } from './scenes.js';
import { openPool, prepareDatabase } from './service-database.js';

it('a member frozen in its turn holds up its group for no longer than one that is frozen elsewhere', async () => {
  await using postgres = await startPostgres();
  const url = await postgres.createDatabase('frozen');
  await prepareDatabase(url, []);
  const pool = openPool(url);
  const wakes = Promise.withResolvers<void>();
  const frozen = {
    connect: async () => {
      const client = await pool.connect();
      const query = async (sql: string, values?: unknown[]) => {
        if (sql === joinSql) await wakes.promise;
        return client.query(sql, values);
      };
      return { query, release: (error?: Error) => client.release(error) };
    },
  } as unknown as pg.Pool;
  const join = (from: pg.Pool) => joinGroup(from, 'sync', newId(), [topic], 3_000, newId());
  const late = expect(join(frozen)).rejects.toThrow();
  await settle(
    'its turn',
    async () => (await pool.query(`select 1 from pg_locks where locktype = 'advisory' and granted`)).rows.length > 0,
  );
  await join(pool);
  wakes.resolve();
  await late;
  expect((await pool.query('select 1 from bus.member')).rows).toHaveLength(1);
  await pool.end();
});
