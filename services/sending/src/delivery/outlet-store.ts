// What events do to outlets and sends: whether an inbox may send, which copies were seen in Sent, and which mails are forgotten.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Prisma } from '../generated/client.js';

type Tx = Prisma.TransactionClient;

/** What an event says of an inbox. */
export interface OutletNews {
  tenantId: string;
  inboxId: string;
  revision: bigint;
  state: 'ready' | 'paused' | 'needs_reconnect' | 'removed';
  /** 0 where the event does not say. */
  credentialVersion: bigint;
}

export interface SeenCopy {
  tenantId: string;
  inboxId: string;
  sendId: string;
  mailId: string;
  inSent: boolean;
}

/** The highest revision wins, and removed stays removed. The worker looks whatever changed: it may send again, or what waits can no longer be sent. */
const newsSql = `
insert into outlet as o (tenant_id, inbox_id, state, connections_revision, credential_version, due_at)
select n.tenant_id, n.inbox_id, n.state, n.revision, n.version, $6::timestamptz
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::bigint[]) as n (tenant_id, inbox_id, revision, state, version)
order by n.tenant_id, n.inbox_id
on conflict (tenant_id, inbox_id) do update set state = excluded.state, connections_revision = excluded.connections_revision,
  credential_version = greatest(o.credential_version, excluded.credential_version),
  refused_at = case when excluded.credential_version > o.credential_version then null else o.refused_at end,
  due_at = least(o.due_at, excluded.due_at)
where excluded.connections_revision > o.connections_revision and o.state <> 'removed'`;

const lockSql = `
select 1 from outlet o join unnest($1::uuid[], $2::uuid[]) as n (tenant_id, inbox_id) on o.tenant_id = n.tenant_id and o.inbox_id = n.inbox_id
order by o.tenant_id, o.inbox_id for update of o`;

/** Only of sends that were tried: a copy before that was not made by us. */
const copiesSql = `
update send s set copy_seen_at = coalesce(s.copy_seen_at, $6::timestamptz), copy_in_sent = s.copy_in_sent or c.in_sent
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bool[]) as c (tenant_id, inbox_id, send_id, mail_id, in_sent)
where s.tenant_id = c.tenant_id and s.send_id = c.send_id and s.inbox_id = c.inbox_id and s.mail_id = c.mail_id
  and s.attempts > 0 and s.state in ('accepted', 'sending', 'unconfirmed')`;

const askSql = `
update outlet o set due_at = least(o.due_at, $3::timestamptz)
from unnest($1::uuid[], $2::uuid[]) as n (tenant_id, inbox_id) where o.tenant_id = n.tenant_id and o.inbox_id = n.inbox_id`;

const forgetSql = [
  'delete from recipient_report where tenant_id = $1::uuid and report_mail_id = any ($2::uuid[])',
  `delete from recipient_report r using send s where s.tenant_id = $1::uuid and s.mail_id = any ($2::uuid[]) and r.tenant_id = s.tenant_id and r.send_id = s.send_id`,
  `delete from send_content c using send s where s.tenant_id = $1::uuid and s.mail_id = any ($2::uuid[]) and c.tenant_id = s.tenant_id and c.send_id = s.send_id`,
  'delete from raw_mail where tenant_id = $1::uuid and mail_id = any ($2::uuid[])',
  'delete from send where tenant_id = $1::uuid and mail_id = any ($2::uuid[])',
];

@Injectable()
export class OutletStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async takeNews(news: OutletNews[]): Promise<void> {
    const newest = new Map<string, OutletNews>();
    for (const one of news) {
      const known = newest.get(one.inboxId);
      if (!known || one.revision > known.revision) newest.set(one.inboxId, one);
    }
    const rows = [...newest.values()];
    await this.database.write({ tenants: rows.map(({ tenantId }) => tenantId) }, (tx) =>
      tx.$executeRawUnsafe(
        newsSql,
        rows.map(({ tenantId }) => tenantId),
        rows.map(({ inboxId }) => inboxId),
        rows.map(({ revision }) => revision),
        rows.map(({ state }) => state),
        rows.map(({ credentialVersion }) => credentialVersion),
        this.clock.now(),
      ),
    );
  }

  /** Marks their sends and asks the worker to settle them: moving their text is its business. */
  async takeCopies(copies: SeenCopy[]): Promise<void> {
    const tenants = copies.map(({ tenantId }) => tenantId);
    const inboxes = copies.map(({ inboxId }) => inboxId);
    const now = this.clock.now();
    await this.database.write({ tenants }, async (tx) => {
      await tx.$queryRawUnsafe(lockSql, tenants, inboxes);
      const [sends, mails] = [copies.map(({ sendId }) => sendId), copies.map(({ mailId }) => mailId)];
      const inSent = copies.map((copy) => copy.inSent);
      const count = await tx.$executeRawUnsafe(copiesSql, tenants, inboxes, sends, mails, inSent, now);
      if (count > 0) await tx.$executeRawUnsafe(askSql, tenants, inboxes, now);
    });
  }

  /** What was said and that it was said; a send that waits is not sent any more. Safe to repeat. */
  async forget(tenantId: string, mailIds: string[]): Promise<void> {
    await this.database.write({ tenant: tenantId }, async (tx) => {
      const mark = `insert into tombstone (tenant_id, mail_id, forgotten_at) select $1::uuid, m, $3::timestamptz from unnest($2::uuid[]) m on conflict do nothing`;
      await tx.$executeRawUnsafe(mark, tenantId, mailIds, this.clock.now());
      for (const sql of forgetSql) await tx.$executeRawUnsafe(sql, tenantId, mailIds);
    });
  }

  /** The oldest facts of sends over all tenants, for the proof of retention. */
  async oldestSend(): Promise<Date | undefined> {
    const rows = await this.database.read('all_tenants', (tx) =>
      tx.$queryRawUnsafe<{ oldest: Date | null }[]>('select min(accepted_at) as oldest from send'),
    );
    return rows[0]?.oldest ?? undefined;
  }
}
