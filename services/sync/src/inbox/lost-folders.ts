// What becomes of folders that the server no longer lists: a renamed one keeps all that is known of it, the others are forgotten.
import { maxFolders, type ListedFolder } from '../imap/folder-plan.js';
import type { ImapSession } from '../imap/imap-session.js';
import type { FolderChoiceStore } from './folder-choice-store.js';
import type { Folder, FolderStore } from './folder-store.js';
import type { SessionRow } from './session-store.js';

export interface LostFoldersParts {
  session: SessionRow;
  imap: ImapSession;
  folders: FolderStore;
  choices: FolderChoiceStore;
  /** The server refused one command, and is still there. */
  isRefusal: (error: unknown) => boolean;
}

type Choice = Pick<SessionRow, 'folders' | 'logFolder'>;

/** Folders that a person has named in the settings. */
export const chosenPaths = ({ folders, logFolder }: Choice): string[] => [...folders, ...(logFolder === '' ? [] : [logFolder])];

/**
 * Takes rows whose paths are gone, and folders that have no row. Where the server names folders by an id (RFC 8474) a row follows its folder to the new
 * path, and so does the choice that named it; the rows that did are answered. Without ids nothing proves that it is the same folder: UIDVALIDITY may be the
 * same for all. Such a one is listed anew if it is to be looked at by its new name.
 */
export async function settleLost(
  lost: readonly Folder[],
  unknown: readonly ListedFolder[],
  { session, imap, folders, choices, isRefusal }: LostFoldersParts,
): Promise<Folder[]> {
  const renamed: Folder[] = [];
  if (lost.length === 0) return renamed;
  // A chosen folder may have any name now; the others are looked for among those that are to be looked at.
  const isChosenLost = lost.some(({ path }) => chosenPaths(session).includes(path));
  const candidates = unknown.filter(({ lookedAt }) => lookedAt || isChosenLost).slice(0, maxFolders);
  const found = new Set<string>();
  for (const candidate of imap.has('OBJECTID') ? candidates : []) {
    // One that may not be opened is no reason to end the session, now and each time again.
    const opened = await imap.open(candidate.path).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      return undefined;
    });
    if (!opened) continue;
    const { mailboxId, uidValidity } = opened;
    const before = lost.find((folder) => mailboxId !== '' && folder.mailboxId === mailboxId && folder.uidValidity === uidValidity);
    if (!before) continue;
    found.add(before.folderId);
    renamed.push(await choices.rename(session, before, candidate));
    // What this session goes by is what the row says.
    Object.assign(session, followed(session, before.path, candidate.path));
    if (found.size === lost.length) break;
  }
  await folders.forget(
    session,
    lost.filter(({ folderId }) => !found.has(folderId)),
  );
  return renamed;
}

function followed({ folders, logFolder }: Choice, from: string, to: string): Choice {
  return { folders: folders.map((path) => (path === from ? to : path)), logFolder: logFolder === from ? to : logFolder };
}
