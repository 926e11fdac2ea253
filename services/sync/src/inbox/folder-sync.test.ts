// History is fetched ahead of what is being saved, and never saved ahead of it: over a server and a store that stand still when told to.
import { expect, test } from 'vitest';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogger } from '@rejoinder/runtime/logging';
import { settle } from '@rejoinder/testing/settle';
import { FolderSync, type FolderSyncParts } from './folder-sync.js';

const batch = 10;
const total = 3 * batch;

/** Each save waits until it is let go or fails. */
function scene(headerBytes = 0) {
  const saves: { first: number; done: () => void; fail: (error: Error) => void }[] = [];
  const fetched: string[] = [];
  const seen = (uid: number) => ({
    uid,
    flags: new Set<string>(),
    receivedAt: new Date(),
    sizeBytes: 1,
    header: Buffer.from(`Subject: ${uid}${' '.repeat(headerBytes)}\r\n\r\n`),
  });
  const imap = {
    hasLabels: () => false,
    folders: async () => [
      { path: 'INBOX', specialUse: '\\Inbox', flags: new Set<string>(), delimiter: '/', listed: true, subscribed: true },
    ],
    open: async () => ({ uidValidity: 1n, uidNext: total + 1, exists: total, modseq: 1n, changes: undefined }),
    selected: () => 'INBOX',
    usable: () => true,
    uids: async ({ keyword }: { keyword?: string }) => (keyword ? [] : Array.from({ length: total }, (_, at) => at + 1)),
    headers: async (range: string) => {
      fetched.push(range);
      const [from, to] = range.split(':').map(Number) as [number, number];
      return Array.from({ length: to - from + 1 }, (_, at) => seen(from + at));
    },
  };
  const folder = { folderId: 'f', path: 'INBOX', role: 'inbox', uidValidity: 1n, uidNext: total + 1, historyNext: total + 1 };
  const folders = {
    list: async () => [],
    add: async () => folder,
    history: async () => undefined,
    inStep: async () => folder,
    untold: async () => [],
  };
  const save = ({ observations }: { observations: { uid: number }[] }) =>
    new Promise<number>((resolve, reject) => saves.push({ first: observations[0]!.uid, done: () => resolve(0), fail: reject }));
  const parts = {
    session: { tenantId: 't', inboxId: 'i', historyDays: 0, logFolder: '', folders: [] },
    imap,
    folders,
    choices: { listed: async () => undefined },
    unread: { list: async () => [] },
    suspects: new Map(),
    observed: { save, known: async () => new Set<string>() },
    around: { hash: () => Buffer.alloc(16), isSigned: () => false, isOwn: () => false },
    ownHashes: [],
    historyBatch: batch,
    auditEveryMs: 86_400_000,
    clock: { now: () => new Date() },
    logger: createLogger('silent'),
  };
  return { sync: new FolderSync(parts as unknown as FolderSyncParts), saves, fetched };
}

test('the next batch is fetched while one is saved, and saved after it', async () => {
  const { sync, saves, fetched } = scene();
  await sync.plan();
  await sync.open('INBOX');
  await sync.historyStep();
  const second = sync.historyStep();
  await pause(10);
  expect(fetched).toEqual(['21:30', '11:20']);
  expect(saves.map(({ first }) => first)).toEqual([21]);
  saves[0]!.done();
  await second;
  expect(saves.map(({ first }) => first)).toEqual([21, 11]);
});

test('of mails with long headers fewer are taken at once', async () => {
  const { sync, saves, fetched } = scene(1_000_000);
  await sync.plan();
  await sync.open('INBOX');
  await sync.historyStep();
  const second = sync.historyStep();
  await settle('the first save', () => saves.length === 1);
  saves[0]!.done();
  await second;
  expect(fetched).toEqual(['21:30', '18:20']);
});

test('where one could not be saved, none after it is: the session ends and begins there anew', async () => {
  const { sync, saves } = scene();
  await sync.plan();
  await sync.open('INBOX');
  await sync.historyStep();
  const second = sync.historyStep();
  saves[0]!.fail(new Error('no disk'));
  await expect(second).rejects.toThrow('no disk');
  expect(saves).toHaveLength(1);
  await sync.quiet();
});

test('it is not quiet while a batch is being saved', async () => {
  const { sync, saves } = scene();
  await sync.plan();
  await sync.open('INBOX');
  await sync.historyStep();
  let isQuiet = false;
  const quiet = sync.quiet().then(() => (isQuiet = true));
  await pause(10);
  expect(isQuiet).toBe(false);
  saves[0]!.done();
  await quiet;
});
