// `rejoinder migrate`: brings the databases of services, keyring and local log up to date.
import { busLogMigrations, keyringMigrations, migrate, serviceMigrations } from '@rejoinder/runtime/migrate';
import { readSettings, secretSetting, type Environment } from '@rejoinder/runtime/config';
import { requireDatabase } from '@rejoinder/runtime/reachable';
import { services } from '@rejoinder/runtime/services';
import { loadRoles } from './roles.js';

const settings = {
  databaseUrl: secretSetting('REJOINDER_DATABASE_URL', 'PostgreSQL for the services, as a login that may create schemas and roles'),
  keyringUrl: secretSetting('REJOINDER_KEYRING_URL', 'PostgreSQL database of the keyring, as a login that may create schemas and roles'),
};

/** Answers the names of the migrations that were applied; none if all were there. */
export async function migrateAll(env: Environment): Promise<string[]> {
  const { databaseUrl, keyringUrl } = readSettings(settings, env);
  await requireDatabase('REJOINDER_DATABASE_URL', databaseUrl.reveal());
  await requireDatabase('REJOINDER_KEYRING_URL', keyringUrl.reveal());
  const roles = await loadRoles(services);
  const all = [busLogMigrations(), ...roles.map((role) => serviceMigrations(role.name, role.migrations))];
  return [...(await migrate(databaseUrl.reveal(), all)), ...(await migrate(keyringUrl.reveal(), [keyringMigrations()]))];
}
