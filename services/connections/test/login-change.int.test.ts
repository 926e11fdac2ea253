// A company moves its mail server: one side of an inbox, or both, are given other servers, names and passwords, and its ids stay.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { StartInboxSchema } from '@rejoinder/contracts/commands';
import { InboxReconnectedSchema, InboxSideMendedSchema } from '@rejoinder/contracts/events/connections';
import { AuthenticationFailedSchema } from '@rejoinder/contracts/events/sync';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';

const slow = { deadlineMs: 40_000 };
let before: Dovecot;
let after: Dovecot;
let test: TestHouse;

beforeAll(async () => {
  before = await startDovecot();
  after = await startDovecot({ ca: before.ca });
  const caFile = join(before.folder, 'ca.pem');
  await writeFile(caFile, before.ca.pem);
  const ports = [before, after].flatMap(({ imapPort, imapsPort, submissionsPort }) => [imapPort, imapsPort, submissionsPort]);
  test = await startTestHouse({
    roles: [role],
    env: {
      REJOINDER_MAIL_CA_FILE: caFile,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: ports.join(','),
    },
  });
});
afterAll(async () => {
  await test?.stop();
  await Promise.all([before?.stop(), after?.stop()]);
});

const client = () => test.peers.client(ConnectionsService);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'passed',
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );
const tls = (port: number) => ({ host: 'localhost', port, security: 'tls' });

/** An inbox at the old server, and its owner at the new one, under another name and password. */
async function moving(name: string) {
  const address = `${name}@rejoinder.test`;
  await before.addUser(address);
  await after.addUser(`${name}@new.test`, 'moved');
  const login = { address, password: 'secret', imap: tls(before.imapsPort), smtp: tls(before.submissionsPort) };
  const { inbox } = await client().connect({ tenantId: test.tenantId, login }, slow);
  const { inboxId } = inbox!;
  const of = { tenantId: test.tenantId, inboxId };
  const credential = async (protocol: string) => {
    const { login: open, credentialVersion } = await client().getCredential({ ...of, protocol });
    const { username, password, imap, smtp } = open!;
    return [username, password, (protocol === 'smtp' ? smtp : imap)!.port, credentialVersion];
  };
  const refuse = async (protocol: 'imap' | 'smtp', credentialVersion: bigint) => {
    const from = protocol === 'imap' ? 'rejoinder.sync.internal.v1' : 'rejoinder.sending.internal.v1';
    await test.publish(from, AuthenticationFailedSchema, inboxId, { inboxId, protocol, credentialVersion, reason: 'AUTH_REJECTED' });
    const side = protocol === 'imap' ? 'receiving' : 'sending';
    await settle(`${side} stopped`, async () => (await client().getInbox(of)).inbox![side] === 'needs_reconnect');
  };
  return { of, inboxId, credential, refuse, there: { username: `${name}@new.test`, password: 'moved' } };
}

describe('the login of an inbox', { timeout: 60_000 }, () => {
  it('is changed on one side alone: the other is neither tried nor changed', async () => {
    const { of, inboxId, credential, there } = await moving('anna');
    // The old server would refuse a test of sending.
    await before.setPassword('anna@rejoinder.test', 'unknown');
    const { inbox, checks } = await client().changeLogin({ ...of, imap: { ...there, server: tls(after.imapsPort) } }, slow);
    expect(checks.map(({ protocol, passed }) => [protocol, passed])).toEqual([['imap', true]]);
    expect(inbox).toMatchObject({
      inboxId,
      receiving: 'connected',
      imap: { port: after.imapsPort },
      smtp: { port: before.submissionsPort },
    });
    expect(await credential('imap')).toEqual(['anna@new.test', 'moved', after.imapsPort, 2n]);
    expect(await credential('')).toEqual(['anna@new.test', 'moved', after.imapsPort, 2n]);
    expect(await credential('smtp')).toEqual(['anna@rejoinder.test', 'secret', before.submissionsPort, 2n]);
    const started = await settle('sync to be told', async () =>
      (await test.published('rejoinder.sync.commands.v1', StartInboxSchema)).find(
        (one) => one.inboxId === inboxId && one.credentialVersion === 2n,
      ),
    );
    expect(started.settings?.historyDays).toBe(30);
    const told = (await test.published('rejoinder.connections.v1', InboxReconnectedSchema)).filter((one) => one.inboxId === inboxId);
    expect(told).toMatchObject([{ credentialVersion: 2n }]);
  });

  it('is changed on both at once, and the port or the encryption without the password', async () => {
    const { of, credential, there } = await moving('bert');
    const both = { imap: { ...there, server: tls(after.imapsPort) }, smtp: { ...there, server: tls(after.submissionsPort) } };
    expect((await client().changeLogin({ ...of, ...both }, slow)).checks).toHaveLength(2);
    const starttls = { host: 'LOCALHOST', port: after.imapPort, security: 'starttls' };
    await client().changeLogin({ ...of, imap: { server: starttls } }, slow);
    expect(await credential('imap')).toEqual(['bert@new.test', 'moved', after.imapPort, 3n]);
    expect(await credential('smtp')).toEqual(['bert@new.test', 'moved', after.submissionsPort, 3n]);
  });

  it('stays as it was where the server refuses, and where another host would be told the saved password', async () => {
    const { of, credential, there } = await moving('cleo');
    const wrong = await client().changeLogin({ ...of, imap: { ...there, password: 'wrong', server: tls(after.imapsPort) } }, slow);
    expect([wrong.inbox, wrong.checks.map(({ code }) => code)]).toEqual([undefined, ['AUTH_REJECTED']]);
    const elsewhere = { server: { ...tls(after.imapsPort), host: '127.0.0.1' } };
    expect(await codeOf(client().changeLogin({ ...of, imap: elsewhere }, slow))).toBe('PASSWORD_MISSING');
    expect(await codeOf(client().changeLogin({ ...of, smtp: { ...elsewhere, username: 'x' } }, slow))).toBe('PASSWORD_MISSING');
    expect(await codeOf(client().changeLogin(of, slow))).toBe('LOGIN_UNCHANGED');
    const blocked = { ...there, server: tls(25) };
    expect((await client().changeLogin({ ...of, smtp: blocked }, slow)).checks.map(({ code }) => code)).toEqual(['PORT_BLOCKED']);
    const stranger = { tenantId: newId(), inboxId: of.inboxId };
    expect(await codeOf(client().changeLogin({ ...stranger, imap: there }, slow))).toBe('INBOX_NOT_FOUND');
    expect(await credential('imap')).toEqual(['cleo@rejoinder.test', 'secret', before.imapsPort, 1n]);
  });

  it('mends the side that is given one, and the other still needs its own; its link stays good', async () => {
    const { of, credential, refuse, there } = await moving('dora');
    await refuse('imap', 1n);
    await refuse('smtp', 1n);
    const { token } = await client().createReconnectLink(of);
    const mended = await client().changeLogin({ ...of, smtp: { ...there, server: tls(after.submissionsPort) } }, slow);
    expect(mended.inbox).toMatchObject({
      sending: 'ready',
      sendingReason: '',
      receiving: 'needs_reconnect',
      receivingReason: 'AUTH_REJECTED',
    });
    expect((await client().openReconnectLink({ token })).inbox).toMatchObject({ inboxId: of.inboxId });
    // A new password by that link is of the side that needs one.
    await before.setPassword('dora@rejoinder.test', 'changed');
    const back = await client().reconnect({ ...of, password: 'changed' }, slow);
    expect(back.checks.map(({ protocol }) => protocol)).toEqual(['imap']);
    expect(back.inbox).toMatchObject({ receiving: 'connected', sending: 'ready' });
    expect(await credential('imap')).toEqual(['dora@rejoinder.test', 'changed', before.imapsPort, 3n]);
    expect(await credential('smtp')).toEqual(['dora@new.test', 'moved', after.submissionsPort, 3n]);
    expect(await codeOf(client().openReconnectLink({ token }))).toBe('LINK_VOID');
    const told = async () => {
      const whole = await test.published('rejoinder.connections.v1', InboxReconnectedSchema);
      const side = await test.published('rejoinder.connections.v1', InboxSideMendedSchema);
      return [...side, ...whole].filter((one) => one.inboxId === of.inboxId);
    };
    await settle('both to be told', async () => (await told()).length === 2);
    expect(await told()).toMatchObject([{ side: 'sending', credentialVersion: 2n }, { credentialVersion: 3n }]);
  });

  it('is changed while it is paused, and stays paused', async () => {
    const { of, credential, there } = await moving('emil');
    await client().pause(of);
    const { inbox } = await client().changeLogin({ ...of, imap: { ...there, server: tls(after.imapsPort) } }, slow);
    expect(inbox).toMatchObject({ receiving: 'paused', sending: 'paused' });
    expect(await credential('imap')).toEqual(['emil@new.test', 'moved', after.imapsPort, 2n]);
    expect((await client().resume(of)).inbox).toMatchObject({ receiving: 'connected', sending: 'ready' });
  });
});
