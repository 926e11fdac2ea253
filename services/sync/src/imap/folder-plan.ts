// Which folders of a mailbox are looked at, and what each is for.
import type { ListResponse } from 'imapflow';

/** As ObservedMail.folder_role. */
export type FolderRole = 'inbox' | 'sent' | 'archive' | 'drafts' | 'junk' | 'trash' | 'all' | 'other';

export interface PlannedFolder {
  path: string;
  role: FolderRole;
}

type Listed = Pick<ListResponse, 'path' | 'flags' | 'specialUse'>;

/** INBOX, unless the server has labels for folders: see planFolders. */
export const inboxPath = 'INBOX';
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
/** The first that is there counts: a mail to oneself is both sent and in the inbox. */
const byLabel: readonly (readonly [string, FolderRole])[] = [
  ['\\draft', 'drafts'],
  ['\\drafts', 'drafts'],
  ['\\sent', 'sent'],
  ['\\trash', 'trash'],
  ['\\spam', 'junk'],
  ['\\inbox', 'inbox'],
];

/** Copies of what lies elsewhere, what is not sent yet, and what nobody wants. */
const skipped: ReadonlySet<FolderRole> = new Set(['drafts', 'junk', 'trash', 'all']);
const notSelectable = ['\\noselect', '\\nonexistent'];

/**
 * Takes the folders as LIST told them, and the folder where a person puts what is to be logged.
 * Gives those to look at, the one that is kept open first: INBOX, then Sent and the others. With Gmail's labels it is \\All instead, which has every mail once,
 * archived and sent ones too: one IDLE tells of all of them, and no other folder needs to be asked. Where its owner hides \\All from IMAP, labels are
 * folders like any other. Where a person has chosen, it is INBOX, Sent and those chosen, and \\All only if it is one of them. Roles are the server's own (RFC 6154), else imapflow tells them by well-known names.
 */
export function planFolders(
  listed: readonly Listed[],
  logFolder: string,
  hasLabels: boolean,
  chosen: readonly string[] = [],
): PlannedFolder[] {
  const selectable = selectableOf(listed);
  const all = hasLabels && selectable.find(({ specialUse }) => specialUse?.toLowerCase() === '\\all');
  if (all && (chosen.length === 0 || chosen.includes(all.path))) {
    const log = selectable.filter(({ path }) => path === logFolder && path !== all.path);
    return [all, ...log].map((folder) => ({ path: folder.path, role: roleOf(folder) }));
  }
  const planned = selectable
    .map((folder) => ({ path: folder.path, role: roleOf(folder) }))
    .filter(({ path, role }) => path === logFolder || (chosen.length > 0 ? isAlways(role) || chosen.includes(path) : !skipped.has(role)));
  const rank = ({ path, role }: PlannedFolder) => (role === 'inbox' ? 0 : role === 'sent' ? 1 : path === logFolder ? 2 : 3);
  return planned.sort((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path, 'en')).slice(0, maxFolders);
}

/** Where a mail lies by its labels (X-GM-LABELS), which do not name the folder they are asked in; among all mail, what has none of these is archived. */
export function roleByLabels(labels: ReadonlySet<string>, folder: FolderRole): FolderRole {
  const own = new Set([...labels].map((label) => label.toLowerCase()));
  const [, role] = byLabel.find(([label]) => own.has(label)) ?? [undefined, folder === 'all' ? 'archive' : folder];
  return role;
}

function roleOf({ path, specialUse }: Listed): FolderRole {
  if (path.toUpperCase() === inboxPath) return 'inbox';
  return bySpecialUse[(specialUse ?? '').toLowerCase()] ?? 'other';
}

/** Of these paths, those that no folder has which can be opened. */
export function missingFolders(listed: readonly Listed[], paths: readonly string[]): string[] {
  const there = new Set(selectableOf(listed).map(({ path }) => path));
  return paths.filter((path) => !there.has(path));
}

const isAlways = (role: FolderRole): boolean => role === 'inbox' || role === 'sent';

function selectableOf<T extends Listed>(listed: readonly T[]): T[] {
  return listed.filter(({ flags }) => ![...flags].some((flag) => notSelectable.includes(flag.toLowerCase())));
}

/** A folder as a person chooses among. */
export interface ListedFolder extends PlannedFolder {
  /** Null where the server does not tell together with the list. */
  mails: number | null;
  lookedAt: boolean;
  /** Whatever is chosen. */
  always: boolean;
}

type Counted = Listed & Pick<ListResponse, 'status'>;

/** Folders that are told, at most. */
const maxListed = 500;

/** All that the server has, by name, and which of them are looked at. */
export function listFolders(listed: readonly Counted[], planned: readonly PlannedFolder[]): ListedFolder[] {
  const looked = new Set(planned.map(({ path }) => path));
  const all = selectableOf(listed).map((folder) => {
    const role = roleOf(folder);
    return { path: folder.path, role, mails: folder.status?.messages ?? null, lookedAt: looked.has(folder.path), always: isAlways(role) };
  });
  return all.sort((a, b) => a.path.localeCompare(b.path, 'en')).slice(0, maxListed);
}
