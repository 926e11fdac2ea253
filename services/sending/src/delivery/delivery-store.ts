// Sends and their outlet as rows, as the outlet's worker sees them: taken for an attempt, journaled before the first byte, ended or put off.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Outbox } from '@rejoinder/bus/outbox';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { Superseded } from './attempt.js';
import type { MovedContent } from '../mail/content-box.js';
import type { Outlet, Prisma, Send } from '../generated/client.js';
import { refusedLoginEvent } from '../send-events.js';
import { endSend, type Ending } from '../settlement-store.js';

export type SendInHand = Send;
type Tx = Prisma.TransactionClient;

/** What a worker has in hand of one outlet. */
export interface OutletKey {
  tenantId: string;
  inboxId: string;
}

const secondRefusalMs = 60_000;

const lockSql = 'select 1 from outlet where tenant_id = $1::uuid and inbox_id = $2::uuid for update';

/** Each attempt has a number; whoever comes later makes the earlier one's journal void. */
const takeSql = `
update send set state = 'sending', attempts = attempts + 1, revision = revision + 1, first_tried_at = coalesce(first_tried_at, $3::timestamptz)
where tenant_id = $1::uuid and send_id = $2::uuid and state in ('accepted', 'sending') and data_started_at is null and copy_seen_at is null
returning attempts`;

const journalSql = `
update send set data_started_at = $4::timestamptz
where tenant_id = $1::uuid and send_id = $2::uuid and attempts = $3::int and state = 'sending' and data_started_at is null and copy_seen_at is null`;

const putOffSql = `
update send set state = 'accepted', due_at = $4::timestamptz, reason = $5, data_started_at = null, revision = revision + 1
where tenant_id = $1::uuid and send_id = $2::uuid and attempts = $3::int and state = 'sending'`;

const unreachedSql = `
update send set first_tried_at = coalesce(first_tried_at, $3::timestamptz), reason = $4
where tenant_id = $1::uuid and send_id = any ($2::uuid[]) and state = 'accepted'`;

/** Due at once if something is left over from an attempt that broke off; else with the next send that is due, if it may send. Under the outlet's lock, so that no send that comes meanwhile is overlooked. */
const askAgainSql = `
update outlet o set refused_at = case when $4::bool then null else refused_at end, due_at = case
  when exists (select 1 from send s where s.tenant_id = o.tenant_id and s.inbox_id = o.inbox_id and (s.state = 'sending'
    or (s.copy_seen_at is not null and s.state in ('accepted', 'unconfirmed')) or (o.state = 'removed' and s.state = 'accepted'))) then $3::timestamptz
  when o.state = 'ready' then (select greatest(s.due_at, $3::timestamptz) from send s
    where s.tenant_id = o.tenant_id and s.inbox_id = o.inbox_id and s.state = 'accepted' order by s.due_at limit 1)
end where o.tenant_id = $1::uuid and o.inbox_id = $2::uuid`;

@Injectable()
export class DeliveryStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    private readonly outbox: Outbox,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  outlet({ tenantId, inboxId }: OutletKey): Promise<Outlet | null> {
    return this.#read(tenantId, (tx) => tx.outlet.findUnique({ where: { tenantId_inboxId: { tenantId, inboxId } } }));
  }

  /** What an earlier attempt left behind, what was seen in Sent, and what a removed inbox can no longer send. */
  leftovers({ tenantId, inboxId }: OutletKey, isRemoved: boolean, limit: number): Promise<Send[]> {
    const seen: Prisma.SendWhereInput = { copySeenAt: { not: null }, state: { in: ['accepted', 'unconfirmed'] } };
    const open: Prisma.SendWhereInput[] = [{ state: 'sending' }, seen, ...(isRemoved ? [{ state: 'accepted' }] : [])];
    return this.#read(tenantId, (tx) =>
      tx.send.findMany({ where: { tenantId, inboxId, OR: open }, orderBy: { acceptedAt: 'asc' }, take: limit }),
    );
  }

  /** In the order in which they were accepted. */
  due({ tenantId, inboxId }: OutletKey, limit: number): Promise<Send[]> {
    const where = { tenantId, inboxId, state: 'accepted', dueAt: { lte: this.clock.now() } };
    return this.#read(tenantId, (tx) => tx.send.findMany({ where, orderBy: [{ acceptedAt: 'asc' }, { sendId: 'asc' }], take: limit }));
  }

  async content({ tenantId, sendId }: Send): Promise<Uint8Array | undefined> {
    const row = await this.#read(tenantId, (tx) => tx.sendContent.findUnique({ where: { tenantId_sendId: { tenantId, sendId } } }));
    return row?.sealed;
  }

  /** The send as it is in this attempt; undefined where it is no longer to be sent. */
  take(send: Send): Promise<Send | undefined> {
    return this.#write(send, async (tx) => {
      const [row] = await tx.$queryRawUnsafe<{ attempts: number }[]>(takeSql, send.tenantId, send.sendId, this.clock.now());
      return row && { ...send, attempts: row.attempts, firstTriedAt: send.firstTriedAt ?? this.clock.now() };
    });
  }

  /** Committed before the first byte of the message leaves: from here on it may have been sent. */
  async journal({ tenantId, sendId, attempts }: Send): Promise<void> {
    const count = await this.database.writeToDisk({ tenants: [tenantId] }, (tx) =>
      tx.$executeRawUnsafe(journalSql, tenantId, sendId, attempts, this.clock.now()),
    );
    if (count !== 1) throw new Superseded('another attempt has this send');
  }

  end(send: Send, ending: Ending, moved: MovedContent | undefined): Promise<boolean> {
    return this.#write(send, (tx) => endSend(tx, this.outbox, { send, ending, now: this.clock.now(), moved }));
  }

  /** Certainly not sent: it waits for another attempt. */
  async putOff(send: Send, dueAt: Date, reason: string): Promise<void> {
    await this.#write(send, (tx) => tx.$executeRawUnsafe(putOffSql, send.tenantId, send.sendId, send.attempts, dueAt, reason));
  }

  /** The server could not be reached: their day begins, and the reason is told. */
  async markUnreached({ tenantId }: OutletKey, sends: Send[], reason: string): Promise<void> {
    const ids = sends.map(({ sendId }) => sendId);
    await this.database.write({ tenants: [tenantId] }, (tx) => tx.$executeRawUnsafe(unreachedSql, tenantId, ids, this.clock.now(), reason));
  }

  /** Asks for the outlet's next work; a login that worked ends a run of refusals. */
  async askAgain({ tenantId, inboxId }: OutletKey, loggedIn: boolean): Promise<void> {
    await this.#write({ tenantId, inboxId }, (tx) => tx.$executeRawUnsafe(askAgainSql, tenantId, inboxId, this.clock.now(), loggedIn));
  }

  /** Takes a refusal of the credential. The second one running, a minute apart, is told, and the outlet waits for a new one; before it, when to try again. */
  refused({ tenantId, inboxId }: OutletKey, credentialVersion: bigint, reason: string): Promise<Date | undefined> {
    return this.#write({ tenantId, inboxId }, async (tx) => {
      const where = { tenantId_inboxId: { tenantId, inboxId } };
      const outlet = await tx.outlet.findUniqueOrThrow({ where });
      const now = this.clock.now();
      if (outlet.state !== 'ready' || outlet.credentialVersion > credentialVersion) return outlet.state === 'ready' ? now : undefined;
      const since = outlet.refusedAt ?? now;
      if (!outlet.refusedAt) await tx.outlet.update({ where, data: { refusedAt: now } });
      if (now.getTime() - since.getTime() < secondRefusalMs) return new Date(since.getTime() + secondRefusalMs);
      await tx.outlet.update({ where, data: { state: 'needs_reconnect', refusedAt: null, dueAt: null } });
      await this.outbox.add(tx, [refusedLoginEvent(tenantId, inboxId, credentialVersion, reason)]);
      return undefined;
    });
  }

  #read<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.read({ tenants: [tenantId] }, work);
  }

  /** The outlet's row is locked first: what is told of an inbox is told in order. */
  #write<T>({ tenantId, inboxId }: OutletKey, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.writeToDisk({ tenants: [tenantId] }, async (tx) => {
      await tx.$queryRawUnsafe(lockSql, tenantId, inboxId);
      return work(tx);
    });
  }
}
