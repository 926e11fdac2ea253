// Settings as rows: a change is written together with what it tells, of one inbox or of all that it reaches.
import { Inject, Injectable } from '@nestjs/common';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { event, Outbox } from '@rejoinder/bus/outbox';
import type { ContactPolicy } from '@rejoinder/contracts/contact-policies';
import { LoggingChangedSchema, NeverLogChangedSchema } from '@rejoinder/contracts/events/connections';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { settingsEvents } from '../inbox-events.js';
import { lockInbox, type InboxRow } from '../inbox-store.js';
import { sameSettings, type Capture, type InboxSettings } from './inbox-settings.js';
import { changedLogging, type GivenLogging, type Logging, type LoggingRow } from './logging.js';
import type { NeverLogEntry } from './never-log.js';
import { factsUnder, lockTenant, type Tx } from './tenant-store.js';

export interface TenantWide extends Logging {
  attachments: boolean;
  capture: string;
  neverLog: string[];
}

/** An entry with its hashes. */
export interface HashedEntry extends NeverLogEntry {
  hashes: Buffer[];
}

export interface NewTenantWide extends GivenLogging {
  attachments: boolean;
  capture: Capture;
  neverLog: HashedEntry[];
}

const isHeld = ({ receiving }: InboxRow) => receiving === 'connected';

@Injectable()
export class SettingsStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    private readonly outbox: Outbox,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Locks the inbox and lets `decide` say what it may do from now on; the row as it is where nothing changes. */
  change(tenantId: string, inboxId: string, decide: (before: InboxSettings) => InboxSettings): Promise<InboxRow> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      const tenant = await lockTenant(tx, tenantId, 'share');
      const row = await lockInbox(tx, tenantId, inboxId);
      const before = { ...row, capture: row.capture as Capture };
      const settings = decide(before);
      if (sameSettings(before, settings)) return row;
      const revision = row.revision + 1n;
      const saved = await tx.inbox.update({ where: { inboxId, tenantId }, data: { ...settings, revision } });
      await this.outbox.add(tx, settingsEvents(factsUnder(tenant, saved), revision, isHeld(saved)));
      return saved;
    });
  }

  tenantWide(tenantId: string): Promise<TenantWide> {
    return this.database.read({ tenant: tenantId }, (tx) => readWide(tx, tenantId));
  }

  putTenantWide(tenantId: string, wanted: NewTenantWide): Promise<TenantWide> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      const before = await lockTenant(tx, tenantId, 'update');
      const isListNew = await this.#putList(tx, tenantId, wanted.neverLog);
      const logging = changedLogging({ ...before, makeContacts: before.makeContacts as ContactPolicy }, wanted, this.clock.now());
      const revision = before.revision + (isListNew || logging ? 1n : 0n);
      const { attachments, capture } = wanted;
      await tx.tenantSettings.update({ where: { tenantId }, data: { attachments, capture, revision, ...logging } });
      if (logging) await this.#tellLogging(tx, tenantId, revision, logging);
      if (isListNew) await this.#tellList(tx, tenantId, revision, wanted.neverLog);
      if (before.attachments !== attachments) await this.#tellInboxes(tx, tenantId, attachments);
      return readWide(tx, tenantId);
    });
  }

  /** The never-log list, and the sequence it was last told under. */
  list(tenantId: string): Promise<{ entries: string[]; revision: bigint }> {
    return this.database.read({ tenant: tenantId }, async (tx) => {
      const row = await tx.tenantSettings.findUnique({ where: { tenantId } });
      return { entries: (await readWide(tx, tenantId)).neverLog, revision: row?.revision ?? 0n };
    });
  }

  /** The addresses of each inbox of a tenant, in lower case. */
  async ownAddresses(tenantId: string): Promise<{ inboxId: string; addresses: string[] }[]> {
    const select = { inboxId: true, address: true, ownAddresses: true };
    const rows = await this.database.read({ tenant: tenantId }, (tx) => tx.inbox.findMany({ where: { tenantId }, select }));
    return rows.map(({ inboxId, address, ownAddresses }) => ({ inboxId, addresses: [address.toLowerCase(), ...ownAddresses] }));
  }

  async #putList(tx: Tx, tenantId: string, wanted: HashedEntry[]): Promise<boolean> {
    const entries = wanted.map(({ entry }) => entry);
    const gone = await tx.neverLog.deleteMany({ where: { tenantId, entry: { notIn: entries } } });
    const since = this.clock.now();
    const put = await tx.neverLog.createMany({ data: entries.map((entry) => ({ tenantId, entry, since })), skipDuplicates: true });
    return gone.count + put.count > 0;
  }

  async #tellList(tx: Tx, tenantId: string, revision: bigint, wanted: HashedEntry[]): Promise<void> {
    const rows = await tx.neverLog.findMany({ where: { tenantId } });
    const since = new Map(rows.map((row) => [row.entry, timestampFromDate(row.since)]));
    const entries = wanted.flatMap(({ entry, hashes }) => hashes.map((entryHash) => ({ entryHash, since: since.get(entry)! })));
    const message = { entries };
    const of = { topic: 'rejoinder.connections.internal.v1', key: tenantId, tenantId, sequence: revision } as const;
    await this.outbox.add(tx, [event({ ...of, schema: NeverLogChangedSchema, message })]);
  }

  async #tellLogging(tx: Tx, tenantId: string, revision: bigint, { internalUntil, ...logging }: LoggingRow): Promise<void> {
    const message = { ...logging, internalUntil: internalUntil ? timestampFromDate(internalUntil) : undefined };
    const of = { topic: 'rejoinder.connections.internal.v1', key: tenantId, tenantId, sequence: revision } as const;
    await this.outbox.add(tx, [event({ ...of, schema: LoggingChangedSchema, message })]);
  }

  /** Inboxes that log no attachments of their own accord do what they did. */
  async #tellInboxes(tx: Tx, tenantId: string, attachments: boolean): Promise<void> {
    const where = { tenantId, attachments: true };
    await tx.$executeRawUnsafe('select 1 from inbox where tenant_id = $1::uuid order by inbox_id for update', tenantId);
    await tx.inbox.updateMany({ where, data: { revision: { increment: 1 } } });
    const rows = await tx.inbox.findMany({ where, orderBy: { inboxId: 'asc' } });
    await this.outbox.add(
      tx,
      rows.flatMap((row) => settingsEvents(factsUnder({ attachments }, row), row.revision, isHeld(row))),
    );
  }
}

async function readWide(tx: Tx, tenantId: string): Promise<TenantWide> {
  const row = await tx.tenantSettings.findUnique({ where: { tenantId } });
  const rows = await tx.neverLog.findMany({ where: { tenantId }, orderBy: { entry: 'asc' } });
  const { attachments = true, capture = 'tracked', makeContacts = 'everyone', logInternal = false } = row ?? {};
  return { attachments, capture, makeContacts: makeContacts as ContactPolicy, logInternal, neverLog: rows.map(({ entry }) => entry) };
}
