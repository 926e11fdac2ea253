// What lies on the disks of PostgreSQL and the store, for tests of forgetting.
import { randomBytes } from 'node:crypto';
import type { Postgres } from '@rejoinder/testing/postgres';
import type { Engagement, Rest } from '@rejoinder/testing/rest';
import { foundIn, type Probes } from './probes.js';

export const dayMs = 86_400_000;

/** Written WAL is removed, not kept under another name until it is overwritten. */
export const forgetfulPostgres = { wal_recycle: 'off', min_wal_size: '32MB', max_wal_size: '64MB' };

/** A word that stands nowhere else. */
export const planted = (what: string) => `${what}${randomBytes(12).toString('hex')}`;

export const prefixed = (prefix: string, probes: Probes): Probes =>
  Object.fromEntries(Object.entries(probes).map(([name, bytes]) => [`${prefix} ${name}`, bytes]));

/** Everything is on disk, and of the WAL nothing but what is written now. */
async function flush(postgres: Postgres): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await postgres.query('checkpoint');
    await postgres.query('select pg_switch_wal()');
  }
  await postgres.query('checkpoint');
}

/** Those of the probes that lie in a file of PostgreSQL or of the store, each with the file. */
export async function onDisk(postgres: Postgres, store: string, probes: Probes): Promise<Record<string, string>> {
  await flush(postgres);
  return { ...(await foundIn(postgres.dataDir, probes)), ...(await foundIn(store, probes)) };
}

/** Some bytes of each sealed value of a table, past what all values of one key have in common. */
export async function sealedOf(query: (sql: string) => Promise<{ sealed: Buffer }[]>, table: string): Promise<Probes> {
  const rows = await query(`select sealed from ${table}`);
  return Object.fromEntries(rows.map(({ sealed }, at) => [`${table} ${at}`, sealed.subarray(-40, -8)]));
}

export const isWhole = ({ text_state, attachments }: Engagement, files: number) =>
  text_state === 'ready' && attachments.length === files && attachments.every(({ state }) => state === 'stored');

/** The stores that do not hold by the proof, each with its reason. */
export async function failingStores(rest: Rest): Promise<string[]> {
  const proof = await rest.proof();
  const failing = proof.verdicts.filter(({ holds }) => !holds);
  if (proof.holds !== (failing.length === 0)) throw new Error('the proof is not what its verdicts say');
  return failing.map(({ store, reason }) => `${store}: ${reason}`);
}
