// Which folders are looked at.
import { expect, test } from 'vitest';
import { listFolders, maxFolders, planFolders, roleByLabels } from './folder-plan.js';

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
  expect(planFolders(listed, '', false)).toEqual([
    { path: 'Inbox', role: 'inbox' },
    { path: 'Gesendet', role: 'sent' },
    { path: 'Archiv', role: 'archive' },
    { path: 'Projects', role: 'other' },
  ]);
  expect(planFolders(listed, 'Spam', false).map(({ path }) => path)).toContain('Spam');
});

test('a mailbox of too many folders is cut', () => {
  expect(
    planFolders(
      [...Array(1_000).keys()].map((at) => folder(`f${at}`)),
      '',
      false,
    ),
  ).toHaveLength(maxFolders);
});

test('where labels stand for folders, the one with all mail is held, and a mail is where its labels say', () => {
  const listed = [folder('INBOX'), folder('[Gmail]', undefined, ['\\Noselect']), folder('Log'), folder('[Gmail]/Alle', '\\All')];
  expect(planFolders(listed, 'Log', true)).toEqual([
    { path: '[Gmail]/Alle', role: 'all' },
    { path: 'Log', role: 'other' },
  ]);
  expect(planFolders(listed.slice(0, 3), '', true).map(({ path }) => path)).toEqual(['INBOX', 'Log']);
  const roles = [['\\Inbox', '\\Sent'], ['\\Inbox', 'Work'], ['Work'], ['\\Draft'], []].map((labels) =>
    roleByLabels(new Set(labels), 'all'),
  );
  expect(roleByLabels(new Set(['Work']), 'inbox')).toBe('inbox');
  expect(roles).toEqual(['sent', 'inbox', 'archive', 'drafts', 'archive']);
});

test('a person chooses among all that there are; INBOX, Sent and the log folder are looked at whatever they choose', () => {
  const listed = [
    folder('INBOX'),
    folder('Sent', '\\Sent'),
    folder('Spam', '\\Junk'),
    folder('Log'),
    folder('Work'),
    folder('Gone', undefined, ['\\NoSelect']),
  ];
  const planned = planFolders(listed, 'Log', false, ['Spam', 'Nowhere']);
  expect(planned.map(({ path }) => path)).toEqual(['INBOX', 'Sent', 'Log', 'Spam']);
  const told = listFolders([...listed.slice(0, 3), { ...folder('Work'), status: { path: 'Work', messages: 3 } }], planned);
  expect(told).toEqual([
    { path: 'INBOX', role: 'inbox', mails: null, lookedAt: true, always: true },
    { path: 'Sent', role: 'sent', mails: null, lookedAt: true, always: true },
    { path: 'Spam', role: 'junk', mails: null, lookedAt: true, always: false },
    { path: 'Work', role: 'other', mails: 3, lookedAt: false, always: false },
  ]);
});

test('where labels stand for folders, the one with all mail is looked at unless others are chosen', () => {
  const listed = [folder('INBOX'), folder('Work'), folder('[Gmail]/All', '\\All'), folder('[Gmail]/Sent', '\\Sent')];
  const paths = (chosen: string[]) => planFolders(listed, '', true, chosen).map(({ path }) => path);
  expect(paths([])).toEqual(['[Gmail]/All']);
  expect(paths(['Work', '[Gmail]/All'])).toEqual(['[Gmail]/All']);
  expect(paths(['Work'])).toEqual(['INBOX', '[Gmail]/Sent', 'Work']);
});
