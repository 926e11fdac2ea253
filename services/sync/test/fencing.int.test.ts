// A pod that has lost an inbox and does not know it writes nothing of it, whatever it is about to write; and the loss of each fence is noticed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { settle } from '@rejoinder/testing/settle';
import { Vault } from '@rejoinder/vault/vault';
import type { Capture, CaptureStore } from '../src/capture/capture-store.js';
import type { AuditStore } from '../src/inbox/audit-store.js';
import type { FolderChoiceStore } from '../src/inbox/folder-choice-store.js';
import type { FolderStore } from '../src/inbox/folder-store.js';
import type { Cursor, ObservedStore } from '../src/inbox/observed-store.js';
import { isFenced, Owner } from '../src/inbox/owner-store.js';
import type { RemovalStore } from '../src/inbox/removal-store.js';
import type { ServerStore } from '../src/inbox/server-store.js';
import type { SessionStore } from '../src/inbox/session-store.js';
import { tenantHash } from '../src/inbox/tenant-hash.js';
import type { UnreadStore } from '../src/inbox/unread-store.js';
import type { SearchStore } from '../src/search/search-store.js';
import type { SentCopyStore } from '../src/sent/sent-copy-store.js';
import { batchOf, get, house, newInbox, openHouse, owners, storeOf, type Fault, type Inbox } from './fencing-house.js';

beforeAll(openHouse);
afterAll(() => house?.stop());

/** What a pod may be about to write: the store, what it says, the fence that it passes, and the work. */
type Write<T = never> = [file: string, what: string, fence: string, work: (store: T, inbox: Inbox) => Promise<unknown>];

const writes: Write[] = [];
const add = <T>(file: string, what: string, fence: string, work: (store: T, inbox: Inbox) => Promise<unknown>) =>
  writes.push([file, what, fence, work as Write[3]]);
const fence = (of: string, after: string) => `await this.owner.fence(tx, ${of}.partition);${after}`;
const server = { uidValidity: 2n, uidNext: 20 };

const ofFolder = fence('session', '\n      const [row] = await work(tx);');
add<FolderStore>('inbox/folder-store', 'a new folder', ofFolder, (store, { session }) =>
  store.add(session, { path: 'Archive', role: 'archive' }, server),
);
add<FolderStore>('inbox/folder-store', 'a new UIDVALIDITY', ofFolder, (store, { session, folder }) => store.renew(session, folder, server));
add<FolderStore>('inbox/folder-store', 'a folder in step', ofFolder, (store, { session, folder }) =>
  store.inStep(session, folder, [10], { modseq: 5n, exists: 0, hasShrunk: false }),
);
add<FolderStore>('inbox/folder-store', 'expunged mails', ofFolder, (store, { session, folder }) => store.gone(session, folder, [10]));
add<FolderStore>('inbox/folder-store', 'history that is done', ofFolder, (store, { session, folder }) =>
  store.history(session, folder, 'done'),
);
add<FolderStore>('inbox/folder-store', 'a folder that is gone', fence('session', '\n      await tx'), (store, { session, folder }) =>
  store.forget(session, [folder]),
);
const ofChoice = fence('session', '');
add<FolderChoiceStore>('inbox/folder-choice-store', 'the list of folders', ofChoice, (store, { session }) =>
  store.listed(session, [{ path: 'INBOX', role: 'inbox', mails: 1, lookedAt: false, always: true }], ['Gone']),
);
add<FolderChoiceStore>('inbox/folder-choice-store', 'a folder with another name', ofChoice, (store, { session, folder }) =>
  store.rename(session, folder, { path: 'Moved', role: 'other' }),
);
add<ServerStore>('inbox/server-store', 'another server', fence('session', '\n      let changed'), (store, { session }) =>
  store.arriveAt(session, 'imap.moved.example'),
);
add<FolderChoiceStore>('inbox/folder-choice-store', 'a folder chosen again', ofChoice, (store, { session, folder }) =>
  store.rejoin(session, folder, server),
);
add<AuditStore>('inbox/audit-store', 'an audit', ofChoice, (store, { session, folder }) =>
  store.audit(session, folder, { present: [], wanted: [] }),
);
add<UnreadStore>('inbox/unread-store', 'mails passed over', fence('session', '\n      const added'), (store, { session, folder }) =>
  store.add(session, folder, [7]),
);
add<UnreadStore>('inbox/unread-store', 'a mail read after all', fence('session', '\n      await tx'), (store, { session, folder }) =>
  store.read(session, folder, 9),
);
add<SessionStore>(
  'inbox/session-store',
  'how the session is',
  fence('row', '\n      await tx.$executeRawUnsafe(\n'),
  (store, { session }) => store.say(session, 'live'),
);
add<SessionStore>('inbox/session-store', 'a login', fence('row', '\n      const sql = `update'), (store, { session }) =>
  store.loggedIn(session, Buffer.alloc(32, 1)),
);
add<SessionStore>('inbox/session-store', 'that it takes work', fence('row', '\n      await this.#due'), (store, { session }) =>
  store.takesWork(session),
);
add<SessionStore>('inbox/session-store', 'the end of a session', fence('row', '\n      const sql = `select'), (store, { session }) =>
  store.ended(session, faultOf('TIMEOUT'), 0),
);
const ofBatch = 'this.owner.check(partition, row?.epoch);';
for (const [what, cursor, uid] of [
  ['new mail', { uidNext: 12, arrived: 1 }, 11],
  ['history', { historyNext: 5 }, 5],
  ['mails looked at again', 'stays', 5],
] satisfies [string, Cursor, number][])
  add<ObservedStore>('inbox/observed-store', what, ofBatch, async (store, inbox) => store.save(await batchOf(inbox, cursor, uid)));
add<RemovalStore>('inbox/removal-store', 'a removal', fence('row', '\n      await tx'), (store, { session }) =>
  store.remove(session, new AbortController().signal),
);
add<SentCopyStore>(
  'sent/sent-copy-store',
  'how far a copy in Sent is',
  'await this.owner.fence(tx, partitionOfInbox(inboxId));',
  (store, inbox) =>
    store.say(
      {
        tenantId: house.tenantId,
        sendId: inbox.mailId,
        mailId: inbox.mailId,
        inboxId: inbox.session.inboxId,
        state: 'wanted',
        attempts: 0,
      },
      'append_started',
    ),
);
add<SearchStore>('search/search-store', 'a mail told again', fence('session', '\n      await this.outbox'), async (store, { session }) => {
  const { hash } = tenantHash(await get<Vault>(Vault).hasher(house.tenantId));
  const messageIdHash = hash('message-id', 'm10@outside.test');
  return store.sayAgain({ tenantId: house.tenantId, searchId: newId(), inboxId: session.inboxId, messageIdHash, until: new Date() });
});
add<SearchStore>('search/search-store', 'folders that were not searched', fence('session', '\n      for'), (store, { session, folder }) =>
  store.unsearched(session, [folder]),
);
add<CaptureStore>(
  'capture/capture-store',
  'the text of a mail',
  'this.owner.fence(tx, partitionOfInbox(inboxId))',
  (store, { session, mailId }) =>
    store.captured({ tenantId: house.tenantId, mailId, revision: 1n, historical: false, traceparent: null } as Capture, {
      ...{ inboxId: session.inboxId, text: { text: 'of it', html: '' }, parts: [] },
      event: { inboxId: session.inboxId, mailId, revision: 1n },
    }),
);

/** All that is kept of inboxes; of the outbox how much, since the relay marks what it has sent. */
async function kept(): Promise<string> {
  const tables = [
    'session',
    'folder',
    'folder_mark',
    'mail_header',
    'location',
    'unread_mail',
    'connection_log',
    'capture',
    'raw_body',
    'sent_copy',
  ];
  const rows = tables.map((table) => `select '${table}' as of, to_jsonb(t)::text as row from sync.${table} t`);
  return JSON.stringify(
    await house.query(`${rows.join(' union all ')} union all select 'outbox', count(*)::text from sync.outbox order by 1, 2`),
  );
}

/** Whether a pod that has just lost the inbox is refused, and has changed nothing. */
async function isRefused([file, , , work]: Write, faultIn: Record<string, Fault> = {}): Promise<boolean> {
  const inbox = await newInbox();
  const { partition } = inbox.session;
  const [zombie, heir] = await owners(faultIn);
  const store = await storeOf(file, zombie, faultIn[file]);
  await zombie.take([partition], new Date());
  await heir.take([partition], new Date());
  await house.query('update sync.session set due_at = null');
  const before = await kept();
  const error = await work(store as never, inbox).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return isFenced(error) && (await kept()) === before;
}

describe('a pod that has lost an inbox', { timeout: 60_000 }, () => {
  test.each(writes)('(%s) does not write %s', async (...write) => {
    expect(await isRefused(write)).toBe(true);
    const [file, , there] = write;
    const instead = there.replace('this.owner', '({ fence: async () => undefined, check: () => undefined })');
    expect(await isRefused(write, { [file]: [there, instead] })).toBe(false);
  });
});

describe('an owner', { timeout: 60_000 }, () => {
  const faults: [what: string, ...Fault][] = [
    ['whose epoch need not be the one of now', 'BigInt(epoch) === own', 'BigInt(epoch) >= own'],
    ['who takes over under the epoch of before', 'set epoch = owner.epoch + 1', 'set epoch = owner.epoch'],
  ];
  test.each(faults)('%s would let both write', async (_, ...fault) => {
    expect(await isRefused(writes[0]!, { 'inbox/owner-store': fault })).toBe(false);
  });

  /** Whether another takes the inbox over before what this one has begun to write is there. */
  async function isOvertaken(what: number, faultIn: Record<string, Fault> = {}): Promise<boolean> {
    const [file, , , work] = begun[what]!;
    const inbox = await newInbox();
    const { partition } = inbox.session;
    const [owner, heir] = await owners(faultIn);
    await owner.take([partition], new Date());
    const store = await storeOf(file, owner, faultIn[file]);
    await house.query(
      `create or replace trigger slow before update on sync.folder for each row when (new.folder_id = '${inbox.folder.folderId}') execute function sync.slow()`,
    );
    const writing = work(store as never, inbox);
    await settle('it to be under way', async () => (await house.query(`select 1 from pg_stat_activity where wait_event = 'PgSleep'`))[0]);
    await heir.take([partition], new Date());
    const there = await house.query('select 1 from sync.folder where folder_id = $1 and history_next < 10', [inbox.folder.folderId]);
    await writing;
    return there.length === 0;
  }

  const begun = writes.filter(([, what]) => what === 'history' || what === 'history that is done');
  const shares: [number, string, Fault][] = [
    [0, 'inbox/owner-store', ['where partition = $1::int for share', 'where partition = $1::int']],
    [1, 'inbox/observed-store', ['where s.inbox_id = $1::uuid for share of o`', 'where s.inbox_id = $1::uuid`']],
  ];
  test.each(shares)('keeps the inbox until what it has begun to write is there (%i, %s)', async (what, file, fault) => {
    await house.query(
      `create or replace function sync.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return new; end $$`,
    );
    expect(await isOvertaken(what)).toBe(false);
    expect(await isOvertaken(what, { [file]: fault })).toBe(true);
  });
});

test('a pod that has lost an inbox and claims its session, due for the next, leaves it to the next', async () => {
  const { session } = await newInbox();
  // The role's own workers, over an owner that does not know yet.
  const [zombie, [heir]] = [get<Owner>(Owner), await owners({})];
  await zombie.take([session.partition], new Date());
  await heir.take([session.partition], new Date());
  await settle('the worker to see it', () => !zombie.owns(session.partition));
  const row = async () => (await house.query('select due_at, lease_until from sync.session where inbox_id = $1', [session.inboxId]))[0]!;
  await settle('its claim to be over', async () => (await row()).lease_until === null);
  expect((await row()).due_at).not.toBeNull();
});

test('a partition is handed over by who holds it, until it is taken', async () => {
  const [owner, heir] = await owners({});
  const partition = 3;
  await owner.take([partition], new Date());
  expect(await heir.handedOver([partition])).toEqual([]);
  await owner.handOver(true);
  expect(await heir.handedOver([partition])).toEqual([partition]);
  await heir.take([partition], new Date());
  await owner.handOver(true);
  expect(await heir.handedOver([partition])).toEqual([]);
  expect([await owner.keepUntaken(), owner.partitions(), heir.partitions()]).toEqual([1, [], [partition]]);
});

test('a partition whose taking could not be committed is not held, and can be taken again', async () => {
  const [[owner], partition] = [await owners({}), 4];
  await house.query(`create function sync.refuse() returns trigger language plpgsql as $$ begin raise 'no commit'; end $$`);
  await house.query(
    `create constraint trigger refuse after insert or update on sync.owner deferrable initially deferred for each row execute function sync.refuse()`,
  );
  await expect(owner.take([partition], new Date())).rejects.toThrow();
  expect(owner.partitions()).toEqual([]);
  await house.query('drop trigger refuse on sync.owner');
  await owner.take([partition], new Date());
  expect(await owner.isStill(partition)).toBe(true);
});

test('new mail below the cursor is refused, since it may have a place', async () => {
  const inbox = await newInbox();
  const [owner] = await owners({});
  await owner.take([inbox.session.partition], new Date());
  const store = (await storeOf('inbox/observed-store', owner)) as ObservedStore;
  const save = async () => store.save(await batchOf(inbox, { uidNext: 12, arrived: 1 }, 11));
  await save();
  await house.query('update sync.session set due_at = null');
  const before = await kept();
  await expect(save()).rejects.toMatchObject({ code: 'FENCED' });
  expect(await kept()).toBe(before);
});
