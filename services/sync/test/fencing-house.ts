// Two pods' stores over one database, any of them with a fault planted in it, and inboxes of which there is something to be written.
import { newId } from '@rejoinder/base/id';
import { Outbox } from '@rejoinder/bus/outbox';
import { topics } from '@rejoinder/contracts/topics';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { Vault } from '@rejoinder/vault/vault';
import { BodyStore } from '../src/capture/body-store.js';
import { PartStore } from '../src/capture/part-store.js';
import { ConnectionLog } from '../src/inbox/connection-log-store.js';
import type { Folder, FolderStore } from '../src/inbox/folder-store.js';
import { observe } from '../src/inbox/observe.js';
import { ObservedStore, type Cursor } from '../src/inbox/observed-store.js';
import { Owner, partitionOfInbox } from '../src/inbox/owner-store.js';
import { SessionStore, type SessionRow } from '../src/inbox/session-store.js';
import { tenantHash } from '../src/inbox/tenant-hash.js';
import type { UnreadStore } from '../src/inbox/unread-store.js';
import { IntakeStore } from '../src/intake/intake-store.js';
import { role } from '../src/role.js';

export const get = <T>(token: unknown): T => house.roles[0]!.app.get<T>(token as never);

export let house: TestHouse;
export async function openHouse(): Promise<void> {
  house = await startTestHouse({ roles: [role] });
  // The role itself lets go of all that it was given: here are two others.
  const owner = get<Owner>(Owner);
  await settle('all partitions to be its own', () => owner.partitions().length === topics['rejoinder.sync.commands.v1'].partitions);
  owner.keepOnly([]);
}

/** An inbox with a folder, a mail in it and what else is asked of it. Nothing is due yet, so that no worker touches it. */
export interface Inbox {
  session: SessionRow;
  folder: Folder;
  mailId: string;
}

/** What a store of this file is made of, with its owner. */
const makings: Record<string, (owner: Owner) => unknown[]> = {
  'inbox/folder-store': (owner) => [get(Database), owner, get(ConnectionLog), get(CLOCK)],
  'inbox/folder-choice-store': (owner) => [get(Database), owner, get(Outbox), get(ConnectionLog)],
  'inbox/server-store': (owner) => [get(Database), owner],
  'inbox/audit-store': (owner) => [get(Database), owner, get(Outbox), get(ConnectionLog), get(CLOCK)],
  'inbox/unread-store': (owner) => [get(Database), owner, get(ConnectionLog), get(CLOCK)],
  'inbox/session-store': (owner) => [get(Database), get(Outbox), owner, get(ConnectionLog), get(CLOCK)],
  'inbox/observed-store': (owner) => [get(Database), get(Outbox), get(Vault), owner, get(CLOCK)],
  'inbox/removal-store': (owner) => [get(Database), owner],
  'inbox/owner-store': () => [get(Database)],
  'sent/sent-copy-store': (owner) => [get(Database), owner],
  'search/search-store': (owner) => [
    ...[get(Database), get(Outbox), get(Vault), owner],
    ...[get(SessionStore), get(ObservedStore), get(ConnectionLog), get(CLOCK)],
  ],
  'capture/capture-store': (owner) => [
    ...[get(Database), get(Outbox), get(BodyStore), owner],
    ...[get(PartStore), get(IntakeStore), get(CLOCK)],
  ],
};

/** What stands there, and what takes its place. */
export type Fault = [there: string, instead: string];

/** The store of a file over this owner, with a fault in it where one is given. */
export async function storeOf(file: string, owner: Owner, fault?: Fault): Promise<unknown> {
  const planted = fault ? `?planted=${encodeURIComponent(JSON.stringify(fault))}` : '';
  const module = (await import(/* @vite-ignore */ `../src/${file}.ts${planted}`)) as Record<string, unknown>;
  const Store = Object.values(module).find((one) => String(one).startsWith('class ')) as new (...parts: unknown[]) => unknown;
  return new Store(...makings[file]!(owner));
}

export async function newInbox(): Promise<Inbox> {
  const [inboxId, mailId, { tenantId }] = [newId(), newId(), house];
  const partition = partitionOfInbox(inboxId);
  await house.query(
    `insert into sync.session (tenant_id, inbox_id, partition, wanted, credential_version, attachments, history_days, held_since, state)
      values ($1, $2, $3, 'hold', 1, true, 0, now() - interval '1 day', 'stopped')`,
    [tenantId, inboxId, partition],
  );
  await house.query(
    `insert into sync.capture (tenant_id, mail_id, state, revision, asked_at, due_at, partitions, inbox_ids)
      values ($1, $2, 'wanted', 1, now(), now() + interval '1 day', $3, $4)`,
    [tenantId, mailId, [partition], [inboxId]],
  );
  await house.query(
    `insert into sync.sent_copy (tenant_id, send_id, mail_id, inbox_id, partition, state) values ($1, $2, $2, $3, $4, 'wanted')`,
    [tenantId, mailId, inboxId, partition],
  );
  const session = (await get<SessionStore>(SessionStore).find(tenantId, inboxId))!;
  const owner = new Owner(get(Database));
  await owner.take([partition], new Date());
  const folders = (await storeOf('inbox/folder-store', owner)) as FolderStore;
  const folder = await folders.add(session, { path: 'INBOX', role: 'inbox' }, { uidValidity: 1n, uidNext: 10 });
  const inbox = { session, folder, mailId };
  const observed = (await storeOf('inbox/observed-store', owner)) as ObservedStore;
  await observed.save(await batchOf(inbox, { uidNext: 11, arrived: 1 }, 10));
  await ((await storeOf('inbox/unread-store', owner)) as UnreadStore).add(session, folder, [9]);
  return inbox;
}

const sourceOf = (uid: number) => Buffer.from(`Message-ID: <m${uid}@outside.test>\r\nFrom: bob@outside.test\r\n\r\n`);

export async function batchOf({ session, folder }: Inbox, cursor: Cursor, uid: number) {
  const { hash, isSigned } = tenantHash(await get<Vault>(Vault).hasher(house.tenantId));
  const seen = { uid, flags: new Set<string>(), receivedAt: new Date(), sizeBytes: 1, header: sourceOf(uid) };
  const around = { hash, isSigned, isOwn: () => false, role: 'inbox' as const, isLogFolder: false, now: new Date() };
  return { session, folder, cursor, observations: [observe(seen, around)], ownHashes: [] };
}

/** Two pods, neither of which owns anything yet. */
export async function owners(faultIn: Record<string, Fault>): Promise<[Owner, Owner]> {
  const one = () => storeOf('inbox/owner-store', undefined as never, faultIn['inbox/owner-store']) as Promise<Owner>;
  return [await one(), await one()];
}
