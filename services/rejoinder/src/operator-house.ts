// The house as an operator's command sees it: the settings of a role, its databases and its event log, and nothing that listens.
import { pino } from 'pino';
import type { Transactions } from '@rejoinder/bus/sql';
import type { Environment } from '@rejoinder/runtime/config';
import { openSingles } from '@rejoinder/runtime/database';
import { openHouse, type House } from '@rejoinder/runtime/house';
import { createLogger } from '@rejoinder/runtime/logging';
import type { ServiceName } from '@rejoinder/runtime/services';
import { settingsHere } from './running-here.js';

/** A service's rows, of all tenants, statement by statement. */
export type Rows = Pick<Transactions, 'single'>;

const standardError = 2;

/** Opens it, works, and closes it; errors are logged to standard error, as standard output is the answer's. */
export async function withHouse<T>(
  env: Environment,
  data: string | undefined,
  work: (house: House, settings: Environment) => Promise<T>,
): Promise<T> {
  const settings = settingsHere(env, 'REJOINDER_DATABASE_URL', data);
  const house = await openHouse(settings, { logger: createLogger('error', pino.destination(standardError)) });
  try {
    return await work(house, settings);
  } finally {
    await house.close();
  }
}

export async function withRows<T>(house: House, service: ServiceName, work: (rows: Rows) => Promise<T>): Promise<T> {
  const pool = openSingles(house.settings.databaseUrl.reveal(), service, house.logger);
  try {
    return await work({ single: async <Row>(sql: string, ...values: unknown[]) => (await pool.query(sql, values)).rows as Row[] });
  } finally {
    await pool.end();
  }
}
