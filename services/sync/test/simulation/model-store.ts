// Rows of folders, places and events as PostgreSQL keeps them, in memory: each call is one transaction, and a stale owner changes nothing.
import type { PlannedFolder } from '../../src/imap/folder-plan.js';
import type { UidRange } from '../../src/imap/uid-ranges.js';
import type { ServerUids } from '../../src/inbox/audit-store.js';
import type { Folder, InStep, ServerFolder } from '../../src/inbox/folder-store.js';
import type { ObservedBatch } from '../../src/inbox/observed-store.js';
import type { UnreadMail } from '../../src/inbox/unread-store.js';
import { fenced } from '../../src/inbox/owner-store.js';

export interface Place {
  path: string;
  uidValidity: bigint;
  uid: number;
  mailId: string;
  gone: boolean;
  logged: boolean;
  /** The folder's mod-sequence was known when it was saved: what becomes of the mail from then on is told by the server, and need not wait for an audit. */
  isFollowed: boolean;
}

/** One mail as one event told of it. */
export interface Telling {
  mailId: string;
  path: string;
  uidValidity: bigint;
  uid: number;
  historical: boolean;
  logged: boolean;
}

/** What outlives a process. */
export class ModelRows {
  epoch = 0;
  readonly folders = new Map<string, Folder>();
  readonly places: Place[] = [];
  readonly headers = new Set<string>();
  readonly told: Telling[] = [];
  unread: UnreadMail[] = [];
  gapsFound = 0;

  place(path: string, uidValidity: bigint, uid: number): Place | undefined {
    return this.places.find((one) => one.path === path && one.uidValidity === uidValidity && one.uid === uid);
  }
}

/** The stores of one process, which took the inbox at `epoch`; `step` is asked before and after each transaction, and may break it off. */
export class ModelStores {
  constructor(
    private readonly rows: ModelRows,
    private readonly epoch: number,
    private readonly now: () => Date,
    private readonly step: () => Promise<void>,
  ) {}

  list = async (): Promise<Folder[]> => [...this.rows.folders.values()];

  add = (_: unknown, { path, role }: PlannedFolder, { uidValidity, uidNext }: ServerFolder) =>
    this.#change(() => {
      const known = this.rows.folders.get(path);
      return known ?? this.#set({ ...listed(uidNext), folderId: path, path, role, uidValidity });
    });

  renew = (_: unknown, { path, role }: Folder, { uidValidity, uidNext }: ServerFolder) =>
    this.#change(() => this.#set({ ...listed(uidNext), folderId: path, path, role, uidValidity }));

  relist = (_: unknown, { path }: Folder) =>
    this.#change(() => {
      const { uidNext } = this.#row(path);
      return this.#set({ ...this.#row(path), historyStart: uidNext, historyNext: uidNext });
    });

  history = (_: unknown, { path }: Folder, progress: { total: number } | 'done') =>
    this.#change(() => void (progress === 'done' && this.#set({ ...this.#row(path), historyNext: 1 })));

  inStep = (_: unknown, { path, uidValidity }: Folder, vanished: readonly number[], { modseq, exists, hasShrunk }: InStep) =>
    this.#change(() => {
      this.#gone(path, uidValidity, vanished);
      const row = this.#row(path);
      return this.#set({ ...row, modseq, exists, auditedAt: hasShrunk ? undefined : row.auditedAt });
    });

  gone = (_: unknown, { path, uidValidity }: Folder, uids: readonly number[]) =>
    this.#change(() => {
      this.#gone(path, uidValidity, uids);
      const row = this.#row(path);
      return this.#set({ ...row, exists: row.exists === undefined ? undefined : row.exists - uids.length });
    });

  untold = async (_: unknown, { path, uidValidity }: Folder, uids: readonly number[]): Promise<number[]> =>
    uids.filter((uid) => !this.rows.place(path, uidValidity, uid)?.logged);

  known = async (): Promise<Set<string>> => new Set();

  save = ({ folder, cursor, observations }: ObservedBatch): Promise<number> =>
    this.#change(() => {
      const row = this.#row(folder.path);
      if (row.uidValidity !== folder.uidValidity) throw fenced();
      const historical = cursor !== 'stays' && 'historyNext' in cursor;
      let fresh = 0;
      for (const { uid, mailId, logged } of observations) {
        const isNew = !this.rows.headers.has(mailId);
        this.rows.headers.add(mailId);
        fresh += Number(isNew);
        const at = { path: folder.path, uidValidity: folder.uidValidity, uid };
        const place = this.rows.place(at.path, at.uidValidity, uid);
        const isNewMark = logged && !place?.logged;
        if (place) Object.assign(place, { gone: false, logged: place.logged || logged });
        else this.rows.places.push({ ...at, mailId, gone: false, logged, isFollowed: row.modseq !== undefined });
        if (!historical || isNew || isNewMark) this.rows.told.push({ ...at, mailId, historical, logged });
      }
      const exists = row.exists !== undefined && cursor !== 'stays' && 'uidNext' in cursor ? row.exists + cursor.arrived : row.exists;
      if (cursor !== 'stays' && 'uidNext' in cursor) this.#set({ ...row, uidNext: Math.max(row.uidNext, cursor.uidNext), exists });
      if (cursor !== 'stays' && 'historyNext' in cursor) this.#set({ ...row, historyNext: Math.min(row.historyNext, cursor.historyNext) });
      return fresh;
    });

  audit = (_: unknown, { path, uidValidity, uidNext }: Folder, { present, wanted }: ServerUids) =>
    this.#change(() => {
      const here = this.rows.places.filter((one) => one.path === path && one.uidValidity === uidValidity && !one.gone);
      const lost = here.filter(({ uid }) => uid < uidNext && !isIn(uid, present));
      for (const place of lost) place.gone = true;
      const known = new Set(here.map(({ uid }) => uid));
      const missing = wanted.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, at) => from + at));
      this.#set({ ...this.#row(path), auditedAt: this.now() });
      const isHere = (one: UnreadMail) => one.folderId === path && one.uidValidity === uidValidity;
      this.rows.unread = this.rows.unread.filter((one) => one.folderId !== path || (isHere(one) && isIn(one.uid, present)));
      const unread = this.rows.unread.filter(isHere).map(({ uid }) => uid);
      const gaps = missing.filter((uid) => uid < uidNext && !known.has(uid) && !unread.includes(uid)).reverse();
      this.rows.gapsFound += gaps.length;
      return { missing: gaps, gone: lost.length, unread };
    });

  /** Rows of unread mails, which have a store of their own. */
  readonly unread = {
    list: async (): Promise<UnreadMail[]> => [...this.rows.unread],
    add: (_: unknown, { path, uidValidity }: Folder, uids: readonly number[]) =>
      this.#change(() => this.rows.unread.push(...uids.map((uid) => ({ folderId: path, uidValidity, uid, foundAt: this.now() })))),
    tried: () => this.#change(() => undefined),
    read: (_: unknown, { path, uidValidity }: Folder, read: number) =>
      this.#change(() => {
        this.rows.unread = this.rows.unread.filter(
          ({ folderId, uidValidity: validity, uid }) => folderId !== path || validity !== uidValidity || uid !== read,
        );
      }),
  };

  /** One transaction: it may never begin, and its answer may be lost. */
  async #change<T>(work: () => T): Promise<T> {
    await this.step();
    if (this.epoch !== this.rows.epoch) throw fenced();
    const answer = work();
    await this.step();
    return answer;
  }

  #row(path: string): Folder {
    const row = this.rows.folders.get(path);
    if (!row) throw new Error('no such folder row');
    return row;
  }

  #set(row: Folder): Folder {
    this.rows.folders.set(row.path, row);
    return row;
  }

  #gone(path: string, uidValidity: bigint, uids: readonly number[]): void {
    for (const uid of uids) {
      const place = this.rows.place(path, uidValidity, uid);
      if (place) place.gone = true;
    }
  }
}

const listed = (uidNext: number) => ({
  ...{ uidNext, historyNext: uidNext, historyStart: uidNext },
  ...{ modseq: undefined, exists: undefined, auditedAt: undefined, mailboxId: '' },
  ...{ isLeft: false, historySince: undefined, hadSince: undefined },
});

const isIn = (uid: number, ranges: readonly UidRange[]): boolean => ranges.some(([from, to]) => from <= uid && uid <= to);
