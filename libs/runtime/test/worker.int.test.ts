// Workers against a real PostgreSQL: claims, leases, fairness, lanes, wakes, drain.
import pg from 'pg';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { delay } from '@rejoinder/base/wait';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { Database, openSingles } from '../src/database.js';
import { createLogger } from '../src/logging.js';
import { migrate, serviceMigrations } from '../src/migrate.js';
import { Wake } from '../src/wake.js';
import { Worker, again, gaveUp, workDone, type Job, type WorkerOptions, type WorkOutcome } from '../src/worker.js';
import { sqlClient } from './sql-client.js';

const table = `create table errand (like work including defaults, errand_id uuid not null, partition integer not null default 0, primary key (tenant_id, errand_id));
select retain('errand', 'state'); select fence('errand'); select workable('errand');`;

let postgres: Postgres;
let pool: pg.Pool;
let url: string;
const folder = mkdtempSync(join(tmpdir(), 'rejoinder-migrations-'));

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.createDatabase('workers');
  mkdirSync(join(folder, '0002_errand'));
  writeFileSync(join(folder, '0002_errand', 'migration.sql'), table);
  await migrate(url, [serviceMigrations('errands', pathToFileURL(folder))]);
  pool = new pg.Pool({ connectionString: url, max: 20, options: '-c timezone=UTC' });
});

afterAll(async () => {
  await pool.end();
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  await pool.query('truncate errands.errand');
});

/** Also those of a test that failed: their workers would take the rows of the next. */
const running = new Set<{ stop(): Promise<void> }>();
afterEach(async () => {
  await Promise.all(Array.from(running, (one) => one.stop()));
});

const logger = createLogger('silent');
const [red, blue] = [newId(), newId()];

/** One pod: its own wakes and database over the shared pool, its clock so far ahead of the database's. */
function pod(aheadMs = 0) {
  const clock = { now: () => new Date(Date.now() + aheadMs) };
  const wake = new Wake(pool, url, () => undefined);
  wake.start();
  const database = new Database('errands', sqlClient(pool), wake, pool, openSingles(url, 'errands', logger));
  const workers: Worker[] = [];
  const one = {
    database,
    wake,
    worker(options: Partial<WorkerOptions> & Pick<WorkerOptions, 'work'>): Worker {
      const worker = new Worker(
        { name: 'errand', table: 'errand', key: 'errand_id', concurrency: 4, leaseMs: 60_000, pollMs: 60_000, ...options },
        { database, clock, logger, onWake: (name, callback) => wake.on('errands', name, callback) },
      );
      workers.push(worker);
      worker.start();
      return worker;
    },
    async stop() {
      running.delete(one);
      await Promise.all(workers.map((worker) => worker.stop(AbortSignal.timeout(100))));
      await wake.close();
      await database.close();
    },
  };
  running.add(one);
  return one;
}

type Pod = ReturnType<typeof pod>;

async function ask(
  at: Pod,
  tenantId: string,
  count: number,
  { historical = false, partition = 0, dueAt = new Date() } = {},
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId());
  const sql = `insert into errand (tenant_id, errand_id, due_at, historical, partition) select $1, unnest($2::uuid[]), $5, $3, $4`;
  await at.database.write({ tenants: [tenantId] }, (tx) => tx.$executeRawUnsafe(sql, tenantId, ids, historical, partition, dueAt));
  return ids;
}

const due = async () => Number((await pool.query('select count(*) from errands.errand where due_at is not null')).rows[0].count);

describe('a worker', () => {
  it('does each row once, woken by the commit in this pod and in another', async () => {
    const [here, there] = [pod(), pod()];
    // As its own workers would: they are busy.
    there.wake.on('errands', 'errand', () => undefined);
    const done: string[] = [];
    const work = async (job: Job): Promise<WorkOutcome> => {
      done.push(job.key);
      return workDone;
    };
    here.worker({ work });
    await settle('the first', async () => (await due()) === 0 && true);
    const fromThere = await ask(there, red, 10);
    await settle('work asked for in another pod', async () => done.length === 10);
    const fromHere = await ask(here, blue, 10);
    await settle('work asked for in this pod', async () => done.length === 20 && (await due()) === 0);
    expect(done.toSorted()).toEqual([...fromThere, ...fromHere].toSorted());
    await Promise.all([here.stop(), there.stop()]);
  });

  it('shares rows between pods, each claimed by one alone', async () => {
    const pods = [pod(), pod(), pod()];
    const done: string[] = [];
    await ask(pods[0]!, red, 200);
    for (const one of pods) {
      one.worker({
        work: async (job) => {
          done.push(job.key);
          return workDone;
        },
      });
    }
    await settle('all rows', async () => done.length >= 200 && (await due()) === 0);
    expect(new Set(done).size).toBe(200);
    expect(done).toHaveLength(200);
    await Promise.all(pods.map((one) => one.stop()));
  });

  const dayMs = 86_400_000;
  it.each([
    [0, dayMs],
    [0, -dayMs],
    [dayMs, 0],
    [-dayMs, 0],
  ])('whose clock is %i ms off keeps its row from one that is %i ms off: leases go by the clock of the database', async (mine, others) => {
    const [holder, other] = [pod(mine), pod(others)];
    const dueForBoth = { dueAt: new Date(Date.now() - 2 * dayMs) };
    const [held] = await ask(holder, red, 1, dueForBoth);
    const done: string[] = [];
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const work = async (job: Job): Promise<WorkOutcome> => {
      done.push(job.key);
      if (job.key === held) await released;
      return workDone;
    };
    holder.worker({ work, concurrency: 1 });
    await settle('the row to be held', () => done.length === 1);
    other.worker({ work, pollMs: 20 });
    const [second] = await ask(other, red, 1, dueForBoth);
    await settle('the other row', async () => done.length >= 2 && (await due()) === 1);
    expect(done).toEqual([held, second]);
    release();
    await settle('all', async () => (await due()) === 0);
    expect(done).toHaveLength(2);
    await Promise.all([holder.stop(), other.stop()]);
  });

  it("is fair: a tenant with one row does not wait for another's thousand", async () => {
    const at = pod();
    await ask(at, red, 1_000);
    const [mine] = await ask(at, blue, 1);
    const order: string[] = [];
    at.worker({
      concurrency: 2,
      work: async (job) => {
        order.push(job.key);
        return workDone;
      },
    });
    await settle('the one row', async () => order.includes(mine!));
    expect(order.indexOf(mine!)).toBeLessThan(10);
    await at.stop();
  });

  it('takes fresh rows before historical ones', async () => {
    const at = pod();
    await ask(at, red, 50, { historical: true });
    await ask(at, red, 5);
    const order: boolean[] = [];
    at.worker({
      concurrency: 1,
      work: async (job) => {
        order.push(job.historical);
        return workDone;
      },
    });
    await settle('all rows', async () => order.length === 55);
    expect(order.slice(0, 5)).toEqual([false, false, false, false, false]);
    await at.stop();
  });

  it('tries again when told, and after an error with backoff; what was given up stays with its reason', async () => {
    const at = pod();
    const [one] = await ask(at, red, 1);
    const outcomes: WorkOutcome[] = [again(new Date(), 'not yet'), gaveUp('never')];
    const attempts: number[] = [];
    at.worker({
      work: async (job) => {
        attempts.push(job.attempts);
        return outcomes.shift()!;
      },
    });
    await settle('both tries', async () => attempts.length === 2 && (await due()) === 0);
    expect(attempts).toEqual([1, 2]);
    const { rows } = await pool.query('select last_reason from errands.errand where errand_id = $1', [one]);
    expect(rows[0].last_reason).toBe('never');
    await at.stop();
  });

  it('keeps work that was asked for again while the row was in hand', async () => {
    const at = pod();
    const [one] = await ask(at, red, 1);
    let times = 0;
    at.worker({
      work: async () => {
        times++;
        if (times === 1)
          await at.database.write({ tenants: [red] }, (tx) =>
            tx.$executeRawUnsafe(`update errand set due_at = clock_timestamp() where errand_id = $1::uuid`, one),
          );
        return workDone;
      },
    });
    await settle('the second time', async () => times === 2 && (await due()) === 0);
    await at.stop();
  });

  it('takes over a row whose holder is gone once its lease has ended, and the late outcome of the first changes nothing', async () => {
    const [slow, quick] = [pod(), pod()];
    const [one] = await ask(slow, red, 1);
    let release!: (outcome: WorkOutcome) => void;
    const held = new Promise<WorkOutcome>((resolve) => (release = resolve));
    let started = false;
    slow.worker({ leaseMs: 200, work: () => ((started = true), held) });
    await settle('the first claim', async () => started);
    let taken = 0;
    quick.worker({
      pollMs: 50,
      work: async () => {
        taken++;
        return again(new Date(Date.now() + 3_600_000), 'mine now');
      },
    });
    await settle('the second claim', async () => taken === 1);
    release(workDone);
    await slow.stop();
    const { rows } = await pool.query('select last_reason, due_at from errands.errand where errand_id = $1', [one]);
    expect(rows[0]).toMatchObject({ last_reason: 'mine now' });
    expect(rows[0].due_at).not.toBeNull();
    await quick.stop();
  });

  it('holds a row for as long as it is at work, on a lease much shorter than the work', async () => {
    const [slow, quick] = [pod(), pod()];
    const [one] = await ask(slow, red, 1);
    const lease = async () => (await pool.query('select lease_until, due_at from errands.errand where errand_id = $1', [one])).rows[0];
    let release!: (outcome: WorkOutcome) => void;
    const held = new Promise<WorkOutcome>((resolve) => (release = resolve));
    let lost: AbortSignal | undefined;
    // A busy machine may stall for a moment, which is no reason to lose a lease.
    slow.worker({ renewedLeaseMs: 1_500, work: (_job, signal) => ((lost = signal), held) });
    await settle('the claim', async () => lost !== undefined);
    const first = (await lease()).lease_until as Date;
    let taken = 0;
    quick.worker({ pollMs: 20, work: async () => (taken++, workDone) });
    await settle('two leases on', async () => (await lease()).lease_until.getTime() > first.getTime() + 3_000);
    expect((await lease()).due_at).toEqual((await lease()).lease_until);
    expect({ taken, lost: lost!.aborted }).toEqual({ taken: 0, lost: false });
    release(workDone);
    await settle('the outcome', async () => (await due()) === 0);
    expect(taken).toBe(0);
    await Promise.all([slow.stop(), quick.stop()]);
  });

  it('frees the row of a process that fell silent within the short lease, and tells that process should it wake', async () => {
    const [silent, quick] = [pod(), pod()];
    await ask(silent, red, 1);
    let cut = false;
    let lost: AbortSignal | undefined;
    const single = silent.database.single.bind(silent.database);
    silent.database.single = (sql, ...values) => (cut ? Promise.reject(new Error('cut off')) : single(sql, ...values));
    silent.worker({
      renewedLeaseMs: 300,
      work: async (_job, signal) => {
        lost = signal;
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        return workDone;
      },
    });
    await settle('the claim', async () => lost !== undefined);
    cut = true;
    let taken = 0;
    quick.worker({ pollMs: 20, work: async () => (taken++, workDone) });
    await settle('the other to take it', async () => taken === 1 && (await due()) === 0, { timeoutMs: 5_000 });
    expect(lost!.aborted).toBe(true);
    await Promise.all([silent.stop(), quick.stop()]);
  });

  it('claims only what its filter lets it', async () => {
    const at = pod();
    await ask(at, red, 3, { partition: 1 });
    await ask(at, red, 3, { partition: 2 });
    let count = 0;
    at.worker({
      filter: { where: 'partition = any ($5::int[])', value: () => [2] },
      work: async () => {
        count++;
        return workDone;
      },
    });
    await settle('its own three', async () => count === 3 && (await due()) === 3);
    await at.stop();
  });

  it('on drain ends what is in hand and claims no more', async () => {
    const at = pod();
    await ask(at, red, 20);
    let [begun, ended] = [0, 0];
    const releases: (() => void)[] = [];
    const worker = at.worker({
      concurrency: 3,
      work: async () => {
        begun++;
        await new Promise<void>((resolve) => releases.push(resolve));
        ended++;
        return workDone;
      },
    });
    await settle('three in hand', async () => begun === 3);
    const stopping = worker.stop(AbortSignal.timeout(10_000));
    for (const release of releases) release();
    await stopping;
    expect([begun, ended]).toEqual([3, 3]);
    expect(await due()).toBe(17);
    await at.stop();
  });

  it('tells work of several steps that it is to begin no more', async () => {
    const at = pod();
    await ask(at, red, 1);
    let steps = 0;
    const worker = at.worker({
      work: async (_job, _signal, stopping) => {
        while (!stopping.aborted) await delay(((steps += 1), 5));
        return workDone;
      },
    });
    await settle('some steps', async () => steps > 2);
    expect(await worker.stop(AbortSignal.timeout(10_000))).toEqual([]);
    await at.stop();
  });

  it('names what is not over at the deadline, gives its row back, and waits for nothing that does not heed its signal', async () => {
    const at = pod();
    const [heeds, heedless] = await ask(at, red, 2);
    let begun = 0;
    const worker = at.worker({
      work: async ({ key }, signal) => {
        begun++;
        await new Promise((_, reject) => key === heeds && signal.addEventListener('abort', () => reject(new Error('ended'))));
        return workDone;
      },
    });
    await settle('both in hand', async () => begun === 2);
    const began = performance.now();
    expect(await worker.stop(AbortSignal.timeout(200))).toEqual(['work of errand', 'work of errand']);
    expect(performance.now() - began).toBeLessThan(5_000);
    const leases = await pool.query<{ id: string }>('select errand_id as id from errands.errand where lease_until > now()');
    expect(leases.rows.map(({ id }) => id)).toEqual([heedless]);
    await at.stop();
  });
});

describe('row-level security', () => {
  it('a request sees its own tenant, a batch its tenants, and nobody anything without a scope', async () => {
    const at = pod();
    await ask(at, red, 2);
    await ask(at, blue, 3);
    const count = (scope: Parameters<typeof at.database.read>[0]) =>
      at.database.read(scope, async (tx) =>
        Number((await tx.$queryRawUnsafe<{ count: string }[]>('select count(*) from errand'))[0]!.count),
      );
    expect(await count({ tenant: red })).toBe(2);
    expect(await count({ tenants: [red, blue] })).toBe(5);
    expect(await count({ tenants: [newId()] })).toBe(0);
    expect(await count('all_tenants')).toBe(5);
    await expect(
      at.database.write({ tenant: red }, (tx) =>
        tx.$executeRawUnsafe('insert into errand (tenant_id, errand_id) values ($1::uuid, $2::uuid)', blue, newId()),
      ),
    ).rejects.toThrow(/row-level security/);
    await expect(count({ tenant: '*' })).rejects.toThrow(/UUID/);
    await at.stop();
  });
});
