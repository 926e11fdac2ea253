// Keeps what is known of one inbox's folders in step with the server: new mail upwards, history downwards, newest first.
import { count } from '@rejoinder/runtime/count';
import type { ListResponse } from 'imapflow';
import { inboxPath, listFolders, missingFolders, planFolders, type PlannedFolder } from '../imap/folder-plan.js';
import type { OpenFolder, SeenMail } from '../imap/imap-session.js';
import { logKeyword } from '../imap/log-keyword.js';
import { uidBatches, uidRanges } from '../imap/uid-ranges.js';
import type { AuditStore } from './audit-store.js';
import type { FolderChoiceStore } from './folder-choice-store.js';
import { everything, historySince, wantsMore } from './history-reach.js';
import { FolderAudit } from './folder-audit.js';
import type { Folder, FolderStore, ServerFolder } from './folder-store.js';
import { HeaderReader, type HeaderReaderParts } from './header-reader.js';
import { chosenPaths, settleLost } from './lost-folders.js';
import { MailTaker, type MailTakerParts } from './mail-taker.js';
import { mailsThatFit } from './observe-batch.js';
import type { Observation } from './observe.js';
import type { Cursor } from './observed-store.js';
import { Refusals } from './refusals.js';

export interface FolderSyncParts extends MailTakerParts, HeaderReaderParts {
  folders: FolderStore;
  choices: FolderChoiceStore;
  audits: AuditStore;
  historyBatch: number;
  /** A folder's UIDs are compared with the server's one by one this often. */
  auditEveryMs: number;
}

/** New mails in one transaction. */
const batchMails = 500;
/** A folder without mod-sequences is opened this often to look for marks. */
const marksEveryMs = 600_000;

export class FolderSync {
  #planned: PlannedFolder[] = [];
  readonly #folders = new Map<string, Folder>();
  /** UIDs of history still to be taken, ascending; asked for once a session. */
  readonly #history = new Map<string, number[]>();
  /** So many old mails are taken at once, as large as the last ones were. */
  #historyMails = Infinity;
  /** The batch of history that is being saved while the next is fetched. */
  #saving: Promise<void> = Promise.resolve();
  /** When marks were last looked for in a folder without mod-sequences, of which STATUS tells nothing. */
  readonly #markedAt = new Map<string, number>();
  readonly #reader: HeaderReader;
  readonly #refusals: Refusals;
  readonly #audit: FolderAudit;
  readonly #taker: MailTaker;

  constructor(private readonly parts: FolderSyncParts) {
    this.#taker = new MailTaker(parts);
    this.#reader = new HeaderReader(parts);
    this.#refusals = new Refusals(parts, this.#reader);
    this.#audit = new FolderAudit(parts, this.#reader, this.#refusals, {
      paths: () => this.paths(),
      folder: (path) => this.#folders.get(path),
      open: (path) => this.open(path),
      keep: (row) => this.#keep(row),
      save: (folder, mails, cursor) => this.#save(folder, mails, cursor),
    });
  }

  /** Learns which folders there are; those known keep their cursors. */
  async plan(): Promise<void> {
    const { imap, session, folders, choices } = this.parts;
    const listed = await imap.folders();
    const known = await folders.list(session);
    const lost = known.filter(({ path }) => !listed.some((folder) => folder.path === path));
    for (const { path } of lost) {
      this.#folders.delete(path);
      this.#history.delete(path);
    }
    const unknown = listFolders(listed, this.#planOf(listed)).filter(({ path }) => !known.some((folder) => folder.path === path));
    const renamed = await settleLost(lost, unknown, { ...this.parts, isRefusal: (error) => this.#refusals.isRefusal(error) });
    this.#planned = this.#planOf(listed);
    await choices.listed(session, listFolders(listed, this.#planned), missingFolders(listed, chosenPaths(session)));
    this.#refusals.listed();
    await this.#reader.begin(this.parts.clock.now());
    for (const folder of [...known, ...renamed]) {
      const planned = this.#planned.find(({ path }) => path === folder.path);
      if (planned) this.#folders.set(folder.path, { ...(await this.#widened(folder)), role: planned.role });
    }
    await this.#learnListed(listed);
  }

  #planOf(listed: ListResponse[]): PlannedFolder[] {
    const { imap, session } = this.parts;
    return planFolders(listed, session.logFolder, imap.hasLabels(), session.folders);
  }

  /** Folders that are new here, where the list has told how they stand: how much there is to read is known before any of it is read. */
  async #learnListed(listed: ListResponse[]): Promise<void> {
    for (const { path, status } of listed) {
      const isNew = this.#planned.some((planned) => planned.path === path) && !this.#folders.has(path);
      const { uidValidity, uidNext, messages } = status ?? {};
      if (isNew && uidValidity !== undefined && uidNext !== undefined) await this.#learn(path, { uidValidity, uidNext, messages });
    }
  }

  /** More history may be wanted now than when it was taken. */
  async #widened(folder: Folder): Promise<Folder> {
    if (!wantsMore(folder, this.#since())) return folder;
    this.#history.delete(folder.path);
    return this.parts.choices.widen(this.parts.session, folder, this.#since() ?? everything);
  }

  /** See HeaderReader. */
  hasNarrowed(): boolean {
    return this.#reader.hasNarrowed();
  }

  /** As soon as may be, besides its own time. */
  wantsList(): boolean {
    return this.#refusals.wantsList();
  }

  /** The folder that is kept open: INBOX, or the one with all mail. */
  base(): string {
    return this.#planned[0]?.path ?? inboxPath;
  }

  /** Paths of the folders to look at, the base first. */
  paths(): string[] {
    return this.#planned.map(({ path }) => path).filter((path) => !this.#refusals.isRefused(path));
  }

  pathOf(role: PlannedFolder['role']): string | undefined {
    const own = this.#planned.find((folder) => folder.role === role)?.path;
    // What has all mail has this too.
    return own ?? (this.base() === inboxPath ? undefined : this.base());
  }

  /** Asks how a folder stands, without opening it, and takes what is new. */
  look(path: string): Promise<void> {
    return this.#unlessRefused(path, () => this.#look(path));
  }

  async #look(path: string): Promise<void> {
    const status = await this.parts.imap.status(path);
    if (!status || status.uidValidity === undefined || status.uidNext === undefined) return void (await this.open(path));
    const known = this.#folders.get(path);
    if (!known || known.isLeft)
      await this.#learn(path, { uidValidity: status.uidValidity, uidNext: status.uidNext, messages: status.messages });
    else if (known.uidValidity !== status.uidValidity || known.uidNext < status.uidNext || this.#hasChanged(known, status))
      await this.open(path);
  }

  /** Whether the server has more to tell of a folder than new mail. */
  #hasChanged(known: Folder, { highestModseq, messages }: { highestModseq?: bigint | undefined; messages?: number | undefined }): boolean {
    if (highestModseq !== undefined && highestModseq !== 0n) return highestModseq !== known.modseq;
    const marksAreDue = this.parts.clock.now().getTime() - (this.#markedAt.get(known.path) ?? 0) >= marksEveryMs;
    return marksAreDue || messages !== known.exists;
  }

  /** Opens a folder and takes what is new since its cursor, and what else has changed. */
  async open(path: string): Promise<OpenFolder> {
    const { imap } = this.parts;
    const box = await imap.open(path, this.#folders.get(path));
    const uidNext = box.uidNext ?? ((await imap.uids({})).at(-1) ?? 0) + 1;
    const folder = await this.#learn(path, { uidValidity: box.uidValidity, uidNext, messages: box.exists });
    if (box.mailboxId !== folder.mailboxId) {
      const { mailboxId } = await this.parts.folders.identified(this.parts.session, folder, box.mailboxId);
      this.#folders.set(path, { ...folder, mailboxId });
    }
    if (folder.uidNext < uidNext) await this.#takeUpTo(folder, uidNext);
    await this.#takeChanges(this.#folders.get(path)!, box);
    return box;
  }

  /** Marks, and what was expunged: told by the server since the state that is saved (QRESYNC), else looked for. */
  async #takeChanges(folder: Folder, { changes, modseq, exists }: OpenFolder): Promise<void> {
    const { session, folders, clock } = this.parts;
    const isSame = folder.exists === exists && folder.modseq === modseq;
    if (isSame && modseq !== undefined) return;
    await this.#takeMarked(folder, changes ? changes.marked : await this.#marked());
    this.#markedAt.set(folder.path, clock.now().getTime());
    if (isSame) return;
    // What was fetched before the server told of its end is saved before that is.
    await this.#saving;
    const hasShrunk = !changes && folder.exists !== undefined && folder.exists !== exists;
    this.#keep(await folders.inStep(session, folder, changes?.vanished ?? [], { modseq, exists, hasShrunk }));
  }

  /** The row as it was saved; the cursors of before were of this session, too. */
  #keep(row: Folder): void {
    this.#folders.set(row.path, row);
  }

  /** New mails were announced in the open folder: usually one window of UIDs has them all. */
  async takeNew(path: string, announced: number): Promise<void> {
    const folder = this.#folders.get(path);
    if (!folder) return void (await this.open(path));
    const mails = await this.#reader.read(folder, `${folder.uidNext}:${folder.uidNext + batchMails - 1}`, batchMails);
    const fresh = mails.filter(({ uid }) => uid >= folder.uidNext);
    if (fresh.length > 0) await this.#save(folder, fresh, this.#upTo(folder, Math.max(...fresh.map(({ uid }) => uid)) + 1, fresh.length));
    // UIDs may have gaps, and more may have come than fit.
    if (fresh.length < announced) await this.open(path);
  }

  /** Takes the mails of the base, which is open, that carry the keyword by which a person asks for logging, and of which nobody was told yet. */
  async takeLogged(): Promise<void> {
    const folder = this.#folders.get(this.base());
    if (folder) await this.#takeMarked(folder, await this.#marked());
  }

  /** A server may refuse to look for a keyword that no mail of its has ever carried. */
  async #marked(): Promise<number[]> {
    try {
      return await this.parts.imap.uids({ keyword: logKeyword });
    } catch (error) {
      if (this.#refusals.isRefusal(error)) return [];
      throw error;
    }
  }

  /** They may be older than anything that history reaches. Newest first; what is above the cursor comes with the new mail. */
  async #takeMarked(folder: Folder, uids: readonly number[]): Promise<void> {
    const { session, folders } = this.parts;
    const marked = uids.filter((uid) => uid < this.#folders.get(folder.path)!.uidNext);
    const untold = await folders.untold(session, folder, marked);
    for (const batch of uidBatches(untold.reverse(), batchMails))
      await this.#save(folder, await this.#reader.read(folder, uidRanges(batch), batchMails), 'stays');
  }

  /** Mails of an open folder were expunged. */
  async takeExpunged(path: string, uids: readonly number[]): Promise<void> {
    const folder = this.#folders.get(path);
    if (!folder) return;
    await this.#saving;
    this.#keep(await this.parts.folders.gone(this.parts.session, folder, uids));
  }

  /** Audits the first folder that is due; false if none is. */
  auditStep(): Promise<boolean> {
    return this.#audit.step();
  }

  /** All folders are due for an audit. */
  resync(): Promise<void> {
    return this.#audit.allDue();
  }

  #since(): Date | undefined {
    return historySince(this.parts.session.historyDays, this.parts.clock.now());
  }

  /** Takes the next batch of history of the first folder that has some; false once none has. */
  async historyStep(): Promise<boolean> {
    const path = this.paths().find((one) => (this.#folders.get(one)?.historyNext ?? 1) > 1);
    if (path === undefined) return false;
    await this.#unlessRefused(path, () => this.#historyOf(path));
    return true;
  }

  /** Without the base there is no session. */
  #unlessRefused(path: string, work: () => Promise<void>): Promise<void> {
    return path === this.base() ? work() : this.#refusals.around(path, work);
  }

  async #historyOf(path: string): Promise<void> {
    if (this.parts.imap.selected() !== path) await this.open(path);
    const folder = this.#folders.get(path)!;
    const uids = this.#history.get(path) ?? (await this.#listHistory(folder));
    const batch = uids.splice(-Math.min(this.parts.historyBatch, this.#historyMails));
    if (batch.length === 0) {
      await this.#saving;
      this.#history.delete(path);
      await this.parts.folders.history(this.parts.session, folder, 'done');
      this.#moved(folder, { historyNext: 1 });
      return;
    }
    const mails = await this.#reader.read(folder, uidRanges(batch), batch.length);
    this.#historyMails = mailsThatFit(mails);
    const cursor = { historyNext: batch[0]! };
    const observations = await this.#taker.observe(folder, mails);
    await this.#saving;
    this.#saving = this.#store(folder, cursor, observations);
    // Whoever waits for it next hears of it.
    this.#saving.catch(() => undefined);
  }

  /** Nothing of it is being written any more; what could not be saved is fetched again by the next session. */
  async quiet(): Promise<void> {
    await this.#saving.catch(() => undefined);
  }

  async #listHistory(folder: Folder): Promise<number[]> {
    const { session, imap, folders } = this.parts;
    const since = this.#since();
    const had = new Set(folder.hadSince ? await imap.uids({ since: folder.hadSince }) : []);
    const uids = (await imap.uids({ since })).filter((uid) => uid < folder.historyNext && !had.has(uid));
    await folders.history(session, folder, { total: uids.length, since: since ?? everything });
    this.#history.set(folder.path, uids);
    return uids;
  }

  async #takeUpTo(folder: Folder, uidNext: number): Promise<void> {
    const { imap } = this.parts;
    const uids = uidNext - folder.uidNext <= batchMails ? undefined : await imap.uids({ from: folder.uidNext });
    const ranges = uids ? uidBatches(uids, batchMails).map((chunk) => ({ range: uidRanges(chunk), last: chunk.at(-1)! })) : [];
    if (!uids) ranges.push({ range: `${folder.uidNext}:${uidNext - 1}`, last: uidNext - 1 });
    for (const { range, last } of ranges) {
      const current = this.#folders.get(folder.path)!;
      const mails = await this.#reader.read(current, range, batchMails);
      const inRange = mails.filter(({ uid }) => uid >= current.uidNext && uid <= last);
      await this.#save(current, inRange, this.#upTo(current, last + 1, inRange.length));
    }
    const taken = this.#folders.get(folder.path)!;
    if (taken.uidNext < uidNext) await this.#save(taken, [], { uidNext, arrived: 0 });
  }

  /** The cursor after so many mails; those that were passed over have come, too. */
  #upTo(folder: Folder, uidNext: number, taken: number): Cursor {
    return { uidNext, arrived: taken + this.#reader.passedOver(folder, [folder.uidNext, uidNext - 1]) };
  }

  /** What is known of the folder, in step with its UIDVALIDITY. */
  async #learn(path: string, server: ServerFolder): Promise<Folder> {
    const { session, folders, choices, logger } = this.parts;
    const known = this.#folders.get(path);
    if (known?.isLeft && known.uidValidity === server.uidValidity) return this.#keptAs(await choices.rejoin(session, known, server));
    if (known && known.uidValidity === server.uidValidity) return known;
    if (known) count('rejoinder.sync.uid_validity_changes');
    if (known) logger.warn({ inboxId: session.inboxId, folderId: known.folderId }, 'a folder has a new UIDVALIDITY: it is listed again');
    const planned = this.#planned.find((folder) => folder.path === path) ?? { path, role: 'other' };
    // What is being saved under the old numbers must not meet the new.
    await this.#saving;
    const row = known ? await folders.renew(session, known, server) : await folders.add(session, planned, server);
    // Known from before under another UIDVALIDITY, but not to this session.
    const current = row.uidValidity === server.uidValidity ? row : await folders.renew(session, row, server);
    return this.#keptAs(current);
  }

  /** Its history is listed anew. */
  #keptAs(row: Folder): Folder {
    this.#history.delete(row.path);
    this.#keep(row);
    return row;
  }

  async #save(folder: Folder, mails: SeenMail[], cursor: Cursor): Promise<void> {
    await this.#store(folder, cursor, await this.#taker.observe(folder, mails));
  }

  async #store(folder: Folder, cursor: Cursor, observations: Observation[]): Promise<void> {
    await this.#taker.store(folder, cursor, observations);
    if (cursor !== 'stays') this.#moved(folder, cursor);
  }

  /** New mail and history move the cursors of one folder side by side. */
  #moved({ path, uidValidity }: Folder, cursor: Exclude<Cursor, 'stays'>): void {
    const known = this.#folders.get(path);
    if (known?.uidValidity !== uidValidity) return;
    if ('historyNext' in cursor) this.#folders.set(path, { ...known, historyNext: cursor.historyNext });
    else
      this.#folders.set(path, {
        ...known,
        uidNext: cursor.uidNext,
        exists: known.exists === undefined ? undefined : known.exists + cursor.arrived,
      });
  }
}
