// Reconnect links with real servers: for whom they are good, how long, and what voids them.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { InboxDisconnectedSchema } from '@rejoinder/contracts/events/connections';
import { AuthenticationFailedSchema } from '@rejoinder/contracts/events/sync';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';

const slow = { deadlineMs: 40_000 };
const dayMs = 86_400_000;
const clock = { aheadMs: 0, now: () => new Date(Date.now() + clock.aheadMs) };
let dovecot: Dovecot;
let test: TestHouse;
const client = () => test.peers.client(ConnectionsService);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'passed',
    ({ code }: { code: string }) => code,
  );
const link = async (inboxId: string, credentialVersion = 0n) =>
  (await client().createReconnectLink({ tenantId: test.tenantId, inboxId, credentialVersion })).token;
const open = (token: string, attempts = false) => codeOf(client().openReconnectLink({ token, attempts }));

async function connected(name: string): Promise<string> {
  const address = `${name}@rejoinder.test`;
  await dovecot.addUser(address);
  const tls = (port: number) => ({ host: 'localhost', port, security: 'tls' });
  const login = { address, password: 'secret', imap: tls(dovecot.imapsPort), smtp: tls(dovecot.submissionsPort) };
  return (await client().connect({ tenantId: test.tenantId, login }, slow)).inbox!.inboxId;
}

async function disconnect(inboxId: string): Promise<void> {
  const message = { inboxId, protocol: 'imap', credentialVersion: 1n, reason: 'AUTH_REJECTED' };
  await test.publish('rejoinder.sync.internal.v1', AuthenticationFailedSchema, inboxId, message);
  await settle('receiving stopped', async () => {
    const { inbox } = await client().getInbox({ tenantId: test.tenantId, inboxId });
    return inbox?.receiving === 'needs_reconnect';
  });
}

beforeAll(async () => {
  dovecot = await startDovecot();
  const caFile = join(dovecot.folder, 'ca.pem');
  await writeFile(caFile, dovecot.ca.pem);
  test = await startTestHouse({
    roles: [role],
    clock,
    env: {
      REJOINDER_MAIL_CA_FILE: caFile,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: [dovecot.imapsPort, dovecot.submissionsPort].join(','),
    },
  });
});
afterAll(async () => {
  await test?.stop();
  await dovecot?.stop();
});

describe('a reconnect link', () => {
  it('opens its inbox for whoever has it, and of its token a hash is kept', async () => {
    const inboxId = await connected('anna');
    const token = await link(inboxId);
    const opened = await client().openReconnectLink({ token });
    expect(opened).toMatchObject({ tenantId: test.tenantId, inbox: { inboxId, address: 'anna@rejoinder.test' } });
    const rows = await test.query('select r::text from connections.reconnect_link r');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(token);
    expect([await open(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`), await open('no token')]).toEqual([
      'LINK_VOID',
      'LINK_VOID',
    ]);
  });

  it('is void once the inbox has a new password, and so are the others of this inbox', async () => {
    const inboxId = await connected('bert');
    const [one, other] = [await link(inboxId), await link(inboxId)];
    await dovecot.setPassword('bert@rejoinder.test', 'new secret');
    await client().reconnect({ tenantId: test.tenantId, inboxId, password: 'wrong' }, slow);
    expect(await open(one)).toBe('passed');
    await client().reconnect({ tenantId: test.tenantId, inboxId, password: 'new secret' }, slow);
    expect([await open(one), await open(other)]).toEqual(['LINK_VOID', 'LINK_VOID']);
  });

  it('is void once the inbox is removed, or fourteen days are over, or five are newer', async () => {
    const gone = await connected('cleo');
    const removed = await link(gone);
    await client().remove({ tenantId: test.tenantId, inboxId: gone });
    expect(await open(removed)).toBe('LINK_VOID');
    const inboxId = await connected('dora');
    const first = await link(inboxId);
    clock.aheadMs = 1_000;
    for (let more = 0; more < 5; more++) await link(inboxId);
    expect(await open(first)).toBe('LINK_VOID');
    const last = await link(inboxId);
    clock.aheadMs = 14 * dayMs;
    expect(await open(last)).toBe('passed');
    clock.aheadMs = 14 * dayMs + 2_000;
    expect(await open(last)).toBe('LINK_VOID');
    clock.aheadMs = 0;
  });

  it('lets ten passwords be tried an hour, and may be looked at meanwhile', async () => {
    const token = await link(await connected('emil'));
    const codes = await Promise.all(Array.from({ length: 12 }, () => open(token, true)));
    expect(codes.filter((code) => code === 'passed')).toHaveLength(10);
    expect([await open(token, true), await open(token)]).toEqual(['LINK_ATTEMPTS', 'passed']);
  });

  it('is made for an episode only while it lasts', async () => {
    const inboxId = await connected('finn');
    expect(await codeOf(link(inboxId, 1n))).toBe('NOT_DISCONNECTED');
    await disconnect(inboxId);
    expect((await test.published('rejoinder.connections.v1', InboxDisconnectedSchema)).at(-1)).toMatchObject({
      inboxId,
      credentialVersion: 1n,
    });
    expect([await codeOf(link(inboxId, 1n)), await codeOf(link(inboxId, 2n))]).toEqual(['passed', 'NOT_DISCONNECTED']);
  });
});
