// Applies plain SQL migrations in Prisma's folder layout, once each, safe when two releases do it at the same time.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { Fault } from '@rejoinder/base/fault';

/** A schema and the folders of migrations that make it, in order. */
export interface SchemaMigrations {
  schema: string;
  folders: string[];
}

/** The folder of migrations beside a package's own module, such as new URL('../prisma/migrations', import.meta.url). */
export function migrationsFolder(url: URL): string {
  return fileURLToPath(url);
}

/** What every service's schema begins with (fences, outbox, dead letters), then its own tables. */
export function serviceMigrations(service: string, own: URL): SchemaMigrations {
  return { schema: service, folders: [busMigrations('service'), migrationsFolder(own)] };
}

/** The tables of the local event log. */
export function busLogMigrations(): SchemaMigrations {
  return { schema: 'bus', folders: [busMigrations('bus')] };
}

/** The keyring, in a database of its own. */
export function keyringMigrations(): SchemaMigrations {
  return { schema: 'keyring', folders: [fileURLToPath(new URL('../../vault/migrations', import.meta.url))] };
}

function busMigrations(kind: 'service' | 'bus'): string {
  return fileURLToPath(new URL(`../../bus/migrations/${kind}`, import.meta.url));
}

const roles = (schema: string) => ['owner', 'request', 'worker'].map((kind) => `rejoinder_${schema}_${kind}`);

/** Roles belong to the whole cluster: another database, or another release, may make them at the same moment. */
const makeRole = (role: string) => `do $$ begin create role ${role} nologin;
exception when duplicate_object or unique_violation then null; end $$`;

const oldestPostgres = 16;

/**
 * Brings schemas up to date, each in one transaction under a lock of its own. The login must be allowed to create schemas and roles.
 * A migration that was applied and has changed since is refused. Answers the names of what was applied.
 */
export async function migrate(adminUrl: string, all: SchemaMigrations[]): Promise<string[]> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  // The query in hand tells of a break; the event would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await refuseOld(client);
    const applied: string[] = [];
    for (const one of all) applied.push(...(await migrateSchema(client, one)));
    return applied;
  } finally {
    await client.end();
  }
}

/**
 * Refuses where one of these migrations has not been applied: code that meets an older schema would fail at its first statement instead. Busy, since
 * `migrate` may be on its way. The login must be a member of the schema's owner, as it is to keep partitions.
 */
export async function requireMigrated(pool: pg.Pool, { schema, folders }: SchemaMigrations): Promise<void> {
  const wanted = (await Promise.all(folders.map(namesIn))).flat();
  const client = await pool.connect();
  try {
    await client.query(`begin read only; set local role ${roles(schema)[0]}`);
    const { rows } = await client.query<{ name: string }>(
      `select w.name from unnest($1::text[]) as w(name) where not exists (select 1 from ${schema}.migration m where m.name = w.name)`,
      [wanted],
    );
    const missing = rows.map(({ name }) => name).join(', ');
    if (missing)
      throw new Fault('busy', 'NOT_MIGRATED', `The schema ${schema} is older than this release (${missing}): run rejoinder migrate first.`);
  } finally {
    await client.query('rollback').then(
      () => client.release(),
      (error: Error) => client.release(error),
    );
  }
}

/** Before anything is written. Whether a role may be entered (`pg_has_role` with `set`) is asked in the form of 16. */
async function refuseOld(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: string }>('show server_version');
  const version = rows[0]!.version;
  if (Number.parseInt(version, 10) < oldestPostgres)
    throw new Fault('invalid', 'POSTGRES_OLD', `PostgreSQL ${version} is too old: ${oldestPostgres} or newer is needed.`);
}

async function migrateSchema(client: pg.Client, { schema, folders }: SchemaMigrations): Promise<string[]> {
  if (!/^[a-z]+$/.test(schema)) throw new Fault('invalid', 'SCHEMA_NAME', `${schema} is no name of a schema`);
  for (const role of roles(schema)) await client.query(makeRole(role));
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock(hashtext($1))', [`rejoinder migrate ${schema}`]);
    await prepareSchema(client, schema);
    const applied: string[] = [];
    for (const folder of folders) applied.push(...(await applyFolder(client, folder)));
    await client.query('commit');
    return applied.map((name) => `${schema}/${name}`);
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function prepareSchema(client: pg.Client, schema: string): Promise<void> {
  const [owner, request, worker] = roles(schema);
  await client.query(`grant ${owner}, ${request}, ${worker} to current_user`);
  await client.query(`create schema if not exists ${schema} authorization ${owner}`);
  await client.query(`grant usage on schema ${schema} to ${request}, ${worker}`);
  await client.query(`set local role ${owner}`);
  await client.query(`set local search_path = ${schema}`);
  await client.query(
    'create table if not exists migration (name text primary key, sha256 text not null, applied_at timestamptz not null default now())',
  );
}

/** In order. */
async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

async function applyFolder(client: pg.Client, folder: string): Promise<string[]> {
  const applied: string[] = [];
  for (const name of await namesIn(folder)) {
    const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
    const sha256 = createHash('sha256').update(sql).digest('hex');
    const before = await client.query<{ sha256: string }>('select sha256 from migration where name = $1', [name]);
    if (before.rows[0]?.sha256 === sha256) continue;
    if (before.rows[0])
      throw new Fault('conflict', 'MIGRATION_CHANGED', `Migration ${name} was applied and has changed since: add a new one instead.`);
    await client.query(sql);
    await client.query('insert into migration (name, sha256) values ($1, $2)', [name, sha256]);
    applied.push(name);
  }
  return applied;
}
