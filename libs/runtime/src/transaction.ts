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

/** For a new connection of a pool: sees transactions begin and end on it. */
export function watch(connection: pg.PoolClient): void {
  const query = connection.query.bind(connection) as Query;
  connection.query = ((config: unknown, ...more: unknown[]) => query(seen(connection, config), ...more)) as typeof connection.query;
}

function seen(connection: pg.PoolClient, config: unknown): unknown {
  const text = typeof config === 'object' ? (config as pg.QueryConfig | null)?.text : config;
  if (text === 'COMMIT' || text === 'ROLLBACK') end(connection);
  if (text !== 'BEGIN') return config;
  const course = beginning.getStore();
  if (!course || course.connection) return config;
  course.connection = connection;
  courses.set(connection, course);
  return { ...(typeof config === 'object' ? config : {}), name: undefined, text: `BEGIN; ${course.enterSql}` };
}

function end(connection: pg.PoolClient): void {
  const course = courses.get(connection);
  if (course) course.isOver = true;
  courses.delete(connection);
}

/** The same transaction, with raw statements that do not pass through Prisma's engine. */
function straight<Tx extends SqlTransaction>(tx: Tx, course: Course): Tx {
  const run = <Row extends pg.QueryResultRow>(text: string, values: unknown[]) => {
    if (course.isOver) throw new Fault('broken', 'TRANSACTION_OVER', 'The transaction took too long and was rolled back.');
    return course.connection!.query<Row>({ name: prepare(course.service, text), text, values });
  };
  const raw: SqlTransaction = {
    $executeRawUnsafe: async (text, ...values) => (await run(text, values)).rowCount ?? 0,
    $queryRawUnsafe: async <T>(text: string, ...values: unknown[]) => (await run(text, values)).rows as T,
  };
  return new Proxy(tx, { get: (target, name) => Reflect.get(name in raw ? raw : target, name) as unknown });
}
