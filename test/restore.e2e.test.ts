// The servers of the databases are lost, and come back as they were some mails ago, by the commands of docs/operations.md: nothing is lost that a mailbox has, nothing is there twice.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { services } from '@rejoinder/runtime/services';
import { people, startTown, type Town } from '@rejoinder/testing/crm-town';
import { rejoinder, startEightProcesses, type EightProcesses } from '@rejoinder/testing/eight-processes';
import { startPostgres } from '@rejoinder/testing/postgres';
import { postgresTools } from '@rejoinder/testing/postgres-tools';
import { run } from '@rejoinder/testing/processes';
import type { Engagement } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { FaultJob } from './fault-job.js';
import { connectSales } from './main-job.js';

const folder = mkdtempSync(join(tmpdir(), 'rejoinder-backup-'));
const testMs = 240_000;
let town: Town;
let eight: EightProcesses;
let tools: string;
let database: pg.Client;
let job: FaultJob;

beforeAll(async () => {
  tools = await postgresTools();
  town = await startTown();
  eight = await startEightProcesses(town.env, {}, undefined, await startPostgres({ native: tools }));
  database = new pg.Client({ connectionString: eight.databaseUrl });
  database.on('error', () => {});
  await database.connect();
  job = new FaultJob(eight.rest, town, database, await connectSales({ rest: eight.rest, town }));
}, 300_000);

afterAll(async () => {
  await database?.end();
  await eight?.stop();
  await town?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

const postgres = (program: string, ...args: string[]) => run(program, join(tools, 'bin', program), args);
const file = (name: string) => join(folder, name);
const server = () => new URL(eight.postgres.url);
const urlOf = (name: string) => Object.assign(server(), { pathname: `/${name}` }).href;

/** As docs/operations.md says: the keyring last, so that it has every key by which something in the other is sealed. */
async function backUp(): Promise<void> {
  await postgres('pg_dumpall', '--globals-only', '--dbname', server().href, '--file', file('roles.sql'));
  await postgres('pg_dump', '--format=custom', '--dbname', urlOf('rejoinder'), '--file', file('rejoinder.dump'));
  await postgres('pg_dump', '--format=custom', '--dbname', urlOf('keyring'), '--file', file('keyring.dump'));
}

/** Everything of both databases is lost first. */
async function restore(): Promise<void> {
  for (const name of ['rejoinder', 'keyring']) await eight.postgres.query(`drop database ${name} with (force)`);
  for (const { rolname } of await eight.postgres.query<{ rolname: string }>(`select rolname from pg_roles where rolname like 'rejoinder%'`))
    await eight.postgres.query(`drop role ${pg.escapeIdentifier(rolname)}`);
  // The superuser is there already, and psql goes on after it was told so.
  await postgres('psql', '--quiet', '--dbname', server().href, '--file', file('roles.sql'));
  for (const name of ['rejoinder', 'keyring']) {
    await eight.postgres.query(`create database ${name}`);
    await postgres('pg_restore', '--exit-on-error', '--dbname', urlOf(name), file(`${name}.dump`));
  }
}

const timeline = async (): Promise<Engagement[]> => {
  const [contact] = (await eight.rest.contacts()).filter(({ address }) => address === people.contact);
  return eight.rest.timeline(contact!.contact_id);
};

it(
  'what was there before the backup and what came after it stand on the timeline, once',
  async () => {
    const before = job.begin('Before the backup');
    await job.play(before);
    // What waits for timeline while the backup is made, it has handled when all is lost: Kafka knows that, and the backup does not.
    await eight.kill('timeline');
    const asked = job.begin('Answered after it');
    await job.sendOut(asked);
    const shortlyBefore = `${new Date(Date.now() - 60_000).toISOString().slice(0, 16)}Z`;
    await backUp();
    await eight.start('timeline');
    await job.answer(asked);
    await job.complete(asked);
    const after = job.begin('After the backup');
    await job.play(after);
    await job.settled(after);

    await database.end();
    await eight.stopAll();
    await restore();
    database = new pg.Client({ connectionString: eight.databaseUrl });
    await database.connect();
    await rejoinder(eight.env, 'migrate');
    for (const service of services) await rejoinder(eight.env, 'republish', service, '--since', shortlyBefore);
    await Promise.all(services.map((service) => eight.start(service)));

    await job.complete(before);
    await job.complete(asked);
    const answer = await job.onTimeline('Re: After the backup', ({ text_state }) => text_state === 'ready');
    expect(answer.text).toContain(after.reply.text);
    await settle('the inbox to be live', async () => (await eight.rest.inboxes())[0]?.receiving === 'connected');
    const subjects = (await timeline()).map(({ direction, subject }) => `${direction} ${subject}`).toSorted();
    // What went out after it was sent by nobody, as far as the databases know; its answer is found by the signed copy in Sent.
    expect(subjects).toEqual([
      'in Re: After the backup',
      'in Re: Answered after it',
      'in Re: Before the backup',
      'out Answered after it',
      'out Before the backup',
    ]);
    expect(town.dovecot.accepted).toHaveLength(3);
  },
  testMs,
);
