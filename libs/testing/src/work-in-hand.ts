// What a service has begun and not ended, as its tables tell: whoever kills it then kills it at work.
import type pg from 'pg';
import type { ServiceName } from '@rejoinder/runtime/services';

/** The lease of a session is held as long as its inbox is connected, so it tells nothing; `work` is the template of the others. */
const untelling = ['session', 'work'];

const leasedTables = `
select table_name as name from information_schema.columns
where table_schema = $1 and column_name = 'lease_until' and table_name <> all ($2::text[])`;

/** Each thing in words; empty where it could die unnoticed. Freeze the service first: what is told is then still so when it is killed. */
export async function workInHand(service: ServiceName, database: pg.Client): Promise<string[]> {
  const { rows: tables } = await database.query<{ name: string }>(leasedTables, [service, untelling]);
  const looks = [
    `select 'a transaction that has written' as what from pg_stat_activity where application_name = $1 and backend_xid is not null having count(*) > 0`,
    `select count(*) || ' events to publish' from ${service}.outbox where placed_at is null having count(*) > 0`,
    ...tables.map(({ name }) => {
      const leased = `from ${service}.${name} where lease_until > clock_timestamp() and due_at is not null having count(*) > 0`;
      return `select count(*) || ' rows of ${name} leased' ${leased}`;
    }),
  ];
  const { rows } = await database.query<{ what: string }>(looks.join(' union all '), [service]);
  return rows.map(({ what }) => what);
}
