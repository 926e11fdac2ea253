// Reads over as many connections as it takes, where a server breaks off over some mails.
import { expect, test } from 'vitest';
import { createLogger } from '@rejoinder/runtime/logging';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { parseUidSet } from '../imap/uid-ranges.js';
import type { Folder } from './folder-store.js';
import { HeaderReader, isBreak, type HeaderReaderParts } from './header-reader.js';
import type { UnreadMail } from './unread-store.js';

const folder = { folderId: 'f', uidValidity: 1n } as Folder;
const now = new Date();

/** Mails 1 to 500; the server breaks off when asked for one of these. */
function scene(breakingOver: (uid: number) => boolean, foundAt = now) {
  const unread: UnreadMail[] = [];
  const inSet = (set: string) => parseUidSet(set)!.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, at) => from + at));
  const imap = {
    usable: () => true,
    headers: async (set: string) => {
      const uids = inSet(set).filter((uid) => uid <= 500);
      if (uids.some(breakingOver)) throw faultOf('CONNECTION_LOST');
      return uids.map((uid) => ({ uid }));
    },
    uids: async ({ uid }: { uid: string }) => inSet(uid).filter((one) => one <= 500),
  };
  const parts = {
    ...{ session: { inboxId: 'i' }, imap, suspects: new Map(), logger: createLogger('silent') },
    unread: {
      list: async () => unread,
      add: async (_: unknown, __: unknown, uids: number[]) => void unread.push(...uids.map((uid) => ({ ...folder, uid, foundAt }))),
    },
  } as unknown as HeaderReaderParts;
  let sessions = 0;
  const waits: boolean[] = [];
  /** What is read, after how many sessions; undefined where that is none within so many. */
  const read = async (set: string, most: number): Promise<number[] | undefined> => {
    for (sessions = 0; sessions < most; sessions++) {
      const reader = new HeaderReader(parts);
      await reader.begin(now);
      try {
        return (await reader.read(folder, set, 500)).map(({ uid }) => uid);
      } catch (error) {
        if (!isBreak(error)) throw error;
        waits.push(!reader.hasNarrowed());
      }
    }
    return undefined;
  };
  return { read, unread: () => unread.map(({ uid }) => uid), sessions: () => sessions, waits };
}

test('one of five hundred is found and passed over, and all others are read', async () => {
  const { read, unread, sessions, waits } = scene((uid) => uid === 77);
  const mails = await read('1:500', 40);
  expect(mails).toHaveLength(499);
  expect(unread()).toEqual([77]);
  // Three times all, some halves that break off, the one alone three times.
  expect(sessions()).toBeLessThan(16);
  // Only the first ends are to be followed by a longer wait each.
  expect(waits.filter(Boolean)).toHaveLength(2);
  expect(await read('1:500', 1)).toHaveLength(499);
});

test('so are two, and one that has come alone', async () => {
  const two = scene((uid) => uid === 3 || uid === 444);
  expect(await two.read('1:500', 60)).toHaveLength(498);
  expect(two.unread()).toEqual([3, 444]);
  const alone = scene((uid) => uid === 500);
  expect(await alone.read('500:999', 10)).toEqual([]);
  expect([alone.unread(), alone.sessions()]).toEqual([[500], 3]);
});

test('an accident is none: whoever reads on forgets it', async () => {
  let ends = 2;
  const { read, unread } = scene(() => ends-- > 0);
  expect(await read('1:500', 5)).toHaveLength(500);
  ends = 2;
  expect(await read('1:500', 5)).toHaveLength(500);
  expect(unread()).toEqual([]);
});

test('a server that breaks off over all mails is not read around all day', async () => {
  const { read, unread, waits } = scene(() => true);
  expect(await read('1:500', 400)).toBeUndefined();
  expect(unread()).toHaveLength(10);
  expect(waits.slice(-50).every(Boolean)).toBe(true);
  const before = scene((uid) => uid <= 10 || uid === 20, new Date(now.getTime() - 2 * 86_400_000));
  expect(await before.read('1:500', 400)).toHaveLength(489);
});
