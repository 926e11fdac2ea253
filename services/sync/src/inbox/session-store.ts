// Rows of sessions: what is wanted of each inbox, and how its session is.
import { Inject, Injectable } from '@nestjs/common';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { event, Outbox } from '@rejoinder/bus/outbox';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { AuthenticationFailedSchema, ProviderThrottledSchema } from '@rejoinder/contracts/events/sync';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { traceIdOf, traceparentOfTrouble } from '@rejoinder/runtime/trace';
import { afterEnd, standsAfterMs, type Ending } from './after-end.js';
import { ConnectionLog } from './connection-log-store.js';
import { Owner } from './owner-store.js';
import type { Fault } from '@rejoinder/base/fault';

/** A session row, as far as holding it goes. */
export interface SessionRow {
  tenantId: string;
  inboxId: string;
  partition: number;
  wanted: 'hold' | 'stopped' | 'removing';
  credentialVersion: bigint;
  attachments: boolean;
  historyDays: number;
  logFolder: string;
  /** Folders to look at; none: the usual ones. */
  folders: string[];
  /** Further addresses of the mailbox by their hashes. */
  ownHashes: Uint8Array[];
  /** Ends of its sessions without one between them that stood for a while. */
  failures: number;
  /** Nothing of it was ingested before this. */
  heldSince: Date;
  /** Its folders are to be audited at once. */
  resync: boolean;
}

/** What a command asks for. */
export interface WantedSession {
  tenantId: string;
  inboxId: string;
  partition: number;
  wanted: 'hold' | 'stopped' | 'removing';
  sequence: bigint;
  credentialVersion: bigint;
  attachments: boolean;
  historyDays: number;
  logFolder: string;
  folders: string[];
  ownHashes: Uint8Array[];
  traceparent?: string;
}

/** Other settings are no reason to ask a provider before the time that it has named; another credential is somebody who looks on. */
const waits = `(s.wanted = 'hold' and s.state = 'slowed' and s.credential_version = excluded.credential_version)`;

/** Held since a day before: the clocks of two pods are not one. */
const start = `
insert into session as s (tenant_id, inbox_id, partition, wanted, credential_version, attachments, history_days, log_folder, folders, own_hashes, command_sequence, due_at, traceparent, held_since)
values ($1::uuid, $2::uuid, $3::int, 'hold', $4::bigint, $5::bool, $6::int, $7, $8::text[], $9::bytea[], $10::bigint, $11::timestamptz, $12, $11::timestamptz - interval '1 day')
on conflict (inbox_id) do update set wanted = 'hold', credential_version = excluded.credential_version, attachments = excluded.attachments,
  history_days = excluded.history_days, log_folder = excluded.log_folder, folders = excluded.folders, own_hashes = excluded.own_hashes, command_sequence = excluded.command_sequence,
  due_at = case when ${waits} then greatest(s.next_try_at, excluded.due_at) else excluded.due_at end,
  lease_until = null, lease_token = null, traceparent = excluded.traceparent, failures = case when ${waits} then s.failures else 0 end,
  next_try_at = case when ${waits} then s.next_try_at end, reason = case when ${waits} then s.reason else '' end,
  refused_at = case when s.credential_version = excluded.credential_version then s.refused_at end, state = case when s.wanted = 'hold' then s.state else 'waiting' end
where s.command_sequence <= excluded.command_sequence and s.wanted <> 'removing'`;

const stop = `
update session set wanted = $3, command_sequence = $4::bigint, due_at = $5::timestamptz, lease_until = null, lease_token = null, next_try_at = null,
  state = 'stopped', reason = '' where tenant_id = $1::uuid and inbox_id = $2::uuid and (command_sequence <= $4::bigint or $3 = 'removing')`;

const columns = `tenant_id as "tenantId", inbox_id as "inboxId", partition, wanted, credential_version as "credentialVersion", attachments,
  history_days as "historyDays", log_folder as "logFolder", folders, own_hashes as "ownHashes", failures, held_since as "heldSince", resync`;

@Injectable()
export class SessionStore {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly owner: Owner,
    private readonly log: ConnectionLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Saves the wish of one command, unless a newer one was seen. */
  async want(tx: SqlTransaction, wish: WantedSession): Promise<void> {
    const { tenantId, inboxId, partition, wanted, sequence, traceparent } = wish;
    const now = this.clock.now();
    if (wanted !== 'hold') await tx.$executeRawUnsafe(stop, tenantId, inboxId, wanted, sequence, now);
    else {
      const { credentialVersion, attachments, historyDays, logFolder, folders, ownHashes } = wish;
      const asked = [partition, credentialVersion, attachments, historyDays, logFolder, folders, ownHashes];
      await tx.$executeRawUnsafe(start, tenantId, inboxId, ...asked, sequence, now, traceparent ?? null);
    }
  }

  /** Its folders are to be audited at once: by the session, where one stands. False where there is no such inbox. */
  async resync(tenantId: string, inboxId: string): Promise<boolean> {
    const sql = `update session set resync = true, due_at = case when wanted = 'hold' and state in ('connecting', 'syncing', 'live') then $3::timestamptz else due_at end
      where tenant_id = $1::uuid and inbox_id = $2::uuid and wanted <> 'removing'`;
    return (await this.database.write({ tenant: tenantId }, (tx) => tx.$executeRawUnsafe(sql, tenantId, inboxId, this.clock.now()))) > 0;
  }

  async find(tenantId: string, inboxId: string): Promise<SessionRow | undefined> {
    const sql = `select ${columns} from session where inbox_id = $1::uuid`;
    const [row] = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<SessionRow[]>(sql, inboxId));
    return row;
  }

  /** The inboxes of a partition whose sessions are to be held. */
  async wantedIn(partition: number): Promise<string[]> {
    const sql = `select inbox_id as "inboxId" from session where partition = $1::int and wanted = 'hold' and state <> 'stopped'`;
    const rows = await this.database.read('all_tenants', (tx) => tx.$queryRawUnsafe<{ inboxId: string }[]>(sql, partition));
    return rows.map(({ inboxId }) => inboxId);
  }

  /** The net below all wakes: sessions that should be held here and are not, become due. */
  async revive(partitions: number[], held: string[]): Promise<void> {
    const sql = `update session set due_at = $3::timestamptz where partition = any ($1::int[]) and wanted = 'hold' and due_at is null and state <> 'stopped'
      and lease_until is null and not (inbox_id = any ($2::uuid[]))`;
    await this.database.writeToDisk('all_tenants', (tx) => tx.$executeRawUnsafe(sql, partitions, held, this.clock.now()));
  }

  /** Hashed addresses of all inboxes of a tenant that have logged in, and the others of their mailboxes. */
  async ownAddresses(tenantId: string): Promise<Buffer[]> {
    const sql = `select hash from session, unnest(array_append(own_hashes, address_hash)) hash where tenant_id = $1::uuid and address_hash is not null`;
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) => tx.$queryRawUnsafe<{ hash: Uint8Array }[]>(sql, tenantId));
    return rows.map(({ hash }) => Buffer.from(hash));
  }

  /** How the session is, for progress. */
  async say(row: SessionRow, state: 'connecting' | 'syncing' | 'live' | 'stopped'): Promise<void> {
    await this.database.writeToDisk({ tenants: [row.tenantId] }, async (tx) => {
      await this.owner.fence(tx, row.partition);
      await tx.$executeRawUnsafe(
        `update session set state = $2, reason = '', next_try_at = null where inbox_id = $1::uuid and (wanted = 'hold') = ($2 <> 'stopped')`,
        row.inboxId,
        state,
      );
    });
  }

  /** Logged in: the episode of refusals of the credential is over. */
  async loggedIn(row: SessionRow, addressHash: Buffer<ArrayBuffer>): Promise<void> {
    await this.database.writeToDisk({ tenants: [row.tenantId] }, async (tx) => {
      await this.owner.fence(tx, row.partition);
      const sql = `update session set state = 'syncing', reason = '', next_try_at = null, refused_at = null, address_hash = $2::bytea,
        reading_since = $3::timestamptz, seen_before = (select coalesce(sum(seen), 0) from folder where inbox_id = $1::uuid and looked_at) where inbox_id = $1::uuid and wanted = 'hold'`;
      await tx.$executeRawUnsafe(sql, row.inboxId, addressHash, this.clock.now());
      await this.log.add(tx, row, { what: 'logged_in' });
    });
  }

  /** The session takes work: what waits for this inbox is due. Said before, it would find no session and wait again. */
  async takesWork(row: SessionRow): Promise<void> {
    await this.database.writeToDisk({ tenants: [row.tenantId] }, async (tx) => {
      await this.owner.fence(tx, row.partition);
      await this.#due(tx, row);
    });
  }

  async #due(tx: SqlTransaction, { tenantId, inboxId }: SessionRow): Promise<void> {
    const now = this.clock.now();
    const waiting = 'due_at > $3::timestamptz and (lease_until is null or lease_until < clock_timestamp())';
    await tx.$executeRawUnsafe(
      `update capture set due_at = $3::timestamptz where tenant_id = $1::uuid and state = 'wanted' and $2::uuid = any (inbox_ids) and ${waiting}`,
      tenantId,
      inboxId,
      now,
    );
    await tx.$executeRawUnsafe(
      `update part set due_at = $3::timestamptz where tenant_id = $1::uuid and state = 'pending' and ${waiting}
        and exists (select 1 from location l where l.tenant_id = $1::uuid and l.mail_id = part.mail_id and l.inbox_id = $2::uuid)`,
      tenantId,
      inboxId,
      now,
    );
    await tx.$executeRawUnsafe(
      `update sent_copy set due_at = $3::timestamptz where tenant_id = $1::uuid and inbox_id = $2::uuid and ${waiting}`,
      tenantId,
      inboxId,
      now,
    );
  }

  /** The session has ended by this fault: what comes next is decided by its own rule, and said with the row. */
  async ended(row: SessionRow, fault: Fault, stoodMs: number): Promise<(Ending & { traceId: string }) | undefined> {
    return this.database.writeToDisk({ tenants: [row.tenantId] }, async (tx) => {
      await this.owner.fence(tx, row.partition);
      const sql = `select failures, refused_at as "refusedAt", wanted, credential_version as "credentialVersion", trouble_trace as "troubleTrace"
        from session where inbox_id = $1::uuid for no key update`;
      type Now = { failures: number; refusedAt: Date | null; wanted: string; credentialVersion: bigint; troubleTrace: string | null };
      const [now] = await tx.$queryRawUnsafe<Now[]>(sql, row.inboxId);
      if (now?.wanted !== 'hold' || BigInt(now.credentialVersion) !== BigInt(row.credentialVersion)) return undefined;
      const at = this.clock.now();
      const ending = afterEnd(fault, { failures: now.failures, refusedAt: now.refusedAt ?? undefined, stoodMs }, at);
      // A login that works ends no trouble, where the first commands after it are refused (standsAfterMs).
      const known = stoodMs < standsAfterMs && now.failures > 0 ? now.troubleTrace : null;
      const trace = known ?? traceparentOfTrouble();
      await tx.$executeRawUnsafe(
        `update session set state = $2, reason = $3, next_try_at = $4::timestamptz, due_at = $4::timestamptz, refused_at = $5::timestamptz, failures = $6::int,
          trouble_since = case when trouble_trace = $8 then trouble_since else $7::timestamptz end, trouble_trace = $8 where inbox_id = $1::uuid`,
        row.inboxId,
        ending.state,
        ending.reason,
        ending.nextTryAt ?? null,
        ending.refusedAt ?? null,
        ending.failures,
        at,
        trace,
      );
      await this.log.add(tx, row, { what: 'ended', reason: ending.reason });
      if (ending.state === 'slowed') await this.outbox.add(tx, [throttled(row, ending)]);
      if (ending.authenticationFailed) await this.outbox.add(tx, [authenticationFailed(row, ending.reason, trace)]);
      return { ...ending, traceId: traceIdOf(trace) };
    });
  }
}

function authenticationFailed({ tenantId, inboxId, credentialVersion }: SessionRow, reason: string, traceparent: string) {
  return event({
    topic: 'rejoinder.sync.internal.v1',
    key: inboxId,
    tenantId,
    traceparent,
    schema: AuthenticationFailedSchema,
    message: { inboxId, protocol: 'imap', credentialVersion: BigInt(credentialVersion), reason },
  });
}

function throttled({ tenantId, inboxId }: SessionRow, { reason, nextTryAt }: Ending) {
  return event({
    topic: 'rejoinder.sync.internal.v1',
    key: inboxId,
    tenantId,
    schema: ProviderThrottledSchema,
    message: { inboxId, reason, until: nextTryAt && timestampFromDate(nextTryAt) },
  });
}
