// Which folders are looked at.
import { expect, test } from 'vitest';
import { maxFolders, planFolders } from './folder-plan.js';

const folder = (path: string, specialUse?: string, flags: string[] = []) => ({ path, specialUse, flags: new Set(flags) });

test('INBOX and Sent come first; copies, drafts, junk and trash are left out unless a person logs by them', () => {
  const listed = [
    folder('Projects'),
    folder('[Gmail]', undefined, ['\\Noselect']),
    folder('[Gmail]/All Mail', '\\All'),
    folder('Papierkorb', '\\Trash'),
    folder('Gesendet', '\\Sent'),
    folder('Spam', '\\Junk'),
    folder('Entwürfe', '\\Drafts'),
    folder('Inbox', '\\Inbox'),
    folder('Archiv', '\\Archive'),
  ];
  expect(planFolders(listed, '')).toEqual([
    { path: 'Inbox', role: 'inbox' },
    { path: 'Gesendet', role: 'sent' },
    { path: 'Archiv', role: 'archive' },
    { path: 'Projects', role: 'other' },
  ]);
  expect(planFolders(listed, 'Spam').map(({ path }) => path)).toContain('Spam');
});

test('a mailbox of too many folders is cut', () => {
  expect(
    planFolders(
      [...Array(1_000).keys()].map((at) => folder(`f${at}`)),
      '',
    ),
  ).toHaveLength(maxFolders);
});
