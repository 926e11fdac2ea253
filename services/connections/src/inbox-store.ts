// Inboxes and their sealed credentials as rows, each change written together with what it tells.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Outbox } from '@rejoinder/bus/outbox';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import { traceIdOf } from '@rejoinder/runtime/trace';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Bytes } from '@rejoinder/vault/vault';
import type { Inbox, Prisma, TenantSettings } from './generated/client.js';
import { changeEvents, connectedEvents, removedEvents, stopEvent } from './inbox-events.js';
import { revoke, working, type Change, type InboxState } from './inbox.js';
import type { CheckedLogin } from './login/login.js';
import type { InboxSettings } from './settings/inbox-settings.js';
import { factsUnder, lockTenant } from './settings/tenant-store.js';
import type { GrantRow } from './sign-in/grant-store.js';

export type InboxRow = Inbox;

export interface NewInbox {
  tenantId: string;
  inboxId: string;
  login: CheckedLogin;
  displayName: string;
  settings: InboxSettings;
  sealed: Bytes;
  /** At whose page the person signed in; left out for a password. */
  oauthProvider?: string;
}

/** What an inbox was, and what it logged in with. */
export interface RemovedInbox {
  row: InboxRow;
  sealed: Uint8Array;
  version: bigint;
}

/** Which inboxes are asked for; an empty query is all of them. */
export interface InboxFilter {
  query: string;
  state: keyof typeof inState;
}

const inState = {
  '': {},
  working: { receiving: 'connected', sending: 'ready' },
  needs_reconnect: { OR: [{ receiving: 'needs_reconnect' }, { sending: 'needs_reconnect' }] },
  paused: { receiving: 'paused' },
} satisfies Record<string, Prisma.InboxWhereInput>;

export const isListedState = (state: string): state is InboxFilter['state'] => Object.hasOwn(inState, state);

/** Where a new credential comes from, a provider's page or nobody's, and for which servers it is, where they are others. */
export interface CredentialSource {
  oauthProvider: string;
  servers?: Pick<CheckedLogin, 'imap' | 'smtp'>;
}

/** A refused credential, as sync or sending told it. */
export interface Refusal {
  tenantId: string;
  inboxId: string;
  protocol: 'imap' | 'smtp';
  credentialVersion: bigint;
  reason: string;
  traceparent: string;
}

type Tx = Prisma.TransactionClient;
const uniqueViolation = 'P2002';
const firstVersion = 1n;

@Injectable()
export class InboxStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    private readonly outbox: Outbox,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Stores it as working; conflict INBOX_EXISTS where the address is connected already. */
  async add({ tenantId, inboxId, login, displayName, settings, sealed, oauthProvider = '' }: NewInbox): Promise<InboxRow> {
    const data = { inboxId, tenantId, ...serversOf(login), address: login.address, displayName, oauthProvider, ...settings, ...working };
    try {
      return await this.database.write({ tenant: tenantId }, async (tx) => {
        const tenant = await lockTenant(tx, tenantId, 'share');
        const row = await tx.inbox.create({
          data: { ...data, credentialVersion: firstVersion, revision: 1n, connectedAt: this.clock.now() },
        });
        await tx.credential.create({ data: { inboxId, tenantId, version: firstVersion, sealed } });
        await this.outbox.add(tx, connectedEvents(factsUnder(tenant, row)));
        return row;
      });
    } catch (error) {
      if ((error as { code?: unknown }).code === uniqueViolation) throw faultOf('INBOX_EXISTS');
      throw error;
    }
  }

  async isConnected(tenantId: string, address: string): Promise<boolean> {
    const found = await this.database.read({ tenant: tenantId }, (tx) =>
      tx.inbox.findFirst({ where: { tenantId, address: { equals: escaped(address), mode: 'insensitive' } }, select: { inboxId: true } }),
    );
    return found !== null;
  }

  async get(tenantId: string, inboxId: string): Promise<InboxRow> {
    const row = await this.database.read({ tenant: tenantId }, (tx) => tx.inbox.findUnique({ where: { inboxId, tenantId } }));
    if (!row) throw faultOf('INBOX_NOT_FOUND');
    return row;
  }

  /** Ids rise with time, so a page goes on after the last id of the one before. */
  list(tenantId: string, { query, state }: InboxFilter, after: string | undefined, limit: number): Promise<InboxRow[]> {
    const part = { contains: escaped(query), mode: 'insensitive' } as const;
    const where: Prisma.InboxWhereInput = {
      tenantId,
      ...(after && { inboxId: { gt: after } }),
      AND: [inState[state], query ? { OR: [{ address: part }, { displayName: part }] } : {}],
    };
    return this.database.read({ tenant: tenantId }, (tx) => tx.inbox.findMany({ where, orderBy: { inboxId: 'asc' }, take: limit }));
  }

  async credential(tenantId: string, inboxId: string): Promise<{ row: InboxRow; sealed: Uint8Array; version: bigint }> {
    return this.database.read({ tenant: tenantId }, async (tx) => {
      const row = await tx.inbox.findUnique({ where: { inboxId, tenantId } });
      const credential = await tx.credential.findUnique({ where: { inboxId, tenantId } });
      if (!row || !credential) throw faultOf('INBOX_NOT_FOUND');
      return { row, sealed: credential.sealed, version: credential.version };
    });
  }

  /** Locks the inbox, lets `decide` say what becomes of it, and tells; the row as it is where nothing changes. */
  change(tenantId: string, inboxId: string, decide: (state: InboxState) => Change | undefined): Promise<InboxRow> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      const tenant = await lockTenant(tx, tenantId, 'share');
      const row = await lockInbox(tx, tenantId, inboxId);
      const change = decide(stateOf(row));
      return change ? this.#apply(tx, tenant, row, change, {}) : row;
    });
  }

  /** Takes the new credential if nobody else stored one since, and voids the links once no side asks for one; answers undefined then. */
  replaceCredential(
    { tenantId, inboxId, credentialVersion }: InboxRow,
    sealed: Bytes,
    decide: (state: InboxState) => Change,
    { oauthProvider, servers }: CredentialSource,
  ): Promise<InboxRow | undefined> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      const tenant = await lockTenant(tx, tenantId, 'share');
      const row = await lockInbox(tx, tenantId, inboxId);
      if (row.credentialVersion !== credentialVersion) return undefined;
      const version = credentialVersion + 1n;
      const unleased = { refreshLease: null, refreshLeaseUntil: null };
      await tx.credential.update({ where: { inboxId, tenantId }, data: { version, sealed, ...unleased } });
      const change = decide(stateOf(row));
      const isMended = change.state.receivingReason === '' && change.state.sendingReason === '';
      if (isMended) await tx.reconnectLink.deleteMany({ where: { inboxId, tenantId } });
      const mended = isMended && { stoppedSince: null, traceId: '' };
      const more = { credentialVersion: version, oauthProvider, ...mended, ...(servers && serversOf(servers)) };
      return this.#apply(tx, tenant, { ...row, ...more }, change, more);
    });
  }

  /** The provider has withdrawn this very grant; false where another has taken its place since. */
  takeRevocation(known: GrantRow, reason: string, traceId: string): Promise<boolean> {
    const { tenantId, inboxId, version, sealed } = known;
    return this.database.write({ tenant: tenantId }, async (tx) => {
      const tenant = await lockTenant(tx, tenantId, 'share');
      const row = await lockInbox(tx, tenantId, inboxId);
      const same = await tx.credential.findFirst({ where: { inboxId, tenantId, version, sealed: Buffer.from(sealed) } });
      if (!same) return false;
      const since = row.stoppedSince ? {} : { stoppedSince: this.clock.now(), traceId };
      await this.#apply(tx, tenant, row, revoke(stateOf(row), reason), since);
      return true;
    });
  }

  /** Deletes it with its credential, and answers both as they were. */
  async remove(tenantId: string, inboxId: string): Promise<RemovedInbox> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      const row = await lockInbox(tx, tenantId, inboxId);
      const { sealed, version } = await tx.credential.findUniqueOrThrow({ where: { inboxId, tenantId } });
      await tx.inbox.delete({ where: { inboxId, tenantId } });
      await this.outbox.add(tx, removedEvents(row, row.revision + 1n));
      return { row, sealed, version };
    });
  }

  /** Whether this mailbox is connected by its provider's page, in whichever tenant. */
  async isSignedIn({ address, oauthProvider }: InboxRow): Promise<boolean> {
    const sql = `select 1 from inbox where lower(address) = lower($1) and oauth_provider = $2 limit 1`;
    const rows = await this.database.read('all_tenants', (tx) => tx.$queryRawUnsafe<unknown[]>(sql, address, oauthProvider));
    return rows.length > 0;
  }

  /** Marks the side of each refusal, but only where the refused credential is still the current one and that side works. */
  async takeRefusals(refusals: Refusal[]): Promise<void> {
    await this.database.write({ tenants: refusals.map(({ tenantId }) => tenantId) }, async (tx) => {
      for (const protocol of ['imap', 'smtp'] as const) {
        const these = refusals.filter((refusal) => refusal.protocol === protocol);
        if (these.length > 0) await this.#disconnect(tx, protocol === 'imap' ? 'receiving' : 'sending', these);
      }
    });
  }

  async #disconnect(tx: Tx, side: 'receiving' | 'sending', refusals: Refusal[]): Promise<void> {
    const found = await tx.$queryRawUnsafe<StoppedRow[]>(
      disconnectSql(side),
      refusals.map(({ tenantId }) => tenantId),
      refusals.map(({ inboxId }) => inboxId),
      refusals.map(({ credentialVersion }) => credentialVersion),
      refusals.map(({ reason }) => reason),
      refusals.map(({ traceparent }) => traceIdOf(traceparent)),
      this.clock.now(),
    );
    const told = found.map((row) => {
      const { traceparent } = refusals.find(({ inboxId }) => inboxId === row.inbox_id)!;
      return stopEvent({
        kind: row.is_told ? 'side_stopped' : 'disconnected',
        tenantId: row.tenant_id,
        inboxId: row.inbox_id,
        side,
        reason: row.reason,
        credentialVersion: row.version,
        sequence: row.revision,
        traceparent,
      });
    });
    await this.outbox.add(tx, told);
  }

  async #apply(tx: Tx, tenant: TenantSettings, row: InboxRow, { state, told }: Change, more: Prisma.InboxUpdateInput): Promise<InboxRow> {
    const revision = row.revision + BigInt(Math.max(1, told.length));
    const { inboxId, tenantId } = row;
    const saved = await tx.inbox.update({ where: { inboxId, tenantId }, data: { ...state, ...more, revision } });
    await this.outbox.add(tx, changeEvents(factsUnder(tenant, saved), told, row.revision, state.receiving === 'connected'));
    return saved;
  }
}

interface StoppedRow {
  tenant_id: string;
  inbox_id: string;
  revision: bigint;
  version: bigint;
  reason: string;
  /** The other side was stopped by the same credential: a new one sets both going. */
  is_told: boolean;
}

const disconnectSql = (side: 'receiving' | 'sending') => `
update inbox i set ${side} = 'needs_reconnect', ${side}_reason = f.reason, revision = i.revision + 1,
  stopped_since = coalesce(i.stopped_since, $6::timestamptz), trace_id = case when i.stopped_since is null then f.trace_id else i.trace_id end
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[]) as f (tenant_id, inbox_id, version, reason, trace_id)
where i.tenant_id = f.tenant_id and i.inbox_id = f.inbox_id and i.credential_version = f.version
  and i.${side} = '${side === 'receiving' ? 'connected' : 'ready'}'
returning i.tenant_id, i.inbox_id, i.revision, f.version, i.${side}_reason as reason,
  i.${side === 'receiving' ? 'sending' : 'receiving'} = 'needs_reconnect' as is_told`;

export async function lockInbox(tx: Tx, tenantId: string, inboxId: string): Promise<InboxRow> {
  await tx.$queryRawUnsafe('select 1 from inbox where tenant_id = $1::uuid and inbox_id = $2::uuid for update', tenantId, inboxId);
  const row = await tx.inbox.findUnique({ where: { inboxId, tenantId } });
  if (!row) throw faultOf('INBOX_NOT_FOUND');
  return row;
}

function stateOf({ receiving, receivingReason, sending, sendingReason }: InboxRow): InboxState {
  return { receiving, receivingReason, sending, sendingReason } as InboxState;
}

function serversOf({ imap, smtp }: Pick<CheckedLogin, 'imap' | 'smtp'>) {
  return {
    imapHost: imap.host,
    imapPort: imap.port,
    imapSecurity: imap.security,
    smtpHost: smtp.host,
    smtpPort: smtp.port,
    smtpSecurity: smtp.security,
  };
}

/** Prisma's insensitive comparison is ILIKE: what it takes for a pattern is quoted. */
function escaped(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
