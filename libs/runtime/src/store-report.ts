// What any service answers to StoreService.ListOldest: the oldest item of each of its stores, and the setting that bounds it.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type pg from 'pg';
import type { ListOldestResponseSchema, StoreSchema } from '@rejoinder/contracts/store';
import type { OldestKey } from '@rejoinder/vault/keyring-store';
import { classOf } from './day-keys.js';
import type { HouseSettings } from './house-settings.js';
import { daysOf, keptTables, type KeptTable } from './kept-tables.js';

/** What the service itself knows of a store: what the register cannot tell, or stores outside its tables. */
export interface OwnStore {
  /** A table of the register, or another name within the service, such as objects. */
  name: string;
  /** By default what the register says. */
  retentionClass?: string;
  oldest?: Date;
  /** Name of the setting that bounds it, with the limit; absent where nothing but deletion does. */
  bound?: StoreBound;
  /** How many items wait to be deleted, and since when. */
  toForget?: number;
  toForgetSince?: Date;
}

export interface StoreBound {
  setting: string;
  limitDays: number;
}

export type StoreReport = MessageInitShape<typeof ListOldestResponseSchema>;
type StoreLine = MessageInitShape<typeof StoreSchema>;

const daySeconds = 86_400;
const readTimeoutMs = 4_000;
const missingTable = '42P01';

/** The bound of each class that has one. */
export function boundOf(
  retentionClass: string,
  settings: Pick<HouseSettings, 'bodyDays' | 'metadataDays' | 'wireDays'>,
): StoreBound | undefined {
  const bounds: Record<string, StoreBound> = {
    R1: { setting: 'REJOINDER_BODY_DAYS', limitDays: settings.bodyDays },
    R2: { setting: 'REJOINDER_METADATA_DAYS', limitDays: settings.metadataDays },
    wire: { setting: 'REJOINDER_WIRE_DAYS', limitDays: settings.wireDays },
  };
  return bounds[retentionClass];
}

/** A service's own parts, all of them injected: Database, Vault, HOUSE_SETTINGS. */
export interface ReportFrom {
  database: { service: string; pool: pg.Pool };
  vault: { oldest(): Promise<OldestKey[]> };
  settings: Pick<HouseSettings, 'bodyDays' | 'metadataDays' | 'wireDays'>;
}

/**
 * One line for each table of the register that is no mere state, for the day keys of each purpose, and for each store the service hands
 * in. Daily tables are read partition by partition from the oldest, so that what a drop left behind is seen as well; partitions have no
 * row-level security of their own.
 */
export async function reportStores({ database, vault, settings }: ReportFrom, own: OwnStore[] = []): Promise<StoreReport> {
  const { service, pool } = database;
  const lines: StoreLine[] = [];
  const tables = await keptTables(pool, service);
  for (const table of tables) {
    const known = own.find(({ name }) => name === table.tableName);
    if (table.retentionClass === 'state' && !known) continue;
    const oldest = table.dayColumn ? await oldestOf(pool, service, table) : known?.oldest;
    const bound = known?.bound ?? (table.dayColumn ? boundOf(table.retentionClass, settings) : undefined);
    lines.push(storeLine(service, { retentionClass: table.retentionClass, ...known, name: table.tableName, oldest, bound }));
  }
  const others = own.filter(({ name }) => !tables.some(({ tableName }) => tableName === name));
  const keys = dayKeyStores(await vault.oldest(), settings);
  return { stores: [...lines, ...others.map((other) => storeLine(service, other)), ...keys.map((key) => storeLine('keyring', key))] };
}

function dayKeyStores(oldest: OldestKey[], settings: ReportFrom['settings']): OwnStore[] {
  const byDay = oldest.filter(({ day }) => day !== undefined);
  return byDay.map(({ purpose, day }) => {
    const retentionClass = classOf(purpose);
    return { name: purpose, retentionClass, oldest: new Date(`${day}T00:00:00Z`), bound: boundOf(retentionClass, settings) };
  });
}

/** One store as it is told, under the name of its owner. */
export function storeLine(service: string, { name, retentionClass, oldest, bound, toForget, toForgetSince }: OwnStore): StoreLine {
  return {
    name: `${service}.${name}`,
    retentionClass,
    oldest: oldest && timestampFromDate(oldest),
    setting: bound?.setting ?? '',
    limitSeconds: BigInt((bound?.limitDays ?? 0) * daySeconds),
    toForget: BigInt(toForget ?? 0),
    toForgetSince: toForgetSince && timestampFromDate(toForgetSince),
  };
}

/** The oldest row of a daily table, attached or left over. */
export async function oldestOf(pool: pg.Pool, schema: string, { tableName, dayColumn }: KeptTable): Promise<Date | undefined> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(`set statement_timeout = ${readTimeoutMs}`);
    let oldest: Date | undefined;
    for (const { name, day } of await daysOf(client, schema, tableName)) {
      if (day && oldest) break;
      const found = await oldestIn(client, `${schema}.${name}`, dayColumn!);
      if (found && (!oldest || found < oldest)) oldest = found;
    }
    return oldest;
  } finally {
    await client.query('reset statement_timeout').catch((error: Error) => (broken = error));
    client.release(broken);
  }
}

async function oldestIn(client: pg.PoolClient, partition: string, column: string): Promise<Date | undefined> {
  try {
    const { rows } = await client.query<{ oldest: Date | null }>(`select min(${column}) as oldest from ${partition}`);
    return rows[0]?.oldest ?? undefined;
  } catch (error) {
    // Dropped since it was listed.
    if ((error as { code?: string }).code === missingTable) return undefined;
    throw error;
  }
}
