// A house for tests: real PostgreSQL, the local event log and whichever roles are asked for, in this process.
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import { delay } from '@rejoinder/base/wait';
import type { Clock } from '@rejoinder/base/clock';
import type { OutboundEvent } from '@rejoinder/bus/event';
import type { TopicName } from '@rejoinder/contracts/topics';
import { openHouse, type House } from '@rejoinder/runtime/house';
import { createLogger } from '@rejoinder/runtime/logging';
import { busLogMigrations, migrate, serviceMigrations } from '@rejoinder/runtime/migrate';
import { keyringMigrations } from '@rejoinder/runtime/migrate';
import { Peers } from '@rejoinder/runtime/peers';
import { openRole, type Role, type RunningRole } from '@rejoinder/runtime/role';
import { fileKey } from '@rejoinder/vault/kek';
import { startPostgres, type Postgres } from './postgres.js';

export interface TestHouse extends AsyncDisposable {
  readonly house: House;
  readonly postgres: Postgres;
  /** A tenant of its own. */
  readonly tenantId: string;
  /** gRPC clients of the roles that run. */
  readonly peers: Peers;
  readonly roles: RunningRole[];
  readonly env: Record<string, string>;
  /** Puts an event on the log, as another service's relay would. */
  publish<S extends DescMessage>(
    topic: TopicName,
    schema: S,
    key: string,
    message: MessageInitShape<S>,
    sequence?: bigint,
    tenantId?: string,
  ): Promise<void>;
  /** Every event of this type on the log so far, oldest first within each partition; what its writer has written by now is waited for. */
  published<S extends DescMessage>(topic: TopicName, schema: S): Promise<MessageShape<S>[]>;
  /** As the database's owner, for looking into tables. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Stops all roles and starts them again on the same databases and keys, with other settings where these differ. */
  reopen(env?: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
}

export interface TestHouseOptions {
  roles: Role[];
  /** More settings for the roles. */
  env?: Record<string, string>;
  clock?: Clock;
  /** Shared with other test houses; else one is started. */
  postgres?: Postgres;
  logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

export async function startTestHouse(options: TestHouseOptions): Promise<TestHouse> {
  const { roles, postgres: given } = options;
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-house-'));
  const postgres = given ?? (await startPostgres());
  let env = { ...(await makeData(roles, postgres, folder)), ...options.env };
  let open = await openRoles(options, env, folder);
  const tenantId = newId();
  const stop = async () => {
    await open.close();
    if (!given) await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    ...{ postgres, tenantId, stop, [Symbol.asyncDispose]: stop, ...looks(() => open.house, tenantId) },
    get house() {
      return open.house;
    },
    get peers() {
      return open.peers;
    },
    get roles() {
      return open.roles;
    },
    get env() {
      return env;
    },
    reopen: async (changed = {}) => {
      await open.close();
      env = { ...env, ...changed };
      open = await openRoles(options, env, folder);
    },
  };
}

interface Migrated {
  data: string;
  keyring: string;
}

/** Of each server, by its roles: databases as migrations leave them, of which every house gets a copy. */
const migratedDatabases = new WeakMap<Postgres, Map<string, Promise<Migrated>>>();

function migratedOf(postgres: Postgres, roles: Role[]): Promise<Migrated> {
  const known = migratedDatabases.get(postgres) ?? new Map<string, Promise<Migrated>>();
  migratedDatabases.set(postgres, known);
  const key = roles.map((role) => role.name).join();
  const made = known.get(key) ?? makeMigrated(postgres, roles, `migrated_${known.size}`);
  known.set(key, made);
  return made;
}

async function makeMigrated(postgres: Postgres, roles: Role[], data: string): Promise<Migrated> {
  const keyring = `${data}_keyring`;
  const all = [busLogMigrations(), ...roles.map((role) => serviceMigrations(role.name, role.migrations))];
  await migrate(await postgres.createDatabase(data), all);
  await migrate(await postgres.createDatabase(keyring), [keyringMigrations()]);
  return { data, keyring };
}

/** Databases and a key file that are ready for these roles; answers the settings that name them. */
async function makeData(roles: Role[], postgres: Postgres, folder: string): Promise<Record<string, string>> {
  const name = `t${randomBytes(4).toString('hex')}`;
  const migrated = await migratedOf(postgres, roles);
  const databaseUrl = await postgres.createDatabase(name, migrated.data);
  const keyringUrl = await postgres.createDatabase(`${name}_keyring`, migrated.keyring);
  const keyFile = join(folder, 'key');
  await fileKey(keyFile, { createIfMissing: true });
  return {
    REJOINDER_DATABASE_URL: databaseUrl,
    REJOINDER_KEYRING_URL: keyringUrl,
    REJOINDER_KEY_FILE: keyFile,
    REJOINDER_BUS: 'local',
    REJOINDER_DATABASE_CONNECTIONS: '16',
  };
}

async function openRoles({ roles, clock, logLevel = 'error' }: TestHouseOptions, env: Record<string, string>, socketFolder: string) {
  const house = await openHouse(env, { clock, socketFolder, logger: createLogger(logLevel) });
  await house.eventLog.ensureTopics();
  const running: RunningRole[] = [];
  for (const role of roles) running.push(await openRole(role, house, env));
  for (const role of running) await role.begin();
  const peers = new Peers((service) => house.peerAddress(service));
  const close = async () => {
    peers.close();
    await Promise.all(running.map((role) => role.stop()));
    await house.close();
  };
  return { house, roles: running, peers, close };
}

function looks(house: () => House, tenantId: string): Pick<TestHouse, 'publish' | 'published' | 'query'> {
  return {
    publish: (topic, schema, key, message, sequence = 0n, tenant = tenantId) => {
      const value = toBinary(schema, create(schema, message));
      const event: OutboundEvent = {
        topic,
        key,
        type: schema.name,
        id: newId(),
        tenantId: tenant,
        source: '/test',
        time: house().clock.now(),
        sequence,
        historical: false,
        value,
      };
      return house().eventLog.publish([event]);
    },
    published: async (topic, schema) => {
      await placed(house().pool, topic, schema.name);
      const sql = `select value from bus.log where topic = $1 and headers->>'ce_type' = $2 order by partition, "offset"`;
      const { rows } = await house().pool.query<{ value: Buffer }>(sql, [topic, schema.name]);
      return rows.map((row) => fromBinary(schema, row.value));
    },
    query: async <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => (await house().pool.query<Row>(sql, values)).rows,
  };
}

/** A relay is given this long; one that is stopped on purpose places nothing. */
const placedWithinMs = 2_000;
const placedEveryMs = 5;

/** What stands in the outbox of a topic's writer is on the log a moment later. */
async function placed(pool: pg.Pool, topic: TopicName, type: string): Promise<void> {
  const outbox = `${topic.split('.')[1]!}.outbox`;
  const { rows } = await pool.query<{ there: boolean }>('select to_regclass($1) is not null as there', [outbox]);
  const sql = `select 1 from ${outbox} where placed_at is null and topic = $1 and type = $2 limit 1`;
  const until = Date.now() + placedWithinMs;
  while (rows[0]!.there && (await pool.query(sql, [topic, type])).rows.length > 0 && Date.now() < until) await delay(placedEveryMs);
}
