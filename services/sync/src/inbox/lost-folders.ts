// What becomes of folders that the server no longer lists: a renamed one keeps all that is known of it, the others are forgotten.
import type { PlannedFolder } from '../imap/folder-plan.js';
import type { ImapSession } from '../imap/imap-session.js';
import type { Folder, FolderStore } from './folder-store.js';
import type { SessionRow } from './session-store.js';

export interface LostFoldersParts {
  session: SessionRow;
  imap: ImapSession;
  folders: FolderStore;
  /** The server refused one command, and is still there. */
  isRefusal: (error: unknown) => boolean;
}

/**
 * Takes rows whose paths are gone, and folders that have no row. Where the server names folders by an id (RFC 8474) a row follows its folder to the new
 * path; the rows that did are answered. Without ids nothing proves that it is the same folder: UIDVALIDITY may be the same for all. Such a one is listed anew.
 */
export async function settleLost(
  lost: readonly Folder[],
  fresh: readonly PlannedFolder[],
  { session, imap, folders, isRefusal }: LostFoldersParts,
): Promise<Folder[]> {
  const renamed: Folder[] = [];
  if (lost.length === 0) return renamed;
  for (const planned of imap.has('OBJECTID') ? fresh : []) {
    // One that may not be opened is no reason to end the session, now and each time again.
    const opened = await imap.open(planned.path).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      return undefined;
    });
    if (!opened) continue;
    const { mailboxId, uidValidity } = opened;
    const before = lost.find((folder) => mailboxId !== '' && folder.mailboxId === mailboxId && folder.uidValidity === uidValidity);
    if (before) renamed.push(await folders.rename(session, before, planned));
  }
  await folders.forget(
    session,
    lost.filter(({ folderId }) => !renamed.some((folder) => folder.folderId === folderId)),
  );
  return renamed;
}
