// A mailbox in memory that a test changes at will, with the oddities of providers that Dovecot does not have.
import { EventEmitter } from 'node:events';

/** What this server has or lacks, against a plain one with IDLE and UIDPLUS. */
export interface ImapQuirks {
  /** Neither EXAMINE nor STATUS tells UIDNEXT. */
  noUidNext?: boolean;
  /** Nor UIDVALIDITY. */
  noUidValidity?: boolean;
  /** Each answer to a FETCH comes twice, and so does each EXISTS. */
  twice?: boolean;
  /** CONDSTORE without QRESYNC: `folder` counts in each folder, `account` has one count for all folders, as Stalwart does. */
  modseq?: 'folder' | 'account';
  /** Without it there is no IDLE; with a number an IDLE is ended by the server after so many milliseconds. */
  idle?: boolean | number;
  /** Labels instead of folders: a mail lies once in \All, and once more in the folder of each of its labels, under UIDs of their own. */
  gmail?: boolean;
  /** RFC 8474: a folder has an id that it keeps when it is renamed. */
  objectId?: boolean;
  /** Path of a folder → what LIST says of it besides its special use, such as \Noselect. */
  listFlags?: Record<string, string[]>;
}

export interface ScriptedMail {
  uid: number;
  raw: Buffer;
  flags: Set<string>;
  labels: Set<string>;
  /** INTERNALDATE as the server tells it. */
  receivedAt: string;
  modseq: number;
  gmailId: string;
}

export interface ScriptedFolder {
  path: string;
  specialUse: string;
  mailboxId: string;
  uidValidity: number;
  uidNext: number;
  mails: ScriptedMail[];
}

export interface PutOptions {
  /** Where it lies; with labels, \Inbox and the like or names of folders. */
  folder?: string;
  labels?: string[];
  flags?: string[];
  receivedAt?: string;
}

/** What an open session is told. */
interface Changes {
  exists: [path: string];
  expunge: [path: string, sequence: number];
  flags: [path: string, sequence: number];
}

export const allMail = '[Gmail]/All Mail';
const gmailFolders: Record<string, string> = {
  INBOX: '\\Inbox',
  '[Gmail]/Sent Mail': '\\Sent',
  '[Gmail]/Drafts': '\\Draft',
  '[Gmail]/Important': '\\Important',
};
const gmailUses = {
  '[Gmail]': '',
  INBOX: '',
  [allMail]: '\\All',
  '[Gmail]/Sent Mail': '\\Sent',
  '[Gmail]/Drafts': '\\Drafts',
  '[Gmail]/Important': '\\Important',
};
const plainFolders = { INBOX: '', Sent: '\\Sent', Drafts: '\\Drafts', Trash: '\\Trash' };

export class ScriptedMailbox extends EventEmitter<Changes> {
  readonly folders = new Map<string, ScriptedFolder>();
  /** The highest of all folders. */
  modseq = 1;
  #made = 0;

  constructor(readonly quirks: ImapQuirks) {
    super();
    this.setMaxListeners(0);
    for (const [path, use] of Object.entries(quirks.gmail ? gmailUses : plainFolders)) this.addFolder(path, use);
  }

  addFolder(path: string, specialUse = ''): ScriptedFolder {
    const count = ++this.#made;
    const folder = { path, specialUse, mailboxId: `F${count}`, uidValidity: 1_000 + count, uidNext: 1, mails: [] };
    this.folders.set(path, folder);
    return folder;
  }

  /** Keeps its mails, their UIDs and its UIDVALIDITY. */
  rename(from: string, to: string): void {
    const folder = this.folder(from);
    this.folders.delete(from);
    this.folders.set(to, Object.assign(folder, { path: to }));
  }

  folder(path: string): ScriptedFolder {
    const folder = this.folders.get(path);
    if (!folder) throw new Error(`there is no folder ${path}`);
    return folder;
  }

  /** A mail has come. */
  put(raw: Buffer, { folder = 'INBOX', labels = [], flags = [], receivedAt = imapDate(new Date()) }: PutOptions = {}): void {
    const gmailId = String(1_278_455_344_230_334_865n + BigInt(++this.#made));
    const places = this.quirks.gmail ? [allMail, ...labels.map(folderOfLabel)] : [folder];
    for (const path of places) {
      const at = this.folders.get(path) ?? this.addFolder(path);
      const own = new Set(labels.filter((label) => folderOfLabel(label) !== path));
      at.mails.push({
        uid: at.uidNext++,
        raw,
        flags: new Set(labels.includes('\\Draft') ? [...flags, '\\Draft'] : flags),
        labels: own,
        receivedAt,
        modseq: ++this.modseq,
        gmailId,
      });
      this.emit('exists', path);
    }
  }

  /** Gmail: a person gives a mail one more label. */
  label(path: string, uid: number, label: string): void {
    const mail = this.folder(path).mails.find((one) => one.uid === uid)!;
    const at = this.folder(folderOfLabel(label));
    mail.labels.add(label);
    at.mails.push({ ...mail, uid: at.uidNext++, modseq: ++this.modseq });
    this.emit('exists', at.path);
  }

  expunge(path: string, uid: number): void {
    const { mails } = this.folder(path);
    const at = mails.findIndex((mail) => mail.uid === uid);
    mails.splice(at, 1);
    this.modseq++;
    this.emit('expunge', path, at + 1);
  }

  flag(path: string, uid: number, flag: string): void {
    const { mails } = this.folder(path);
    const at = mails.findIndex((mail) => mail.uid === uid);
    mails[at]!.flags.add(flag);
    mails[at]!.modseq = ++this.modseq;
    this.emit('flags', path, at + 1);
  }

  highestModseq({ mails }: ScriptedFolder): number {
    return this.quirks.modseq === 'account' ? this.modseq : Math.max(1, ...mails.map(({ modseq }) => modseq));
  }
}

function folderOfLabel(label: string): string {
  return Object.entries(gmailFolders).find(([, own]) => own === label)?.[0] ?? label;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** As INTERNALDATE is written (RFC 9051 §9). */
export function imapDate(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${two(date.getUTCDate())}-${months[date.getUTCMonth()]}-${date.getUTCFullYear()}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`;
}
