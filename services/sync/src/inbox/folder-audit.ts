// Audits one inbox's folders: compares the UIDs of each with the server's one by one, and takes what is missing.
import { countUids, uidRanges, type UidRange } from '../imap/uid-ranges.js';
import type { OpenFolder, SeenMail } from '../imap/imap-session.js';
import { maxMissing } from './audit-store.js';
import type { Folder } from './folder-store.js';
import type { FolderSyncParts } from './folder-sync.js';
import type { HeaderReader } from './header-reader.js';
import { historySince } from './history-reach.js';
import type { Cursor } from './observed-store.js';
import type { Refusals } from './refusals.js';

/** The folders as they are held in step. */
export interface HeldFolders {
  paths(): string[];
  folder(path: string): Folder | undefined;
  open(path: string): Promise<OpenFolder>;
  keep(row: Folder): void;
  save(folder: Folder, mails: SeenMail[], cursor: Cursor): Promise<void>;
}

/** Between two audits of a folder, whatever gives reason for them. */
const auditPauseMs = 600_000;

export class FolderAudit {
  readonly #triedAt = new Map<string, number>();

  constructor(
    private readonly parts: FolderSyncParts,
    private readonly reader: HeaderReader,
    private readonly refusals: Refusals,
    private readonly held: HeldFolders,
  ) {}

  /**
   * Compares the first folder that is due: what the server has and nobody took is taken, what is gone is marked. Due is a folder
   * once its history is there, then every `auditEveryMs`, and where it has shrunk without a word of which mails are gone. False if none is due.
   */
  async step(): Promise<boolean> {
    const path = this.held.paths().find((one) => this.#isDue(one));
    if (path === undefined) return false;
    this.#triedAt.set(path, this.parts.clock.now().getTime());
    try {
      await this.#audit(path);
    } catch (error) {
      if (!this.refusals.isRefusal(error)) throw error;
      this.#sayUnaudited(path, 'the server refuses it');
    }
    return true;
  }

  /** A person wants all folders audited now. */
  async allDue(): Promise<void> {
    await this.parts.audits.allDue(this.parts.session);
    this.#triedAt.clear();
    for (const folder of this.held.paths().map((path) => this.held.folder(path)))
      if (folder) this.held.keep({ ...folder, auditedAt: undefined });
  }

  #sayUnaudited(path: string, why: string): void {
    const { session, logger } = this.parts;
    logger.warn({ inboxId: session.inboxId, folderId: this.held.folder(path)?.folderId, why }, 'a folder could not be audited');
  }

  #isDue(path: string): boolean {
    const folder = this.held.folder(path);
    const now = this.parts.clock.now().getTime();
    if (!folder || folder.historyNext > 1 || now - (this.#triedAt.get(path) ?? -Infinity) < auditPauseMs) return false;
    return now - (folder.auditedAt?.getTime() ?? -Infinity) >= this.parts.auditEveryMs;
  }

  async #audit(path: string): Promise<void> {
    const { imap, session, folders, audits, clock, logger } = this.parts;
    // Opened anew, so that EXISTS is of this moment.
    const { exists } = await this.held.open(path);
    const folder = this.held.folder(path)!;
    // Numbered anew: what there is comes as history first.
    if (folder.historyNext > 1) return;
    const present = await imap.uidSet({});
    const wanted = session.historyDays > 0 || imap.hasLabels() ? await this.#wantedSet(folder) : present;
    const auditedAt = clock.now();
    // A set that does not add up says nothing: a server out of order must not make mails gone.
    if (!present || !wanted || countUids(present) !== exists) return this.#sayUnaudited(path, 'its UIDs do not add up');
    const { missing, gone, unread } = await audits.audit(session, folder, { present, wanted });
    this.held.keep({ ...folder, auditedAt });
    if (gone > 0 || missing.length > 0)
      logger.info({ inboxId: session.inboxId, folderId: folder.folderId, missing: missing.length, gone }, 'an audit found differences');
    if (missing.length > maxMissing) this.held.keep(await folders.relist(session, folder));
    else if (missing.length > 0) await this.held.save(folder, await this.reader.read(folder, uidRanges(missing), maxMissing), 'stays');
    for (const uid of unread) await this.#tryAgain(path, uid);
  }

  /** A mail that was passed over. The session may end over it, as before: an audit ends with these, and each begins with another. */
  async #tryAgain(path: string, uid: number): Promise<void> {
    const folder = this.held.folder(path)!;
    const mail = await this.reader.readAgain(folder, uid);
    if (!mail) return;
    // It may be known, from another place or since it was read before: so it comes as history does, which says nothing twice.
    await this.held.save(folder, [mail], { historyNext: folder.historyNext });
    await this.reader.foundAgain(folder, uid);
  }

  /** Of history, what its limit reaches; all of what came since. Among all mail, drafts are passed over. */
  async #wantedSet(folder: Folder): Promise<UidRange[] | undefined> {
    const { imap, session, clock } = this.parts;
    const draft = imap.hasLabels() ? false : undefined;
    const history = await imap.uidSet({ since: historySince(session.historyDays, clock.now()), draft });
    const fresh = await imap.uidSet({ from: folder.historyStart, draft });
    return history && fresh && [...history, ...fresh];
  }
}
