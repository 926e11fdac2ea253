// All inboxes that this process holds.
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { normalAddress } from '@rejoinder/mail/addresses';
import { HostBrake } from '@rejoinder/runtime/host-brake';
import type { MailLogin } from '@rejoinder/runtime/imap-connect';
import type { Logger } from '@rejoinder/runtime/logging';
import { openMailNetwork, type MailNetwork } from '@rejoinder/runtime/mail-settings';
import { CLOCK, LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import { outsideTraces } from '@rejoinder/runtime/trace';
import { Vault } from '@rejoinder/vault/vault';
import type { SyncSettings } from '../config.js';
import { ImapSession } from '../imap/imap-session.js';
import { AuditStore } from './audit-store.js';
import { CredentialClient, type Credential } from './credential-client.js';
import { FolderChoiceStore } from './folder-choice-store.js';
import { FolderStore } from './folder-store.js';
import { FolderSync } from './folder-sync.js';
import { Holder, type Login } from './holder.js';
import { Gate } from './gate.js';
import { ObservedStore } from './observed-store.js';
import { OwnAddresses } from './own-addresses.js';
import { ServerStore } from './server-store.js';
import { SessionStore, type SessionRow } from './session-store.js';
import type { Suspects } from './suspects.js';
import { tenantHash } from './tenant-hash.js';
import { UnreadStore } from './unread-store.js';

/** Not refused credentials, names and certificates that were typed wrong, or limits on connections, which are kept by account. */
const byServer = ['TIMEOUT', 'REFUSED', 'CONNECTION_LOST', 'UNAVAILABLE', 'THROTTLED', 'SERVER_BROKEN'];

@Injectable()
export class Holders implements OnModuleDestroy {
  readonly #holders = new Map<string, Holder>();
  readonly #suspects = new Map<string, Suspects>();
  readonly #network: MailNetwork;
  readonly #gate: Gate;
  readonly #brake = new HostBrake(byServer);
  readonly #own: OwnAddresses;

  constructor(
    @Inject(SETTINGS) private readonly settings: SyncSettings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly credentials: CredentialClient,
    private readonly sessions: SessionStore,
    private readonly folders: FolderStore,
    private readonly choices: FolderChoiceStore,
    private readonly audits: AuditStore,
    private readonly observed: ObservedStore,
    private readonly unread: UnreadStore,
    private readonly servers: ServerStore,
    private readonly vault: Vault,
  ) {
    this.#network = openMailNetwork(settings);
    this.#gate = new Gate(settings.loginsPerHost);
    this.#own = new OwnAddresses((tenantId) => sessions.ownAddresses(tenantId));
  }

  /** The holder of an inbox, if its session stands. */
  live(inboxId: string): Holder | undefined {
    const holder = this.#holders.get(inboxId);
    return holder?.live() ? holder : undefined;
  }

  /** Inboxes, of those given, whose session stands. */
  liveOf(inboxIds: readonly string[]): string[] {
    return inboxIds.filter((inboxId) => this.live(inboxId));
  }

  /** Inboxes that have a holder, whether its session stands or not. */
  held(): string[] {
    return [...this.#holders.keys()];
  }

  liveInboxes(): string[] {
    return this.liveOf([...this.#holders.keys()]);
  }

  /** Holds this inbox as the row says; a session that stands for another credential or other settings is ended first. */
  async hold(row: SessionRow): Promise<void> {
    const current = this.#holders.get(row.inboxId);
    if (current && !current.ended() && sameWish(current.row, row)) {
      if (row.resync) current.resyncSoon();
      return;
    }
    await current?.stop();
    const holder = new Holder(row, {
      sessions: this.sessions,
      connect: (session) => this.#connect(session),
      arriveAt: (session, host) => this.servers.arriveAt(session, host),
      folderSync: (session, imap, ownAddressHash) => this.#folderSync(session, imap, ownAddressHash),
      folderPollMs: this.settings.folderPollSeconds * 1_000,
      logger: this.logger,
    });
    this.#holders.set(row.inboxId, holder);
    outsideTraces(() =>
      holder.start(() => {
        if (this.#holders.get(row.inboxId) === holder) this.#holders.delete(row.inboxId);
      }),
    );
  }

  async letGo(inboxId: string): Promise<void> {
    await this.#holders.get(inboxId)?.stop();
    this.#suspects.delete(inboxId);
  }

  /** Ends every session of partitions that are no longer owned; the others stay as they are. */
  async letGoUnless(owns: (partition: number) => boolean): Promise<void> {
    const lost = [...this.#holders.values()].filter(({ row }) => !owns(row.partition));
    await Promise.all(lost.map((holder) => holder.stop()));
  }

  async onModuleDestroy(): Promise<void> {
    await this.letGoUnless(() => false);
  }

  async #connect(row: SessionRow): Promise<Login> {
    const credential = await this.#credential(row);
    const hasher = await this.vault.hasher(row.tenantId);
    const address = credential.address.reveal();
    const key = normalAddress(address)?.toLowerCase() ?? address.toLowerCase();
    const { imap, login } = await this.#login(row, credential).catch(async (error: unknown) => {
      // Refused before its time, a token tells nothing of the grant behind it: the next one does.
      if (!(error instanceof Fault) || error.code !== 'OAUTH_REJECTED') throw error;
      return this.#login(row, await this.#credential(row, credential.login));
    });
    return { imap, login, addressHash: hasher.hash('address', key) };
  }

  async #credential(row: SessionRow, refused?: MailLogin): Promise<Credential> {
    const credential = await this.#gate.through('connections', () => this.credentials.get(row.tenantId, row.inboxId, refused));
    // A newer credential than the command that is held by: its own command is on the way.
    if (credential.version < BigInt(row.credentialVersion))
      throw new Fault('broken', 'CREDENTIAL_OLD', 'connections has not the newest credential yet.');
    return credential;
  }

  async #login({ inboxId }: SessionRow, { login }: Credential): Promise<{ imap: ImapSession; login: MailLogin }> {
    const { host } = login.server;
    const connect = () => this.#brake.through(host, inboxId, () => ImapSession.connect(login, this.#network));
    return { imap: await this.#gate.through(host, connect), login };
  }

  async #folderSync(session: SessionRow, imap: ImapSession, ownAddressHash: Buffer): Promise<FolderSync> {
    const { hash, isSigned } = tenantHash(await this.vault.hasher(session.tenantId));
    const ownHashes = [ownAddressHash, ...session.ownHashes.map((hash) => Buffer.from(hash))];
    const isOwn = await this.#own.of(session.tenantId, ownHashes);
    return new FolderSync({
      session,
      imap,
      folders: this.folders,
      choices: this.choices,
      audits: this.audits,
      observed: this.observed,
      unread: this.unread,
      suspects: this.#suspects,
      around: { hash, isSigned, isOwn },
      ownHashes,
      historyBatch: this.settings.historyBatch,
      auditEveryMs: this.settings.auditHours * 3_600_000,
      clock: this.clock,
      logger: this.logger,
    });
  }
}

function sameWish(a: SessionRow, b: SessionRow): boolean {
  return (
    BigInt(a.credentialVersion) === BigInt(b.credentialVersion) &&
    a.attachments === b.attachments &&
    a.historyDays === b.historyDays &&
    a.logFolder === b.logFolder &&
    JSON.stringify(a.folders) === JSON.stringify(b.folders) &&
    Buffer.concat(a.ownHashes).equals(Buffer.concat(b.ownHashes))
  );
}
