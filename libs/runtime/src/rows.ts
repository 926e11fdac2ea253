// Sets of rows in and out of PostgreSQL as one JSON text each: a batch of hundreds is one parameter and one value.
import type { SqlTransaction } from '@rejoinder/bus/sql';

/** The rows of a query, read from one JSON value: bytes as \x.. text, big integers as numbers. */
export async function rowsOf<Row>(tx: SqlTransaction, sql: string, ...values: unknown[]): Promise<Row[]> {
  const wrapped = `select coalesce(json_agg(row_to_json(q)), '[]')::text as rows from (${sql}) q`;
  const [found] = await tx.$queryRawUnsafe<{ rows: string }[]>(wrapped, ...values);
  return JSON.parse(found!.rows) as Row[];
}

/** SQL that reads the JSON parameter of this number as rows with these columns. */
export function given(parameter: number, columns: string, name = 'given'): string {
  return `jsonb_to_recordset($${parameter}::jsonb) as ${name}(${columns})`;
}

/** Bytes as PostgreSQL writes them in text. */
export function bytesText(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text.slice(2), 'hex');
}
