// Arrays in PostgreSQL's binary form are those that it would have read from text.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { startPostgres } from '@rejoinder/testing/postgres';
import { bigintArray, byteaArray, byteaArrayText, textArray, timeArray, uuidArray } from '../src/arrays.js';
import { bytesText } from '../src/rows.js';

test('values come back as they went, none among many as none', { timeout: 60_000 }, async () => {
  await using postgres = await startPostgres();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const back = async (type: string, array: Buffer) => {
    const { rows } = await client.query<{ value: unknown }>(`select unnest($1::${type}[]) as value`, [array]);
    return rows.map(({ value }) => value);
  };
  try {
    const bytes = [randomBytes(3), Buffer.alloc(0), randomBytes(500)];
    expect(await back('bytea', byteaArray([...bytes, null]))).toEqual([...bytes, null]);
    expect(await back('bytea', byteaArray(bytes.map(bytesText)))).toEqual(bytes);
    const texts = ['', 'a "quoted" \\ word', 'NULL', 'ä漢', '{}'];
    expect(await back('text', textArray([undefined, ...texts]))).toEqual([null, ...texts]);
    const one = newId();
    const ids = [one, one, newId(), one];
    expect(await back('uuid', uuidArray(ids))).toEqual(ids);
    expect(await back('uuid', uuidArray(ids.map((id) => id.toUpperCase())))).toEqual(ids);
    expect(await back('bigint', bigintArray([0, -1, 9_007_199_254_740_991, 2n ** 62n]))).toEqual([
      '0',
      '-1',
      '9007199254740991',
      String(2n ** 62n),
    ]);
    const times = [new Date(0), new Date(-1), new Date('2026-11-30T09:00:00.123Z')];
    expect(await back('timestamptz', timeArray(times))).toEqual(times);
    expect(await back('bytea', byteaArray([]))).toEqual([]);
    const nested = [bytes, [], [Buffer.from([0])]];
    const { rows } = await client.query<{ value: Buffer[] }>('select one::bytea[] as value from unnest($1::text[]) as one', [
      textArray(nested.map((some) => byteaArrayText(some.map(bytesText)))),
    ]);
    expect(rows.map(({ value }) => value)).toEqual(nested);
  } finally {
    await client.end();
  }
});
