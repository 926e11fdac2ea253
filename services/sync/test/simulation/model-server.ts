// A mailbox as IMAP shows it, in memory: UIDs, UIDVALIDITY, mod-sequences, and what a connection is told while a folder is open.
import { Fault } from '@rejoinder/base/fault';
import { faultOf } from '@rejoinder/contracts/catalogue';
import type { FolderChanges, OpenFolder, SeenMail, UidQuery } from '../../src/imap/imap-session.js';
import { logKeyword } from '../../src/imap/log-keyword.js';
import { parseUidSet, uidRanges, type UidRange } from '../../src/imap/uid-ranges.js';

export interface ModelMail {
  uid: number;
  /** What the mail is, wherever a copy of it lies. */
  name: string;
  marked: boolean;
  modseq: bigint;
  /** Asked for its header fields, the server breaks off. */
  poisoned: boolean;
}

/** What the server can do of RFC 7162. */
export type Extension = 'qresync' | 'condstore' | 'none';

export class ModelFolder {
  uidValidity = 1n;
  uidNext = 1;
  modseq = 1n;
  mails: ModelMail[] = [];
  readonly #expunged: { uid: number; modseq: bigint }[] = [];

  constructor(readonly path: string) {}

  put(name: string, marked = false): void {
    this.mails.push({ uid: this.uidNext++, name, marked, modseq: ++this.modseq, poisoned: false });
  }

  mark(mail: ModelMail): void {
    mail.marked = true;
    mail.modseq = ++this.modseq;
  }

  expunge(mail: ModelMail): void {
    this.mails = this.mails.filter((one) => one !== mail);
    this.#expunged.push({ uid: mail.uid, modseq: ++this.modseq });
  }

  /** All of its mails are there under other UIDs. */
  renumber(): void {
    this.uidValidity++;
    this.mails = this.mails.map((mail, at) => ({ ...mail, uid: at + 1, modseq: 1n }));
    this.uidNext = this.mails.length + 1;
    this.modseq = 1n;
    this.#expunged.length = 0;
  }

  changesSince(modseq: bigint): FolderChanges {
    return {
      vanished: this.#expunged.filter((one) => one.modseq > modseq).map(({ uid }) => uid),
      marked: this.mails.filter((one) => one.modseq > modseq && one.marked).map(({ uid }) => uid),
    };
  }
}

/** A fault that ends the session in hand: the connection breaks, or the process dies. */
export class Crash extends Error {}

/** One connection; `step` is asked before and after whatever the server does, and may break it off. */
export class ModelConnection {
  #selected: ModelFolder | undefined;
  /** The next SEARCH forgets some. */
  lies = false;

  constructor(
    private readonly folders: ReadonlyMap<string, ModelFolder>,
    private readonly extension: Extension,
    private readonly step: () => void,
  ) {}

  usable = (): boolean => true;
  hasLabels = (): boolean => false;
  selected = (): string | undefined => this.#selected?.path;

  async folders_(): Promise<unknown[]> {
    return [...this.folders.keys()].map((path) => ({
      path,
      flags: new Set<string>(),
      specialUse: path === 'INBOX' ? '\\Inbox' : undefined,
    }));
  }

  async status(path: string) {
    this.step();
    const { uidNext, uidValidity, modseq, mails } = this.#folder(path);
    return { uidNext, uidValidity, messages: mails.length, highestModseq: this.extension === 'none' ? undefined : modseq };
  }

  async open(path: string, since?: { uidValidity: bigint; modseq: bigint | undefined }): Promise<OpenFolder> {
    this.step();
    const folder = this.#folder(path);
    this.#selected = folder;
    const isKnown = this.extension === 'qresync' && since?.modseq !== undefined && since.uidValidity === folder.uidValidity;
    return {
      uidValidity: folder.uidValidity,
      mailboxId: '',
      uidNext: folder.uidNext,
      exists: folder.mails.length,
      modseq: this.extension === 'none' ? undefined : folder.modseq,
      changes: isKnown ? folder.changesSince(since.modseq!) : undefined,
    };
  }

  async headers(range: string, limit: number): Promise<SeenMail[]> {
    this.step();
    const wanted = parseUidSet(range) ?? [];
    const found = this.#open().mails.filter(({ uid }) => wanted.some(([from, to]) => from <= uid && uid <= to));
    this.step();
    if (found.some(({ poisoned }) => poisoned)) throw faultOf('CONNECTION_LOST');
    return found.slice(0, limit).map(({ uid, name, marked }) => ({
      uid,
      flags: new Set(marked ? [logKeyword] : []),
      receivedAt: new Date(0),
      sizeBytes: 1,
      header: Buffer.from(`Message-ID: <${name}@model>\r\n\r\n`),
    }));
  }

  async uids({ from = 1, keyword, uid: set }: UidQuery): Promise<number[]> {
    this.step();
    const wanted = set === undefined ? undefined : parseUidSet(set);
    const isWanted = (uid: number) => uid >= from && (!wanted || wanted.some(([low, high]) => low <= uid && uid <= high));
    const found = this.#open().mails.filter((mail) => isWanted(mail.uid) && (keyword === undefined || mail.marked));
    const all = found.map(({ uid }) => uid);
    return this.lies ? all.filter((_, at) => at % 2 === 0) : all;
  }

  async uidSet(query: UidQuery): Promise<UidRange[] | undefined> {
    return parseUidSet(uidRanges(await this.uids(query)));
  }

  #folder(path: string): ModelFolder {
    const folder = this.folders.get(path);
    if (!folder) throw new Fault('busy', 'UNAVAILABLE', 'There is no such folder.');
    return folder;
  }

  #open(): ModelFolder {
    if (!this.#selected) throw new Error('no folder is open');
    return this.#selected;
  }
}
