// Finds out before anything else is begun whether a database can be used, and says in a sentence why not.
import pg from 'pg';
import { Fault } from '@rejoinder/base/fault';

const answerWithinMs = 5_000;

/**
 * Connects once, and looks for a schema that has to be there. `setting` names the variable that the address came from; of the address, only what is no
 * secret is told.
 */
export async function requireDatabase(setting: string, url: string, schema?: string): Promise<void> {
  let client: pg.Client;
  try {
    client = new pg.Client({ connectionString: url, connectionTimeoutMillis: answerWithinMs });
  } catch {
    throw new Fault('invalid', 'SETTINGS', `${setting} is no postgres://user:password@host:port/database.`);
  }
  // The connection in hand tells of a break; the event would end the process.
  client.on('error', () => undefined);
  const at = `PostgreSQL at ${client.host}:${client.port}`;
  try {
    await client.connect().catch((error: unknown) => {
      throw refusal(error, client, at, setting);
    });
    if (schema && (await client.query('select 1 from pg_namespace where nspname = $1', [schema])).rowCount === 0)
      throw new Fault('invalid', 'NOT_MIGRATED', `${at} has nothing of Rejoinder in ${client.database} yet: run rejoinder migrate first.`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const missingDatabase = '3D000';

/** Busy: it may come up by itself. */
function refusal(error: unknown, { database }: pg.Client, at: string, setting: string): Fault {
  const { code, message } = error as { code?: string; message: string };
  const refused = (why: string) => new Fault('invalid', 'DATABASE_REFUSES', `${at} ${why}: see ${setting}.`);
  if (code === missingDatabase) return refused(`has no database ${database}`);
  if (code?.startsWith('28')) return refused(`refuses this login (${code})`);
  return new Fault('busy', 'DATABASE_UNREACHABLE', `${at} cannot be reached (${code ?? message}): see ${setting}.`);
}
