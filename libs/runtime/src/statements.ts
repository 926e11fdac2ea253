// What is known of a statement by its text: the name it is prepared under, and whose waiting it may end.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';

interface Statement {
  /** Undefined once there are too many texts: such a statement is planned each time. */
  name?: string;
  written: string[];
}

/** A service's own statements are far fewer; lists of changing length, if ever, must not fill the memory of every connection. */
const maxTexts = 1_000;
const known = new Map<string, Statement>();
const watching = new AsyncLocalStorage<Set<string>>();

/**
 * Runs work and answers, with its result, the tables that its statements insert into or make rows due in: whom a commit wakes need not be said, and cannot
 * be forgotten.
 */
export async function watchWrites<T>(work: () => Promise<T>): Promise<{ result: T; written: Set<string> }> {
  const written = new Set<string>();
  return { result: await watching.run(written, work), written };
}

/**
 * Every statement passes here before it runs; answers the name under which a connection keeps it prepared. A name serves one service alone: PostgreSQL
 * plans anew whenever a prepared statement meets other schemas.
 */
export function prepare(service: string, sql: string): string | undefined {
  const statement = known.get(sql) ?? learn(sql);
  const written = watching.getStore();
  if (written) for (const table of statement.written) written.add(table);
  return statement.name && `${service} ${statement.name}`;
}

function learn(sql: string): Statement {
  const statement: Statement = { written: tablesWritten(sql) };
  if (known.size >= maxTexts) return statement;
  statement.name = createHash('sha256').update(sql).digest('base64url').slice(0, 24);
  known.set(sql, statement);
  return statement;
}

/** Of raw statements as of Prisma's own: `insert into "sync"."capture" ...`, `update capture as c set due_at = ...`. Other updates end nobody's waiting. */
function tablesWritten(sql: string): string[] {
  const verbs = makesDue.test(sql) ? '(?:insert\\s+into|update)' : 'insert\\s+into';
  const found = sql.matchAll(new RegExp(`\\b${verbs}\\s+(?:only\\s+)?(?!set\\b)(?:"?\\w+"?\\.)?"?(\\w+)"?`, 'gi'));
  return [...new Set([...found].map(([, table]) => table!.toLowerCase()))];
}

const makesDue = /\bdue_at"?\s*=(?!\s*null\b)/i;
