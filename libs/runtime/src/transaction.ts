// A transaction that Prisma begins and ends, on its connection: it enters its scope together with its BEGIN, and its raw statements go straight
// to the connection, where Prisma's engine would only pass them on, at three times the cost.
import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { Fault } from '@rejoinder/base/fault';
import { prepare } from './statements.js';

/** One transaction, as its connection tells it. */
interface Course {
  service: string;
  /** One statement without parameters, which sets role, schema and tenants for the transaction. */
  enterSql: string;
  connection?: pg.PoolClient;
  /** Settles with BEGIN, which nobody waits for: the first statement travels with it. */
  entered?: Promise<unknown>;
  /** Committed or rolled back: its connection may be anybody's by now. */
  isOver: boolean;
}

const beginning = new AsyncLocalStorage<Course>();
const courses = new WeakMap<pg.PoolClient, Course>();

/**
 * Begins a transaction and enters it. Over a pool whose connections are `watched`, that takes one round trip, and the work gets raw statements that go
 * straight to the connection; over another one it enters with a statement of its own.
 */
export function inTransaction<Tx extends SqlTransaction, T>(
  service: string,
  enterSql: string,
  begin: (work: (tx: Tx) => Promise<T>) => Promise<T>,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const course: Course = { service, enterSql, isOver: false };
  return beginning.run(course, () =>
    begin(async (tx) => {
      if (course.connection) return work(straight(tx, course));
      await tx.$executeRawUnsafe(enterSql);
      return work(tx);
    }),
  );
}

type Query = (...args: unknown[]) => unknown;

/** For a new connection of a pool, which pipelines: sees transactions begin and end on it. */
export function watch(connection: pg.PoolClient): void {
  const query = connection.query.bind(connection) as Query;
  connection.query = ((config: unknown, ...more: unknown[]) => {
    const text = typeof config === 'object' ? (config as pg.QueryConfig | null)?.text : config;
    if (text === 'COMMIT' || text === 'ROLLBACK') end(connection);
    const course = text === 'BEGIN' ? beginning.getStore() : undefined;
    if (!course || course.connection) return query(config, ...more);
    course.connection = connection;
    courses.set(connection, course);
    course.entered = query(`BEGIN; ${course.enterSql}`) as Promise<pg.QueryResult>;
    course.entered.catch(() => undefined);
    return Promise.resolve({ command: 'BEGIN', rowCount: null, oid: 0, rows: [], fields: [] } satisfies pg.QueryResult);
  }) as typeof connection.query;
}

function end(connection: pg.PoolClient): void {
  const course = courses.get(connection);
  if (course) course.isOver = true;
  courses.delete(connection);
}

/** The same transaction, with raw statements that do not pass through Prisma's engine. */
function straight<Tx extends SqlTransaction>(tx: Tx, course: Course): Tx {
  const run = async <Row extends pg.QueryResultRow>(text: string, values: unknown[]) => {
    if (course.isOver) throw new Fault('broken', 'TRANSACTION_OVER', 'The transaction took too long and was rolled back.');
    const answer = course.connection!.query<Row>({ name: prepare(course.service, text), text, values });
    // Where it could not be entered, that is the reason, and not that the statement found no transaction.
    return (await Promise.all([course.entered, answer]))[1];
  };
  const raw: SqlTransaction = {
    $executeRawUnsafe: async (text, ...values) => (await run(text, values)).rowCount ?? 0,
    $queryRawUnsafe: async <T>(text: string, ...values: unknown[]) => (await run(text, values)).rows as T,
  };
  return new Proxy(tx, { get: (target, name) => Reflect.get(name in raw ? raw : target, name) as unknown });
}
