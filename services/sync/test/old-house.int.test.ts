// In a house that keeps 60 days, an inbox that is new has all its mail in today's: older days are not looked into for it, and nothing is planned anew.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from '@rejoinder/runtime/database';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { growOld } from '@rejoinder/testing/old-house';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { startTown, testDovecot } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

test('new mail of a new inbox is looked for in no day before it', async () => {
  await using town = await startTown({ dovecot, postgres });
  const { house, address } = town;
  expect(await growOld(house.env.REJOINDER_DATABASE_URL!)).toBeGreaterThan(100);
  await house.reopen();
  await town.startInbox();
  await town.live();
  const looks = async (table: string) => {
    await house.query('select pg_stat_force_next_flush()');
    const rows = await house.query<{ day: string; looks: string }>(
      `select right(relname, 8) as day, idx_scan + seq_scan as looks from pg_stat_user_tables where schemaname = 'sync' and relname ~ $1 order by 1`,
      [`^${table}_[0-9]{8}$`],
    );
    return new Map(rows.map((row) => [row.day, Number(row.looks)]));
  };
  const dayOf = (date: Date) => date.toISOString().slice(0, 10).replaceAll('-', '');
  const [today, yesterday] = [dayOf(new Date()), dayOf(new Date(Date.now() - 86_400_000))];
  const [how] = await house.roles[0]!.app.get(Database).read('all_tenants', (tx) =>
    tx.$queryRawUnsafe<object[]>(`select current_setting('plan_cache_mode') as plans, current_setting('enable_seqscan') as scans`),
  );
  expect(how).toEqual({ plans: 'force_generic_plan', scans: 'off' });
  await house.query('select pg_stat_reset()');
  await dovecot.deliver(address, await buildMail({ from: 'bob@outside.test', to: address }));
  await settle('the mail', async () => (await town.observed()).length === 1);
  await settle('the statistics', async () => (await looks('mail_header')).get(today)! > 0, { timeoutMs: 20_000 });
  const headers = [...(await looks('mail_header'))].filter(([day]) => day < yesterday);
  expect(headers.length).toBeGreaterThan(50);
  expect(headers.filter(([, count]) => count > 0)).toEqual([]);
  // Nor do audits look for places there.
  expect([...(await looks('location'))].filter(([day, count]) => day < yesterday && count > 0)).toEqual([]);
});
