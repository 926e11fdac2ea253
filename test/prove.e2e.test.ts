// `rejoinder retention prove` as an operator runs it: a table, JSON, and an exit code that means something. Needs a build.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '@rejoinder/testing/ports';
import { ready, startProgram, type Program } from '@rejoinder/testing/processes';
import { bin, rejoinder } from './command.js';

const limitMs = 60_000;
const data = mkdtempSync(join(tmpdir(), 'rejoinder-prove-'));
// As root, the embedded PostgreSQL runs as another user, who has to pass this folder.
chmodSync(data, 0o711);
let program: Program;

beforeAll(async () => {
  const port = await freePort();
  program = startProgram({
    name: 'rejoinder all',
    command: process.execPath,
    args: [bin, 'all', '--data', data, '--port', String(port)],
  });
  await ready(program, async () => {
    if (!(await fetch(`http://127.0.0.1:${port}/health/ready`)).ok) throw new Error('not ready');
  });
}, 120_000);

afterAll(async () => {
  await program?.stop('SIGTERM', limitMs);
  rmSync(data, { recursive: true, force: true });
}, 120_000);

const prove = (...more: string[]) => rejoinder(['retention', 'prove', '--data', data, ...more]);

const owners = ['connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'gateway'];

it('exits with 0 where every store holds, with a line for each of them, or as JSON alone', async () => {
  const table = await prove();
  expect([table.code, table.err]).toEqual([0, '']);
  expect(table.out).toMatch(/^holds sending\.raw_mail +empty +of 7\.0 days by REJOINDER_BODY_DAYS/m);
  expect(table.out).toContain('Every store holds.');
  const { code, out } = await prove('--json');
  const proof = JSON.parse(out) as { holds: boolean; verdicts: { owner: string; holds: boolean }[] };
  expect([code, proof.holds, proof.verdicts.every(({ holds }) => holds)]).toEqual([0, true, true]);
  expect([...new Set(proof.verdicts.map(({ owner }) => owner))]).toEqual(expect.arrayContaining(owners));
}, 120_000);

it('exits with 2 where a day was not dropped, and says which', async () => {
  const port = /127\.0\.0\.1:(\d+), embedded/.exec(program.output())![1]!;
  const password = readFileSync(join(data, 'postgres', 'password'), 'utf8').trim();
  const client = new pg.Client({ connectionString: `postgres://rejoinder:${password}@127.0.0.1:${port}/rejoinder` });
  await client.connect();
  await client.query(`create table sync.raw_body_20200101 partition of sync.raw_body for values from ('2020-01-01') to ('2020-01-02')`);
  await client.query(
    `insert into sync.raw_body (tenant_id, mail_id, captured_at, captured_day, sealed) values (gen_random_uuid(), gen_random_uuid(), '2020-01-01', '2020-01-01', '')`,
  );
  const { code, out } = await prove();
  await client.query('drop table sync.raw_body_20200101');
  await client.end();
  expect(code).toBe(2);
  expect(out).toMatch(/^FAILS .*raw_body/m);
  expect(out).toContain('Not every store holds');
}, 120_000);

it('the commands of an operator reach it by its folder', async () => {
  const { code, out, err } = await rejoinder(['dead-letters', '--data', data]);
  expect([code, out, err]).toEqual([0, 'No dead letter waits.\n', '']);
  const replayed = await rejoinder(['dead-letters', 'replay', 'gateway', '--data', data]);
  expect([replayed.code, replayed.out, replayed.err]).toEqual([0, 'No dead letter of gateway waits.\n', '']);
  expect(statSync(join(data, 'running.json')).mode & 0o077).toBe(0);
}, 120_000);

it('a second house on the same folder is refused in a sentence, and the first goes on', async () => {
  const { code, err } = await rejoinder(['all', '--data', data, '--port', String(await freePort())]);
  expect([code, err.trim().split('\n').length]).toEqual([1, 1]);
  expect(err).toMatch(/^Rejoinder already runs on .*prove/);
  expect((await prove()).code).toBe(0);
}, 120_000);

it('a Ctrl-C that arrives twice at once stops in order', async () => {
  program.signal('SIGINT');
  program.signal('SIGINT');
  await program.exited;
  expect(program.output()).toContain('Stopped. Your data stays where it is.');
}, 120_000);

it('says in a sentence that nothing runs there', async () => {
  const { code, out, err } = await prove();
  expect([code, out, err.trim().split('\n').length]).toEqual([1, '', 1]);
  expect(err).toMatch(/^No Rejoinder runs on .* REJOINDER_RETENTION_GRPC/);
}, 120_000);

it('says in a sentence that what a house left there cannot be read, to a command and to the next house', async () => {
  writeFileSync(join(data, 'running.json'), '{"pid":');
  for (const args of [['retention', 'prove'], ['dead-letters'], ['all', '--port', String(await freePort())]]) {
    const { code, err } = await rejoinder([...args, '--data', data]);
    expect([args[0], code, err.trim().split('\n').length]).toEqual([args[0], 1, 1]);
    expect(err).toMatch(/running\.json cannot be read\. If no Rejoinder runs on .*, delete it/);
  }
}, 120_000);

it('says in a sentence that the key is gone without which nothing there opens, and makes no other', async () => {
  rmSync(join(data, 'running.json'));
  rmSync(join(data, 'keys', 'master.key'));
  const { code, err } = await rejoinder(['all', '--port', String(await freePort()), '--data', data]);
  expect([code, err.trim().split('\n').length]).toEqual([1, 1]);
  expect(err).toMatch(/^The key file .*master\.key is gone.* Put it back/);
  expect(existsSync(join(data, 'keys', 'master.key'))).toBe(false);
}, 120_000);
