// Looks for one mail among those that are older than an inbox's history goes back: their header fields are read once, and only what is found is kept.
import { canonicalMessageId } from '@rejoinder/mail/message-id';
import { firstValue, parseHeaders } from '@rejoinder/mail/headers';
import type { ImapSession, SeenMail } from '../imap/imap-session.js';
import { uidRanges } from '../imap/uid-ranges.js';
import type { Folder } from '../inbox/folder-store.js';
import { isRefusal } from '../inbox/refusals.js';

export interface Sought {
  /** Mails from this day on were observed. */
  since: Date;
  isSought: (messageId: string) => boolean;
  /** The process ends, or the row is no longer ours. */
  signal: AbortSignal;
  /** The server does not let it be looked into; the others are. */
  onRefused: (folder: Folder) => void;
}

export interface FoundMail {
  folder: Folder;
  mail: SeenMail;
}

const batchMails = 500;
/** Looked at in one folder, newest first. */
const maxMails = 500_000;

/** The first copy in these folders; undefined where there is none. */
export async function findOlder(imap: ImapSession, folders: readonly Folder[], sought: Sought): Promise<FoundMail | undefined> {
  for (const folder of folders) {
    if (sought.signal.aborted) return undefined;
    try {
      const mail = await findIn(imap, folder, sought);
      if (mail) return { folder, mail };
    } catch (error) {
      if (!isRefusal(imap, error)) throw error;
      sought.onRefused(folder);
    }
  }
  return undefined;
}

async function findIn(imap: ImapSession, folder: Folder, { since, isSought, signal }: Sought): Promise<SeenMail | undefined> {
  if ((await imap.open(folder.path)).uidValidity !== folder.uidValidity) return undefined;
  const observed = new Set(await imap.uids({ since }));
  const older = (await imap.uids({})).filter((uid) => !observed.has(uid)).slice(-maxMails);
  for (let end = older.length; end > 0 && !signal.aborted; end -= batchMails) {
    const mails = await imap.headers(uidRanges(older.slice(Math.max(0, end - batchMails), end)), batchMails);
    const found = mails.find(({ header }) => {
      const id = canonicalMessageId(firstValue(parseHeaders(header), 'message-id') ?? '');
      return id !== undefined && isSought(id);
    });
    if (found) return found;
  }
  return undefined;
}
