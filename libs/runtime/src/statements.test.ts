// What the runtime reads from the text of a statement: the tables it writes to, and its name in each service.
import { describe, expect, it } from 'vitest';
import { prepare, watchWrites } from './statements.js';

const written = async (...statements: string[]) => {
  const { written: tables } = await watchWrites(async () => {
    for (const sql of statements) prepare('sync', sql);
  });
  return [...tables].toSorted();
};

describe('what a transaction writes to', () => {
  it('is read from raw statements, Prisma’s own, and parts of a larger one', async () => {
    expect(await written('insert into capture as c (tenant_id) values ($1) on conflict do update set due_at = now()')).toEqual(['capture']);
    expect(await written('INSERT INTO "sending"."outlet" ("tenant_id") VALUES ($1)')).toEqual(['outlet']);
    expect(await written('UPDATE "sending"."send" SET "state" = $1, "due_at" = $2 WHERE 1=1')).toEqual(['send']);
    expect(await written('with gone as (update only part p set due_at = now() returning 1)\n insert\n into outbox select 1')).toEqual([
      'outbox',
      'part',
    ]);
  });

  it('is nothing where rows are only read, locked, deleted, or changed without being due', async () => {
    expect(await written('update capture set state = $1', 'update tracked_id t set due_at = null, state = $1')).toEqual([]);
    expect(await written('select * from capture for update', 'delete from raw_body where mail_id = $1')).not.toContain('capture');
    expect(await written('delete from raw_body where mail_id = $1', 'select updated_at from send')).toEqual([]);
  });

  it('is told apart for transactions that run side by side', async () => {
    const [one, two] = await Promise.all([written('insert into a values (1)'), written('insert into b values (1)')]);
    expect([one, two]).toEqual([['a'], ['b']]);
  });
});

it('a statement has one name in each service', () => {
  const sql = 'select 1 from named';
  expect(prepare('sync', sql)).toBe(prepare('sync', sql));
  expect(prepare('sync', sql)).not.toBe(prepare('timeline', sql));
  expect(prepare('sync', sql)!.length).toBeLessThan(64);
});
