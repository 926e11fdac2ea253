// A house that has stood for as long as it keeps anything: every daily table has all its days, as in ordinary operation and never in a fresh test.
import pg from 'pg';
import { keptTables } from '@rejoinder/runtime/kept-tables';

const dayMs = 86_400_000;
/** Days behind the ones that every house makes for itself; the limits as they are set by default. */
const daysOf: Record<string, number> = { R1: 6, R2: 59, wire: 6 };

/** Makes the days before today, empty. Answers how many were made. */
export async function growOld(databaseUrl: string, now = new Date()): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  let made = 0;
  try {
    const { rows } = await client.query<{ schema: string }>(
      `select nspname as schema from pg_namespace where to_regclass(nspname || '.kept') is not null`,
    );
    for (const { schema } of rows) {
      for (const { tableName, retentionClass, dayColumn } of await keptTables(client, schema)) {
        if (dayColumn === null) continue;
        for (let ago = 2; ago <= (daysOf[retentionClass] ?? 0); ago++) {
          const [day, next] = [ago, ago - 1].map((days) => new Date(now.getTime() - days * dayMs).toISOString().slice(0, 10));
          const name = `${schema}.${tableName}_${day!.replaceAll('-', '')}`;
          await client.query(`set role rejoinder_${schema}_owner`);
          await client.query(`create table ${name} partition of ${schema}.${tableName} for values from ('${day}') to ('${next}')`);
          await client.query('reset role');
          made++;
        }
      }
    }
  } finally {
    await client.end();
  }
  return made;
}
