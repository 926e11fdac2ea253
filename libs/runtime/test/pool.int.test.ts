// PostgreSQL ends connections that somebody holds: the holder is told, the process lives, and the pool goes on. At rest it keeps half of what it may have.
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type pg from 'pg';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { createLogger } from '../src/logging.js';
import { openPool } from '../src/pool.js';

let postgres: Postgres;
let pool: pg.Pool;
const unheard: unknown[] = [];
const hear = (error: unknown) => void unheard.push(error);

beforeAll(async () => {
  postgres = await startPostgres();
  pool = openPool(await postgres.createDatabase('pool'), 2, createLogger('silent'));
  process.on('uncaughtException', hear);
});
afterAll(async () => {
  process.off('uncaughtException', hear);
  await pool?.end();
  await postgres?.stop();
});

async function endBackendOf(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  await pool.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
}

it('tells the holder by its next query, and by no event that would end the process', async () => {
  const client = await pool.connect();
  try {
    let hasEnded = false;
    client.once('end', () => (hasEnded = true));
    await endBackendOf(client);
    await settle('the end of the connection', () => Promise.resolve(hasEnded));
    await expect(client.query('select 1')).rejects.toThrow();
  } finally {
    client.release();
  }
  expect(unheard).toEqual([]);
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
});

it('closes what nobody has used for half a minute, but half of what it may have stays open', async () => {
  const busy = openPool(await postgres.createDatabase('rest'), 5, createLogger('silent'));
  const held = await Promise.all(Array.from({ length: 5 }, () => busy.connect()));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    for (const client of held) client.release();
    expect(busy.totalCount).toBe(5);
    vi.advanceTimersByTime(600_000);
    expect(busy.totalCount).toBe(3);
  } finally {
    vi.useRealTimers();
    await busy.end();
  }
});
