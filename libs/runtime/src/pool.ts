// A pool of connections to PostgreSQL whose breaks end no process, whether a connection is idle or in somebody's hands.
import pg from 'pg';
import type { Logger } from './logging.js';
import { watch } from './transaction.js';

/** Times travel as UTC text, so that no session's time zone matters. `session` has further settings of each connection. */
export function openPool(url: string, max: number, logger: Logger, session: Record<string, string> = {}): pg.Pool {
  const settings = Object.entries({ timezone: 'UTC', ...session });
  const pool = new pg.Pool({
    connectionString: url,
    max,
    // These stay open at rest: a new connection has to be let in and to plan every statement anew, which somebody's new mail would wait for.
    min: Math.ceil(max / 2),
    options: settings.map(([name, value]) => `-c ${name}=${value}`).join(' '),
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // Statements of one transaction that do not wait for each other travel together.
    pipeline: true,
  });
  // The pool hears idle connections only. Whoever has one checked out learns of its break by the query in hand or the next one;
  // but pg emits 'error' as well, and an event that nobody hears ends the process.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    watch(client);
  });
  return pool.on('error', (error) => logger.warn({ error }, 'a connection to PostgreSQL broke'));
}
