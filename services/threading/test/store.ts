// The graph's store over a real PostgreSQL, without the bus at its doors.
import pg from 'pg';
import { newId } from '@rejoinder/base/id';
import { systemClock } from '@rejoinder/base/clock';
import { Outbox } from '@rejoinder/bus/outbox';
import { Database, openSingles, prismaAdapter } from '@rejoinder/runtime/database';
import { createLogger } from '@rejoinder/runtime/logging';
import { migrate, serviceMigrations } from '@rejoinder/runtime/migrate';
import { PartitionKeeper } from '@rejoinder/runtime/partitions';
import { Wake } from '@rejoinder/runtime/wake';
import type { Job, WorkOutcome } from '@rejoinder/runtime/worker';
import { startPostgres } from '@rejoinder/testing/postgres';
import { PrismaClient } from '../src/generated/client.js';
import { GraphWriter } from '../src/graph/graph-writer.js';
import { OnCaptured } from '../src/on-captured.js';
import { PinApi } from '../src/pins/pin-api.js';
import { role } from '../src/role.js';
import type { Tx } from '../src/tx.js';
import { SightingWriter } from '../src/graph/sighting-writer.js';
import type { Sighting } from '../src/graph/sighting.js';
import { RecheckWorker } from '../src/verdict/recheck-worker.js';
import { lockGraphs } from '../src/graph/graph-store.js';

export interface TestStore extends AsyncDisposable {
  database: Database<Tx>;
  captured: OnCaptured;
  pins: PinApi;
  take(sightings: Sighting[]): Promise<void>;
  /** Writes under the tenant's lock, and has judged again what is left for that. */
  change(tenantId: string, write: (tx: Tx, now: Date) => Promise<void>): Promise<void>;
  /** Takes them; answers how many rows of tables were read for that. */
  rowsRead(sightings: Sighting[]): Promise<number>;
  /** As the database's owner. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Statements that reached PostgreSQL while the work ran. */
  statements(work: () => Promise<void>): Promise<number>;
}

export async function openStore(): Promise<TestStore> {
  const postgres = await startPostgres();
  const url = await postgres.createDatabase(`t${newId().slice(-12)}`);
  await migrate(url, [serviceMigrations('threading', role.migrations)]);
  let count = 0;
  const pool = new pg.Pool({ connectionString: url, max: 4, options: '-c timezone=UTC' });
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => (count++, query(...args))) as typeof client.query;
  });
  const clock = systemClock();
  const logger = createLogger('error');
  const keeper = new PartitionKeeper('threading', pool, clock, { R1: 7, R2: 60, wire: 7 }, logger);
  await keeper.start();
  const wake = new Wake(pool, url, () => undefined);
  const client = new PrismaClient({ adapter: prismaAdapter(pool, 'threading') }) as never;
  const database = new Database<Tx>('threading', client, wake, pool, openSingles(url, 'threading', logger));
  const outbox = new Outbox(clock);
  const graph = new GraphWriter(outbox, clock, logger);
  const writer = new SightingWriter(graph, outbox);
  const recheck = workOf((workers) => new RecheckWorker(database, graph, clock, workers));
  const stop = async () => {
    await keeper.stop();
    await wake.close();
    await database.close();
    await pool.end();
    await postgres.stop();
  };
  return {
    database,
    captured: new OnCaptured(database, graph),
    pins: new PinApi(database, graph, clock),
    take: (sightings) => database.write({ tenants: tenantsOf(sightings) }, (tx) => writer.take(tx, sightings, () => undefined)),
    rowsRead: (sightings) =>
      database.write({ tenants: tenantsOf(sightings) }, async (tx) => {
        const before = await rowsRead(tx);
        await writer.take(tx, sightings, () => undefined);
        return (await rowsRead(tx)) - before;
      }),
    change: async (tenantId, write) => {
      await database.write({ tenants: [tenantId] }, async (tx) => {
        await lockGraphs(tx, [tenantId]);
        await write(tx, clock.now());
      });
      await recheck({ tenantId } as Job);
    },
    query: async <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => (await pool.query<Row>(sql, values)).rows,
    statements: async (work) => {
      const before = count;
      await work();
      return count - before;
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** What a worker does with a job. */
function workOf(make: (workers: never) => unknown): (job: Job) => Promise<WorkOutcome> {
  let work: ((job: Job) => Promise<WorkOutcome>) | undefined;
  make({ add: (spec: { work: typeof work }) => (work = spec.work) } as never);
  return (job) => work!(job);
}

const tenantsOf = (sightings: Sighting[]) => [...new Set(sightings.map(({ facts }) => facts.tenantId))];

/** Of this transaction: PostgreSQL counts what its scans fetched. */
async function rowsRead(tx: Tx): Promise<number> {
  const sql = 'select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::float8 as rows from pg_stat_xact_user_tables';
  return (await tx.$queryRawUnsafe<{ rows: number }[]>(sql))[0]!.rows;
}

/** A tenant with an inbox of its own; the hash as PostgreSQL writes it. */
export async function newTenant(store: TestStore, inboxId: string, ownHash: string, tenantId = newId()): Promise<string> {
  const sql = 'insert into threading.own_address (tenant_id, inbox_id, address_hash) values ($1, $2, $3::bytea)';
  await store.query(sql, [tenantId, inboxId, ownHash]);
  return tenantId;
}
