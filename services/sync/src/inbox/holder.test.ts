// A session has ended once what it was saving is saved: another of the same inbox, which holds it by the same right, begins after that.
import { expect, test } from 'vitest';
import type { ImapSession } from '../imap/imap-session.js';
import type { FolderSync } from './folder-sync.js';
import { Holder, type HolderParts } from './holder.js';
import type { SessionRow } from './session-store.js';

/** A session that is idle, with a batch that is being saved until `saved` is called. */
function idleSession(Made: typeof Holder) {
  let saved: () => void = () => undefined;
  const saving = new Promise<void>((resolve) => (saved = resolve));
  const imap = { usable: () => true, selected: () => 'INBOX', opens: 0, close: async () => undefined };
  const sync = {
    ...{ plan: async () => undefined, base: () => 'INBOX', paths: () => ['INBOX'], open: async () => undefined, wantsList: () => false },
    ...{ historyStep: async () => false, auditStep: async () => false, quiet: () => saving },
  };
  const nothing = async () => undefined;
  const holder = new Made({ inboxId: 'i' } as SessionRow, {
    sessions: { say: nothing, loggedIn: nothing, takesWork: nothing } as unknown as HolderParts['sessions'],
    connect: async () => ({
      imap: Object.assign(imap, { idle }) as unknown as ImapSession,
      login: { server: { host: 'imap.example' } } as never,
      addressHash: Buffer.alloc(32),
    }),
    arriveAt: nothing,
    folderSync: async () => sync as unknown as FolderSync,
    ...{ folderPollMs: 60_000, logger: { debug: () => undefined } as unknown as HolderParts['logger'] },
  });
  let isIdle: () => void = () => undefined;
  const idling = new Promise<void>((resolve) => (isIdle = resolve));
  async function idle(_ms: number, woken: Promise<void>): Promise<void> {
    isIdle();
    await woken;
  }
  return { holder, idling, saved };
}

async function endsBeforeItIsSaved(Made: typeof Holder): Promise<boolean> {
  const { holder, idling, saved } = idleSession(Made);
  let isOver = false;
  holder.start(() => (isOver = true));
  await idling;
  const stopped = holder.stop();
  // As many turns as its end takes, and more.
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  const wasOver = isOver;
  saved();
  await stopped;
  expect(isOver).toBe(true);
  return wasOver;
}

test('a session that is stopped waits for what it is saving', async () => {
  expect(await endsBeforeItIsSaved(Holder)).toBe(false);
  const fault = JSON.stringify(['.finally(() => sync.quiet())', '']);
  const { Holder: faulty } = (await import(/* @vite-ignore */ `./holder.ts?planted=${encodeURIComponent(fault)}`)) as {
    Holder: typeof Holder;
  };
  expect(await endsBeforeItIsSaved(faulty)).toBe(true);
});
