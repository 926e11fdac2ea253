// Which folders of a mailbox are looked at, and what each is for.
import type { ListResponse } from 'imapflow';

/** As ObservedMail.folder_role. */
export type FolderRole = 'inbox' | 'sent' | 'archive' | 'drafts' | 'junk' | 'trash' | 'all' | 'other';

export interface PlannedFolder {
  path: string;
  role: FolderRole;
}

type Listed = Pick<ListResponse, 'path' | 'flags' | 'specialUse'>;

/** Folders held of one inbox, at most; a mailbox with more keeps the first of them by name. */
export const maxFolders = 200;

const bySpecialUse: Record<string, FolderRole> = {
  '\\inbox': 'inbox',
  '\\sent': 'sent',
  '\\archive': 'archive',
  '\\drafts': 'drafts',
  '\\junk': 'junk',
  '\\trash': 'trash',
  '\\all': 'all',
  '\\flagged': 'all',
  '\\important': 'all',
};
/** Copies of what lies elsewhere, what is not sent yet, and what nobody wants. */
const skipped: ReadonlySet<FolderRole> = new Set(['drafts', 'junk', 'trash', 'all']);
const notSelectable = ['\\noselect', '\\nonexistent'];

/**
 * Takes the folders as LIST told them, and the folder where a person puts what is to be logged.
 * Gives those to look at, INBOX first, then Sent. Roles are the server's own (RFC 6154), else imapflow tells them by well-known names.
 */
export function planFolders(listed: readonly Listed[], logFolder: string): PlannedFolder[] {
  const planned = listed
    .filter(({ flags }) => ![...flags].some((flag) => notSelectable.includes(flag.toLowerCase())))
    .map((folder) => ({ path: folder.path, role: roleOf(folder) }))
    .filter(({ path, role }) => path === logFolder || !skipped.has(role));
  const rank = ({ path, role }: PlannedFolder) => (role === 'inbox' ? 0 : role === 'sent' ? 1 : path === logFolder ? 2 : 3);
  return planned.sort((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path, 'en')).slice(0, maxFolders);
}

function roleOf({ path, specialUse }: Listed): FolderRole {
  if (path.toUpperCase() === 'INBOX') return 'inbox';
  return bySpecialUse[(specialUse ?? '').toLowerCase()] ?? 'other';
}
