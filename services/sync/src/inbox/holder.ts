// Holds one inbox: its IMAP session from login to its end, what is done on it in which order, and work that others bring to it.
import { Fault } from '@rejoinder/base/fault';
import type { MailLogin } from '@rejoinder/runtime/imap-connect';
import type { Logger } from '@rejoinder/runtime/logging';
import { inboxPath } from '../imap/folder-plan.js';
import { ImapSession } from '../imap/imap-session.js';
import { hasLogKeyword } from '../imap/log-keyword.js';
import { standsAfterMs } from './after-end.js';
import { FolderSync } from './folder-sync.js';
import { LookPlan } from './look-plan.js';
import { isFenced } from './owner-store.js';
import type { SessionRow, SessionStore } from './session-store.js';

export interface HolderParts {
  sessions: SessionStore;
  /** Logs in; the second and later calls are for work that would hold up the session. */
  connect: (row: SessionRow) => Promise<Login>;
  /** Forgets what means something else at another server. */
  arriveAt: (row: SessionRow, host: string) => Promise<void>;
  /** Makes what keeps the folders in step over this session. */
  folderSync: (row: SessionRow, imap: ImapSession, ownAddressHash: Buffer) => Promise<FolderSync>;
  folderPollMs: number;
  logger: Logger;
}

export interface Login {
  imap: ImapSession;
  login: MailLogin;
  /** Undefined where the address is not needed. */
  addressHash: Buffer<ArrayBuffer>;
}

interface Task {
  run: (imap: ImapSession) => Promise<void>;
  refuse: (fault: Fault) => void;
}

/** Work in hand is given this long when a session is to end; then its connection is closed. */
const stopWaitMs = 5_000;
export const noSession = (): Fault => new Fault('busy', 'NO_SESSION', 'The inbox has no session here at the moment.');

export class Holder {
  readonly #stop = new AbortController();
  readonly #tasks: Task[] = [];
  readonly #looks: LookPlan;
  #life: Promise<void> = Promise.resolve();
  #imap: ImapSession | undefined;
  #sync: FolderSync | undefined;
  #login: MailLogin | undefined;
  #second: Promise<unknown> = Promise.resolve();
  #onlyOne = false;
  #announced = 0;
  /** The base is open, and all that was there when it was opened has been taken. */
  #baseOpen = false;
  #flagged = false;
  #resync: boolean;
  /** UIDs that were expunged from the base while it was open. */
  #expunged: number[] = [];
  #saidLive = false;
  #isEnded = false;
  #standsSince: number | undefined;
  #wake: () => void = () => undefined;

  constructor(
    readonly row: SessionRow,
    private readonly parts: HolderParts,
  ) {
    this.#looks = new LookPlan(inboxPath, parts.folderPollMs);
    this.#resync = row.resync;
  }

  /** Begins; `over` is called once the session has ended, by itself or by stop(). */
  start(over: () => void): void {
    this.#life = this.#run().finally(over);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    const limit = setTimeout(() => void this.#imap?.close(), stopWaitMs);
    await this.#life;
    clearTimeout(limit);
  }

  /** It will not come to life again, though its connection may still be closing. */
  ended(): boolean {
    return this.#isEnded;
  }

  live(): boolean {
    return this.#sync !== undefined && !this.#isEnded && !this.#stop.signal.aborted && (this.#imap?.usable() ?? false);
  }

  /** Path of the folder with \Sent, or what passes for it. */
  sentPath(): string | undefined {
    return this.#sync?.pathOf('sent');
  }

  host(): string {
    return this.#login?.server.host ?? '';
  }

  /** Looks at a folder soon, as after a send. */
  lookSoon(path: string): void {
    this.#looks.soon(path, this.#sync?.paths().includes(path) ?? false);
    this.#wake();
  }

  /** Compares all folders with the server's soon. */
  resyncSoon(): void {
    this.#resync = true;
    this.#wake();
  }

  /** Does work on the session's own connection, between everything else; it may open another folder. */
  use<T>(work: (imap: ImapSession) => Promise<T>): Promise<T> {
    if (!this.live()) return Promise.reject(noSession());
    return new Promise<T>((resolve, reject) => {
      const run = (imap: ImapSession) => work(imap).then(resolve, reject);
      this.#tasks.push({ run, refuse: reject });
      this.#wake();
    });
  }

  /**
   * Does work on a second connection, closed after; one at a time, for what would hold up the session. Two are all an inbox ever has: Gmail allows an
   * account 15, Exchange 16, for its owner's own programs too. Where the server refuses a second, the session's own has to do.
   */
  useSecond<T>(work: (imap: ImapSession) => Promise<T>): Promise<T> {
    if (!this.live()) return Promise.reject(noSession());
    if (this.#onlyOne) return this.use(work);
    const mine = this.#second.then(async () => {
      const imap = await this.#openSecond();
      if (!imap) return this.use(work);
      try {
        return await work(imap);
      } finally {
        await imap.close();
      }
    });
    this.#second = mine.catch(() => undefined);
    return mine;
  }

  async #openSecond(): Promise<ImapSession | undefined> {
    try {
      return (await this.parts.connect(this.row)).imap;
    } catch (error) {
      this.#onlyOne = error instanceof Fault && error.code === 'TOO_MANY_CONNECTIONS';
      if (this.#onlyOne) return undefined;
      throw error;
    }
  }

  async #run(): Promise<void> {
    const { inboxId } = this.row;
    try {
      await this.parts.sessions.say(this.row, 'connecting');
      const { imap, login, addressHash } = await this.parts.connect(this.row);
      this.#imap = imap;
      this.#login = login;
      this.#listen(imap);
      this.#standsSince = performance.now();
      await this.parts.sessions.loggedIn(this.row, addressHash);
      await this.parts.arriveAt(this.row, login.server.host);
      const sync = await this.parts.folderSync(this.row, imap, addressHash);
      await this.#keep(sync, imap).finally(() => sync.quiet());
    } catch (error) {
      this.#isEnded = true;
      await this.#ended(error);
    } finally {
      this.#isEnded = true;
      this.#sync = undefined;
      for (const { refuse } of this.#tasks.splice(0)) refuse(noSession());
      await this.#imap?.close();
      this.parts.logger.debug({ inboxId }, 'session closed');
    }
  }

  #listen(imap: ImapSession): void {
    imap.onExists = (more) => {
      const path = imap.selected();
      if (path === this.#looks.base) this.#announced += Math.max(0, more);
      else if (path !== undefined && more > 0) this.#looks.soon(path, true);
      this.#wake();
    };
    imap.onFlags = (flags) => {
      if (!hasLogKeyword(flags) || imap.selected() !== this.#looks.base) return;
      this.#flagged = true;
      this.#wake();
    };
    imap.onExpunge = (uid) => {
      // Without its UID, the count of mails tells of it once the folder is opened anew.
      if (uid === undefined || imap.selected() !== this.#looks.base) return;
      this.#expunged.push(uid);
      this.#wake();
    };
    imap.onClose = () => this.#wake();
  }

  async #keep(sync: FolderSync, imap: ImapSession): Promise<void> {
    await this.#plan(sync);
    this.#sync = sync;
    await this.parts.sessions.takesWork(this.row);
    await this.#openBase(sync);
    while (!this.#stop.signal.aborted) {
      if (!imap.usable()) throw imap.lost();
      if (await this.#step(sync, imap)) continue;
      if (!this.#saidLive) await this.parts.sessions.say(this.row, 'live');
      this.#saidLive = true;
      await this.#idle(sync, imap);
    }
  }

  /** The most urgent thing there is to do; false if there is nothing. New mail first, then what others wait for, history last. */
  async #step(sync: FolderSync, imap: ImapSession): Promise<boolean> {
    if (this.#announced > 0 && imap.selected() === this.#looks.base) {
      const announced = this.#announced;
      this.#announced = 0;
      await sync.takeNew(this.#looks.base, announced);
      return true;
    }
    const task = this.#tasks.shift();
    if (task) {
      const opens = imap.opens;
      await task.run(imap);
      if (imap.opens !== opens) this.#baseOpen = false;
      return true;
    }
    if (this.#flagged && imap.selected() === this.#looks.base) {
      this.#flagged = false;
      await sync.takeLogged();
      return true;
    }
    if (this.#expunged.length > 0) {
      await sync.takeExpunged(this.#looks.base, this.#expunged.splice(0));
      return true;
    }
    if (this.#resync) {
      this.#resync = false;
      await sync.resync();
      return true;
    }
    return (await this.#lookAtDue(sync, imap)) || (await sync.historyStep()) || sync.auditStep();
  }

  async #lookAtDue(sync: FolderSync, imap: ImapSession): Promise<boolean> {
    if (this.#looks.listDue(performance.now()) || sync.wantsList()) {
      await this.#plan(sync);
      // The net below IDLE: the base is opened anew, so that an announcement that was missed is made up for.
      this.#baseOpen = false;
    }
    const due = this.#looks.due(sync.paths(), this.#inBase(imap), performance.now());
    if (due === undefined) return false;
    this.#looks.looked(due, performance.now());
    await sync.look(due);
    return true;
  }

  async #plan(sync: FolderSync): Promise<void> {
    await sync.plan();
    this.#looks.base = sync.base();
    this.#looks.listed(performance.now());
  }

  async #openBase(sync: FolderSync): Promise<void> {
    this.#announced = 0;
    this.#expunged = [];
    await sync.open(this.#looks.base);
    this.#baseOpen = true;
  }

  #inBase(imap: ImapSession): boolean {
    return this.#baseOpen && imap.selected() === this.#looks.base;
  }

  async #idle(sync: FolderSync, imap: ImapSession): Promise<void> {
    if (!this.#inBase(imap)) return this.#openBase(sync);
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    // Whatever came before this promise stood would not end the wait.
    if (
      this.#announced > 0 ||
      this.#flagged ||
      this.#expunged.length > 0 ||
      this.#tasks.length > 0 ||
      this.#resync ||
      this.#stop.signal.aborted
    )
      return;
    await imap.idle(this.#looks.waitMs(sync.paths(), true, performance.now()), woken);
  }

  /** Why it ended decides what comes next. */
  async #ended(error: unknown): Promise<void> {
    const { inboxId } = this.row;
    if (isFenced(error) || this.#stop.signal.aborted) return;
    // What IMAP refuses is a Fault already: anything else is trouble of this house, which is said aloud and tried again.
    const fault = error instanceof Fault ? error : new Fault('broken', 'INTERNAL', 'The session could not be kept.');
    if (fault.code === 'INTERNAL' || fault.code === 'SERVER_BROKEN') this.parts.logger.warn({ inboxId, error }, 'a session failed');
    try {
      const stoodMs = this.#standsSince === undefined ? 0 : performance.now() - this.#standsSince;
      const hasNarrowed = this.#sync?.hasNarrowed() ?? false;
      const ending = await this.parts.sessions.ended(this.row, fault, hasNarrowed ? standsAfterMs : stoodMs);
      this.parts.logger.info({ inboxId, code: fault.code, state: ending?.state, traceId: ending?.traceId }, 'session ended');
    } catch (cause) {
      if (!isFenced(cause)) this.parts.logger.warn({ inboxId, error: cause }, 'the end of a session could not be saved');
    }
  }
}
