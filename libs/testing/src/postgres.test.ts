// PostgreSQL starts, crashes and comes back as its users rely on.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import pg from 'pg';
import { startPostgres, type Postgres } from './postgres.js';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

test('a database of one’s own', async () => {
  const url = await postgres.createDatabase('my-town');
  const client = new pg.Client(url);
  await client.connect();
  expect((await client.query('select current_database() as name, version()')).rows[0]).toMatchObject({ name: 'my-town' });
  await client.end();
});

test('what was committed outlives an immediate restart, and open connections do not', async () => {
  const url = await postgres.createDatabase('crash');
  const client = new pg.Client(url);
  const lost = new Promise<Error>((resolve) => client.once('error', resolve));
  await client.connect();
  await client.query('create table facts (id int)');
  await client.query('insert into facts values (1)');
  await client.query('checkpoint');
  await client.query('begin');
  await client.query('insert into facts values (2)');
  await postgres.restart('immediate');
  await lost;
  const after = new pg.Client(url);
  await after.connect();
  expect((await after.query('select id from facts')).rows).toEqual([{ id: 1 }]);
  await after.end();
});

test('stopping removes the data', async () => {
  const other = await startPostgres({ settings: { max_connections: '20' } });
  expect(await other.query('show max_connections')).toEqual([{ max_connections: '20' }]);
  await other.stop();
  expect(existsSync(other.dataDir)).toBe(false);
});
