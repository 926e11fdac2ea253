// Settings of inboxes and tenants, as they are stored and told: with a real mail server, PostgreSQL and the local log.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { LoggingChangedSchema, NeverLogChangedSchema, SettingsChangedSchema } from '@rejoinder/contracts/events/connections';
import { FolderRenamedSchema } from '@rejoinder/contracts/events/sync';
import { StartInboxSchema } from '@rejoinder/contracts/commands';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';

let dovecot: Dovecot;
let test: TestHouse;
const client = () => test.peers.client(ConnectionsService);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'passed',
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );

async function connected(address: string, tenantId: string, settings?: Record<string, unknown>) {
  await dovecot.addUser(address);
  const tls = (port: number) => ({ host: 'localhost', port, security: 'tls' });
  const login = { address, password: 'secret', imap: tls(dovecot.imapsPort), smtp: tls(dovecot.submissionsPort) };
  const { inbox } = await client().connect({ tenantId, login, settings }, { deadlineMs: 40_000 });
  return inbox!;
}

const changes = async (inboxId: string) =>
  (await test.published('rejoinder.connections.v1', SettingsChangedSchema)).filter((one) => one.inboxId === inboxId);
const starts = async (inboxId: string) =>
  (await test.published('rejoinder.sync.commands.v1', StartInboxSchema)).filter((one) => one.inboxId === inboxId);
const lists = () => test.published('rejoinder.connections.internal.v1', NeverLogChangedSchema);
const afterSoMany = <T>(what: string, count: number, list: () => Promise<T[]>) =>
  settle(what, async () => {
    const all = await list();
    return all.length >= count ? all : undefined;
  });

beforeAll(async () => {
  dovecot = await startDovecot();
  const caFile = join(dovecot.folder, 'ca.pem');
  await writeFile(caFile, dovecot.ca.pem);
  test = await startTestHouse({
    roles: [role],
    env: {
      REJOINDER_MAIL_CA_FILE: caFile,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: `${dovecot.imapsPort},${dovecot.submissionsPort}`,
    },
  });
});

afterAll(async () => {
  await test?.stop();
  await dovecot?.stop();
});

describe('settings of an inbox', () => {
  it('are changed, told, and given to sync in one go; what is left out stays', async () => {
    const tenantId = newId();
    const { inboxId } = await connected('anna@rejoinder.test', tenantId);
    const { inbox } = await client().updateSettings({
      tenantId,
      inboxId,
      historyDays: 90,
      attachments: false,
      folders: { paths: ['Work', 'Work/Old'] },
    });
    expect(inbox!.settings).toMatchObject({
      capture: 'tracked',
      attachments: false,
      historyDays: 90,
      logFolder: '',
      folders: ['Work', 'Work/Old'],
    });
    const [told] = await afterSoMany('the change', 1, () => changes(inboxId));
    expect(told!.settings).toEqual(inbox!.settings);
    expect((await afterSoMany('the command', 2, () => starts(inboxId))).at(-1)!.settings).toEqual(inbox!.settings);
    const usual = await client().updateSettings({ tenantId, inboxId, folders: { paths: [] } });
    expect(usual.inbox!.settings).toMatchObject({ folders: [], historyDays: 90 });
  });

  it('that are what they were say nothing', async () => {
    const tenantId = newId();
    const { inboxId } = await connected('same@rejoinder.test', tenantId, { attachments: true, historyDays: 30 });
    await client().updateSettings({ tenantId, inboxId, historyDays: 30, capture: 'tracked' });
    await client().updateSettings({ tenantId, inboxId, historyDays: 31 });
    expect((await afterSoMany('the change', 1, () => changes(inboxId))).map(({ settings }) => settings!.historyDays)).toEqual([31]);
  });

  it('of a paused inbox reach sync when it is resumed', async () => {
    const tenantId = newId();
    const { inboxId } = await connected('paused@rejoinder.test', tenantId);
    await client().pause({ tenantId, inboxId });
    await client().updateSettings({ tenantId, inboxId, historyDays: 7 });
    await afterSoMany('the change', 1, () => changes(inboxId));
    expect(await starts(inboxId)).toHaveLength(1);
    await client().resume({ tenantId, inboxId });
    expect((await afterSoMany('the command', 2, () => starts(inboxId)))[1]!.settings!.historyDays).toBe(7);
  });

  it('follow a chosen folder that has another name, and tell sync', async () => {
    const { tenantId, inboxId } = { tenantId: test.tenantId, ...(await connected('moves@rejoinder.test', test.tenantId)) };
    await client().updateSettings({ tenantId, inboxId, folders: { paths: ['A', 'B'] }, logFolder: 'A' });
    const renamed = (oldPath: string, newPath: string, of = inboxId) =>
      test.publish('rejoinder.sync.internal.v1', FolderRenamedSchema, of, { inboxId: of, oldPath, newPath });
    // Of nobody, of a folder that was not chosen, and told twice.
    for (const [from, to, of] of [
      ['A', 'X', newId()],
      ['Z', 'Y'],
      ['A', 'C'],
      ['A', 'C'],
    ] as const)
      await renamed(from, to, of);
    const told = await afterSoMany('both changes', 2, () => changes(inboxId));
    expect(told.at(-1)!.settings).toMatchObject({ folders: ['C', 'B'], logFolder: 'C' });
    const { inbox } = await client().getInbox({ tenantId, inboxId });
    expect(inbox!.settings).toMatchObject({ folders: ['C', 'B'], logFolder: 'C' });
    expect((await afterSoMany('the command', 3, () => starts(inboxId))).at(-1)!.settings).toMatchObject({ folders: ['C', 'B'] });
    expect(await changes(inboxId)).toHaveLength(2);
  });

  it('are refused whole where one of them is wrong, and to another tenant', async () => {
    const tenantId = newId();
    const { inboxId } = await connected('wrong@rejoinder.test', tenantId);
    const update = (more: object) => codeOf(client().updateSettings({ tenantId, inboxId, historyDays: 1, ...more }));
    expect(await update({ capture: 'some' })).toBe('CAPTURE_INVALID');
    expect(await update({ tenantId: newId() })).toBe('INBOX_NOT_FOUND');
    const { inbox } = await client().getInbox({ tenantId, inboxId });
    expect(inbox!.settings!.historyDays).toBe(30);
  });
});

describe('settings of a tenant', () => {
  it('switch the attachments of all its inboxes, and of no other tenant', async () => {
    const [tenantId, otherId] = [newId(), newId()];
    const on = await connected('on@rejoinder.test', tenantId);
    const off = await connected('off@rejoinder.test', tenantId, { attachments: false });
    const other = await connected('other@rejoinder.test', otherId);
    await client().putTenantSettings({ tenantId, settings: { attachments: false, capture: 'tracked' } });
    const [told] = await afterSoMany('the change', 1, () => changes(on.inboxId));
    expect(told!.settings!.attachments).toBe(false);
    expect((await afterSoMany('the command', 2, () => starts(on.inboxId))).at(-1)!.settings!.attachments).toBe(false);
    expect([...(await changes(off.inboxId)), ...(await changes(other.inboxId))]).toEqual([]);
    // What the inbox itself was told to do stands until its tenant allows it again.
    expect((await client().getInbox({ tenantId, inboxId: on.inboxId })).inbox!.settings!.attachments).toBe(true);
    const late = await connected('late@rejoinder.test', tenantId);
    expect((await afterSoMany('its command', 1, () => starts(late.inboxId)))[0]!.settings!.attachments).toBe(false);
    await client().putTenantSettings({ tenantId, settings: { attachments: true, capture: 'tracked' } });
    expect((await afterSoMany('the change', 2, () => changes(on.inboxId))).at(-1)!.settings!.attachments).toBe(true);
  });

  it('say what an inbox captures that is connected without a word', async () => {
    const tenantId = newId();
    await client().putTenantSettings({ tenantId, settings: { attachments: true, capture: 'all' } });
    const inbox = await connected('default@rejoinder.test', tenantId);
    expect(inbox.settings!.capture).toBe('all');
    expect(inbox.settings!.captureSince).toBeDefined();
    const said = await connected('said@rejoinder.test', tenantId, { capture: 'tracked', attachments: true });
    expect(said.settings!.capture).toBe('tracked');
  });

  it('tell the never-log list by hashes alone, and keep it from other tenants', async () => {
    const tenantId = newId();
    const { inboxId } = await connected('list@rejoinder.test', tenantId);
    const put = (neverLog: string[]) =>
      client().putTenantSettings({ tenantId, settings: { attachments: true, capture: 'tracked', neverLog } });
    const { settings, warnings } = await put(['Doctor@Clinic.example', '@rejoinder.test']);
    expect(settings!.neverLog).toEqual(['doctor@clinic.example', 'rejoinder.test']);
    expect(warnings.map(({ entry }) => entry)).toEqual(['rejoinder.test']);
    const [first] = await afterSoMany('the list', 1, lists);
    expect(first!.entries.map(({ entryHash, since }) => [entryHash.length, since !== undefined])).toEqual([
      [16, true],
      [16, true],
    ]);
    expect(
      Buffer.from(JSON.stringify(first!.entries.map(({ entryHash }) => Buffer.from(entryHash).toString('latin1')))).includes('clinic'),
    ).toBe(false);
    await put(['rejoinder.test', 'doctor@clinic.example']);
    await put(['doctor@clinic.example']);
    const [, last] = await afterSoMany('the next list', 2, lists);
    // An entry keeps the time at which it was put there.
    expect(last!.entries).toEqual([first!.entries[0]]);
    expect((await client().getTenantSettings({ tenantId: newId() })).settings).toMatchObject({ attachments: true, neverLog: [] });
    expect(await changes(inboxId)).toEqual([]);
    expect(await codeOf(put(['nonsense']))).toBe('NEVER_LOG_INVALID');
    expect((await client().getTenantSettings({ tenantId })).settings!.neverLog).toEqual(['doctor@clinic.example']);
  });

  it('tell who becomes a contact and whether mail among members is logged, once for each change; what is left out stays', async () => {
    const tenantId = newId();
    const usual = { attachments: true, capture: 'tracked' };
    const put = (more: object) => client().putTenantSettings({ tenantId, settings: { ...usual, ...more } });
    const told = () => test.published('rejoinder.connections.internal.v1', LoggingChangedSchema);
    const { settings } = await put({ makeContacts: 'written_to', logInternal: true });
    expect(settings).toMatchObject({ makeContacts: 'written_to', logInternal: true });
    await put({ neverLog: ['bank.example'] });
    await put({ logInternal: true });
    expect((await put({ logInternal: false })).settings).toMatchObject({ makeContacts: 'written_to', logInternal: false });
    const all = await afterSoMany('both changes', 2, told);
    expect(all.map(({ makeContacts, logInternal, internalUntil }) => [makeContacts, logInternal, internalUntil !== undefined])).toEqual([
      ['written_to', true, false],
      ['written_to', false, true],
    ]);
    expect((await client().getTenantSettings({ tenantId: newId() })).settings).toMatchObject({
      makeContacts: 'everyone',
      logInternal: false,
    });
    expect(await codeOf(put({ makeContacts: 'some' }))).toBe('MAKE_CONTACTS_INVALID');
  });
});
