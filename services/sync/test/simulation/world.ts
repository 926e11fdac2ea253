// Sync's machine over a model mailbox and model rows: what people do, what breaks, and what must hold whatever the order.
import { createHash } from 'node:crypto';
import type { Logger } from '@rejoinder/runtime/logging';
import { parseHeaders } from '@rejoinder/mail/headers';
import type { FolderSync, FolderSyncParts } from '../../src/inbox/folder-sync.js';
import { mailIdOf, type Hash } from '../../src/inbox/observe.js';
import { isFenced } from '../../src/inbox/owner-store.js';
import { isBreak } from '../../src/inbox/header-reader.js';
import type { Suspects } from '../../src/inbox/suspects.js';
import { Crash, ModelConnection, ModelFolder, type Extension, type ModelMail } from './model-server.js';
import { ModelRows, ModelStores } from './model-store.js';

export type Path = 'INBOX' | 'Archive';

export type Move =
  | { kind: 'put'; path: Path; count: number; marked: boolean }
  | { kind: 'expunge' | 'mark' | 'poison'; path: Path; at: number }
  | { kind: 'move'; at: number }
  | { kind: 'renumber' | 'look'; path: Path }
  /** So many steps of the session, or of the one that has lost the inbox and does not know. */
  | { kind: 'work' | 'zombie'; steps: number }
  /** After so many more calls of the process the connection breaks, or the process dies. */
  | { kind: 'break' | 'die'; after: number }
  /** The wish to hold it comes once more, changed: the session ends in order and another begins. Or the server tells its last news twice. */
  | { kind: 'takeover' | 'lie' | 'restart' | 'again' }
  | { kind: 'later'; minutes: number };

const minuteMs = 60_000;
const hash: Hash = (kind, text) => createHash('sha256').update(`${kind} ${text}`).digest() as Buffer<ArrayBuffer>;
const mailIdOfName = (name: string): string => mailIdOf(parseHeaders(Buffer.from(`Message-ID: <${name}@model>\r\n\r\n`)), hash);
const silent = { warn: () => undefined, info: () => undefined, error: () => undefined } as unknown as Logger;

/** One session, with what the server has told it meanwhile: as Holder keeps it. */
interface Session {
  sync: FolderSync;
  connection: ModelConnection;
  announced: number;
  flagged: boolean;
  expunged: number[];
  /** What it was told last. */
  last: (session: Session) => void;
  isPlanned: boolean;
  breaksIn: number | undefined;
  diesIn: number | undefined;
  isDead: boolean;
}

export class World {
  readonly rows = new ModelRows();
  readonly #folders = new Map<Path, ModelFolder>((['INBOX', 'Archive'] as const).map((path) => [path, new ModelFolder(path)]));
  #now = Date.UTC(2026, 10, 1);
  #names = 0;
  #transactions = 0;
  /** How often each mail came into a folder. */
  readonly #arrivals = new Map<string, number>();
  readonly #mark = new Set<string>();
  /** Of the process that has the inbox. */
  #suspects = new Map<string, Suspects>();
  #session: Session | undefined;
  #zombie: Session | undefined;
  readonly broken: string[] = [];

  constructor(
    private readonly machine: new (parts: FolderSyncParts) => FolderSync,
    private readonly extension: Extension,
    private readonly historyBatch: number,
    private readonly slowness: number,
  ) {}

  async play(moves: readonly Move[]): Promise<void> {
    for (const move of moves) {
      await this.#play(move);
      this.#checkCursors(JSON.stringify(move));
      this.#checkInStep(JSON.stringify(move));
    }
    await this.#settle();
    this.#checkAll();
  }

  async #play(move: Move): Promise<void> {
    switch (move.kind) {
      case 'put':
        for (let n = 0; n < move.count; n++) this.#put(move.path, `m${this.#names++}`, move.marked);
        return;
      case 'mark':
        return this.#withMail(move.path, move.at, (mail, folder) => this.#markMail(folder, mail));
      case 'expunge':
        return this.#withMail(move.path, move.at, (mail, folder) => this.#expunge(folder, mail));
      case 'poison':
        return this.#withMail(move.path, move.at, (mail) => void (mail.poisoned = true));
      case 'move':
        return this.#withMail('INBOX', move.at, (mail, folder) => {
          this.#expunge(folder, mail);
          this.#put('Archive', mail.name, mail.marked);
        });
      case 'renumber':
        // Servers end the sessions that have it open; others meet it when they open it next.
        if (this.#session?.connection.selected() === move.path) {
          await this.#session.sync.quiet();
          this.#session = undefined;
        }
        this.#folder(move.path).renumber();
        return;
      case 'look':
        await this.#in(this.#session, (session) => session.sync.look(move.path));
        return;
      case 'work':
        for (let n = 0; n < move.steps; n++) await this.#in(this.#live(), (session) => this.#step(session));
        return;
      case 'zombie':
        for (let n = 0; n < move.steps; n++) await this.#in(this.#zombie, (session) => this.#step(session));
        return;
      case 'break':
      case 'die':
        this.#live()[move.kind === 'break' ? 'breaksIn' : 'diesIn'] = move.after;
        return;
      case 'takeover':
        this.#zombie = this.#session;
        this.#session = undefined;
        this.#suspects = new Map();
        this.rows.epoch++;
        return;
      case 'lie':
        this.#live().connection.lies = true;
        await this.#in(this.#session, (session) => session.sync.auditStep());
        if (this.#session) this.#session.connection.lies = false;
        return;
      case 'restart':
        await this.#session?.sync.quiet();
        this.#session = undefined;
        return;
      case 'again':
        for (const session of [this.#session, this.#zombie]) session?.last(session);
        return;
      case 'later':
        this.#now += move.minutes * minuteMs;
    }
  }

  #folder(path: Path): ModelFolder {
    return this.#folders.get(path)!;
  }

  #withMail(path: Path, at: number, work: (mail: ModelMail, folder: ModelFolder) => void): void {
    const folder = this.#folder(path);
    if (folder.mails.length > 0) work(folder.mails[at % folder.mails.length]!, folder);
  }

  #put(path: Path, name: string, marked: boolean): void {
    this.#folder(path).put(name, marked);
    this.#arrivals.set(name, (this.#arrivals.get(name) ?? 0) + 1);
    if (marked) this.#mark.add(name);
    this.#tell(path, (session) => session.announced++);
  }

  #markMail(folder: ModelFolder, mail: ModelMail): void {
    folder.mark(mail);
    this.#mark.add(mail.name);
    this.#tell(folder.path as Path, (session) => (session.flagged = true));
  }

  #expunge(folder: ModelFolder, mail: ModelMail): void {
    folder.expunge(mail);
    if (this.extension === 'qresync') this.#tell(folder.path as Path, (session) => session.expunged.push(mail.uid));
  }

  /** A server tells of the folder that is open, and of no other. */
  #tell(path: Path, what: (session: Session) => void): void {
    for (const session of [this.#session, this.#zombie]) {
      if (session?.connection.selected() !== path || path !== 'INBOX') continue;
      session.last = what;
      what(session);
    }
  }

  #live(): Session {
    this.#session ??= this.#begin();
    return this.#session;
  }

  #begin(): Session {
    const count = (what: 'breaksIn' | 'diesIn') => {
      if (session.isDead) throw new Crash('dead');
      if (session[what] === undefined || session[what]-- > 0) return;
      session.isDead = what === 'diesIn';
      throw new Crash(what);
    };
    const connection = new ModelConnection(this.#folders, this.extension, () => {
      count('breaksIn');
      count('diesIn');
    });
    const stores = new ModelStores(
      this.rows,
      this.rows.epoch,
      () => new Date(this.#now),
      async () => {
        // None takes as long as the one before: those that run side by side end in any order.
        const turns = (this.#transactions++ * 7_919) % (this.slowness + 1);
        for (let turn = 0; turn <= turns; turn++) await Promise.resolve();
        count('diesIn');
      },
    );
    const imap = Object.assign(Object.create(connection) as ModelConnection, { folders: connection.folders_.bind(connection) });
    for (const name of ['status', 'open', 'headers', 'uids', 'uidSet', 'selected'] as const)
      Object.assign(imap, { [name]: connection[name].bind(connection) });
    const parts = {
      session: { tenantId: 't', inboxId: 'i', historyDays: 0, logFolder: '', folders: [] },
      imap,
      ...{
        folders: stores,
        choices: { listed: async () => undefined },
        audits: stores,
        observed: stores,
        unread: stores.unread,
        suspects: this.#suspects,
      },
      around: { hash, isSigned: () => false, isOwn: () => false },
      ownHashes: [],
      historyBatch: this.historyBatch,
      auditEveryMs: 24 * 60 * minuteMs,
      clock: { now: () => new Date(this.#now) },
      logger: silent,
    } as unknown as FolderSyncParts;
    const session: Session = {
      ...{ sync: new this.machine(parts), connection, announced: 0, flagged: false, expunged: [] },
      ...{ last: () => undefined, isPlanned: false, breaksIn: undefined, diesIn: undefined, isDead: false },
    };
    return session;
  }

  /** What Holder does next. */
  async #step(session: Session): Promise<boolean> {
    const { sync, connection } = session;
    if (!session.isPlanned) {
      await sync.plan();
      session.isPlanned = true;
      return true;
    }
    if (connection.selected() !== 'INBOX') {
      Object.assign(session, { announced: 0, expunged: [] });
      await sync.open('INBOX');
    } else if (session.announced > 0) {
      const announced = session.announced;
      session.announced = 0;
      await sync.takeNew('INBOX', announced);
    } else if (session.flagged) {
      session.flagged = false;
      await sync.takeLogged();
    } else if (session.expunged.length > 0) await sync.takeExpunged('INBOX', session.expunged.splice(0));
    else return (await sync.historyStep()) || sync.auditStep();
    return true;
  }

  async #in(session: Session | undefined, work: (session: Session) => Promise<unknown>): Promise<boolean> {
    if (!session) return false;
    try {
      return (await work(session)) !== false;
    } catch (error) {
      // Who holds the inbox is never told that another does.
      if (isFenced(error) && session === this.#session && this.#zombie === undefined) this.broken.push('the owner was fenced');
      if (!(error instanceof Crash) && !isBreak(error) && !isFenced(error)) throw error;
      if (session.isDead) this.#suspects = new Map();
      await session.sync.quiet();
      if (session === this.#session) this.#session = undefined;
      if (session === this.#zombie) this.#zombie = undefined;
      return false;
    }
  }

  /** No more faults: one session looks at everything, also after the pause between two audits; and on the day after what was poisoned can be read. */
  async #settle(): Promise<void> {
    await this.#lookAtAll();
    this.#checkGone();
    this.#now += 25 * 60 * minuteMs;
    for (const { mails } of this.#folders.values()) for (const mail of mails) mail.poisoned = false;
    await this.#lookAtAll();
  }

  async #lookAtAll(): Promise<void> {
    await this.#session?.sync.quiet();
    await this.#zombie?.sync.quiet();
    this.#session = this.#zombie = undefined;
    for (let round = 0; round < 3; round++) {
      for (const path of this.#folders.keys()) {
        // Each look may end over a poisoned mail, until that is passed over.
        for (let n = 0; n < 50; n++) {
          await this.#in(this.#live(), async (session) => session.isPlanned || this.#step(session));
          if (await this.#in(this.#session, (session) => session.sync.look(path))) break;
        }
      }
      for (let n = 0; n < 300; n++) if (!(await this.#in(this.#live(), (session) => this.#step(session))) && this.#session) break;
      this.#now += 11 * minuteMs;
    }
    await this.#live().sync.quiet();
  }

  /** What lies between a folder's cursors has been taken, at every moment. */
  #checkCursors(after: string): void {
    const isUnread = (path: string, validity: bigint, uid: number) =>
      this.rows.unread.some((one) => one.folderId === path && one.uidValidity === validity && one.uid === uid);
    for (const { path, uidValidity, uidNext, historyNext } of this.rows.folders.values()) {
      const folder = this.#folder(path as Path);
      if (folder.uidValidity !== uidValidity) continue;
      for (const { uid, name } of folder.mails)
        if (uid >= historyNext && uid < uidNext && !this.rows.place(path, uidValidity, uid) && !isUnread(path, uidValidity, uid))
          this.broken.push(`the cursor is ahead of ${name} in ${path} after ${after}`);
    }
  }

  /**
   * No place is thought to be there of which the server has told that it is gone: in no folder whose saved mod-sequence is the server's, nor in the open one
   * once all that was told of it has been taken.
   */
  #checkInStep(after: string): void {
    if (this.extension !== 'qresync') return;
    const session = this.#session;
    const told = session?.expunged.length === 0 ? session.connection.selected() : undefined;
    for (const { path, uidValidity, modseq } of this.rows.folders.values()) {
      const folder = this.#folder(path as Path);
      if (folder.uidValidity !== uidValidity || (modseq !== folder.modseq && (path !== 'INBOX' || path !== told))) continue;
      const uids = new Set(folder.mails.map(({ uid }) => uid));
      for (const place of this.rows.places)
        if (place.path === path && place.uidValidity === uidValidity && place.isFollowed && !place.gone && !uids.has(place.uid))
          this.broken.push(`UID ${place.uid} of ${path} was told to be gone and is thought to be there after ${after}`);
    }
  }

  #checkGone(): void {
    for (const [path, { uidValidity, mails }] of this.#folders) {
      const uids = new Set(mails.map(({ uid }) => uid));
      for (const place of this.rows.places)
        if (place.path === path && place.uidValidity === uidValidity && !place.gone !== uids.has(place.uid))
          this.broken.push(`UID ${place.uid} of ${path} is thought to be ${place.gone ? 'gone' : 'there'}`);
    }
  }

  #checkAll(): void {
    const { rows } = this;
    this.#checkGone();
    for (const [path, { uidValidity, mails }] of this.#folders)
      for (const { uid, name } of mails)
        if (rows.place(path, uidValidity, uid)?.mailId !== mailIdOfName(name)) this.broken.push(`${name} in ${path} is lost`);
    if (rows.unread.length > 0) this.broken.push('a mail that can be read again was not');
    if (rows.gapsFound > 0) this.broken.push(`an audit had ${rows.gapsFound} mails to find`);
    for (const name of this.#arrivals.keys()) this.#checkTold(name);
  }

  #checkTold(name: string): void {
    const told = this.rows.told.filter(({ mailId }) => mailId === mailIdOfName(name));
    const fresh = told.filter(({ historical, logged }) => !historical && !logged).length;
    const old = told.filter(({ historical, logged }) => historical && !logged).length;
    const logged = told.filter((one) => one.logged).map(({ path, uidValidity, uid }) => `${path} ${uidValidity} ${uid}`);
    if (fresh > this.#arrivals.get(name)!) this.broken.push(`${name} is told ${fresh} times as new`);
    if (old > 1) this.broken.push(`${name} is told ${old} times as history`);
    if (new Set(logged).size < logged.length) this.broken.push(`${name} is told twice as marked`);
    const isThere = [...this.#folders.values()].some(({ mails }) => mails.some((mail) => mail.name === name && mail.marked));
    if (isThere && logged.length === 0) this.broken.push(`${name} is marked and nobody was told`);
    if (isThere === false && !this.#mark.has(name) && logged.length > 0) this.broken.push(`${name} is told as marked`);
  }
}
