// The service with real servers: Dovecot, PostgreSQL, the local log.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import {
  InboxConnectedSchema,
  InboxDisconnectedSchema,
  InboxSideStoppedSchema,
  InboxPausedSchema,
  InboxReconnectedSchema,
  InboxRemovedSchema,
} from '@rejoinder/contracts/events/connections';
import { AuthenticationFailedSchema } from '@rejoinder/contracts/events/sync';
import { StartInboxSchema, StopInboxSchema } from '@rejoinder/contracts/commands';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';

const topic = 'rejoinder.connections.v1';
const commands = 'rejoinder.sync.commands.v1';
const slow = { deadlineMs: 40_000 };

let dovecot: Dovecot;
let test: TestHouse;
const client = () => test.peers.client(ConnectionsService);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'passed',
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );

const tls = (port: number) => ({ host: 'localhost', port, security: 'tls' });
const starttls = (port: number) => ({ host: 'localhost', port, security: 'starttls' });
const login = (address: string, more: Record<string, unknown> = {}) => ({
  address,
  password: 'secret',
  imap: tls(dovecot.imapsPort),
  smtp: tls(dovecot.submissionsPort),
  ...more,
});
async function connected(address: string, tenantId = test.tenantId) {
  await dovecot.addUser(address);
  const { inbox, capabilities } = await client().connect({ tenantId, login: login(address), displayName: 'Anna' }, slow);
  expect(capabilities).toContain('IDLE');
  return inbox!;
}

beforeAll(async () => {
  dovecot = await startDovecot();
  const caFile = join(dovecot.folder, 'ca.pem');
  await writeFile(caFile, dovecot.ca.pem);
  const ports = [dovecot.imapPort, dovecot.imapsPort, dovecot.submissionPort, dovecot.submissionsPort];
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
  await dovecot?.stop();
});

describe('discovering servers', () => {
  it('knows providers, and says what a person must know before they type a password', async () => {
    const gmail = await client().discover({ tenantId: test.tenantId, address: 'anna@Gmail.com' });
    expect(gmail).toMatchObject({ provider: 'Gmail', imap: { host: 'imap.gmail.com', port: 993, security: 'tls' } });
    expect(gmail.hint).toContain('app password');
    const outlook = await client().discover({ tenantId: test.tenantId, address: 'anna@outlook.com' });
    expect(outlook.hint).toContain('will be refused');
  });

  it('says in time that the servers must be typed', async () => {
    expect(await codeOf(client().discover({ tenantId: test.tenantId, address: 'anna@nowhere.invalid' }))).toBe('SERVERS_UNKNOWN');
    expect(await codeOf(client().discover({ tenantId: test.tenantId, address: 'no address' }))).toBe('ADDRESS_INVALID');
  });
});

describe('verifying a login', () => {
  const verify = (given: object) => client().verify({ tenantId: test.tenantId, login: given }, slow);

  it('logs in to both servers, over TLS and over STARTTLS, and stores nothing', async () => {
    await dovecot.addUser('vera@rejoinder.test');
    const byTls = await verify(login('vera@rejoinder.test'));
    expect(byTls.checks.map(({ protocol, passed }) => [protocol, passed])).toEqual([
      ['imap', true],
      ['smtp', true],
    ]);
    expect(byTls.capabilities).toContain('IDLE');
    const bySTARTTLS = await verify(
      login('vera@rejoinder.test', { imap: starttls(dovecot.imapPort), smtp: starttls(dovecot.submissionPort) }),
    );
    expect(bySTARTTLS.checks.every(({ passed }) => passed)).toBe(true);
    expect(await test.query('select 1 from connections.inbox')).toEqual([]);
  });

  it('tells each server by its own code and in our own words', async () => {
    await dovecot.addUser('vera@rejoinder.test');
    const codes = async (more: Record<string, unknown>) =>
      (await verify(login('vera@rejoinder.test', more))).checks.map(({ code }) => code);
    expect(await codes({ password: 'wrong' })).toEqual(['AUTH_REJECTED', 'AUTH_REJECTED']);
    expect(await codes({ imap: { ...tls(dovecot.imapsPort), host: '127.0.0.1.nip.invalid' } })).toEqual(['HOST_NOT_FOUND', '']);
    expect(await codes({ imap: tls(22), smtp: tls(25) })).toEqual(['PORT_BLOCKED', 'PORT_BLOCKED']);
    expect(await codes({ imap: tls(995) })).toEqual(['POP3_REFUSED', '']);
    expect(await codes({ imap: { ...tls(dovecot.imapsPort), host: '10.0.0.1' } })).toEqual(['HOST_BLOCKED', '']);
    expect(await codes({ smtp: tls(dovecot.submissionPort) })).toEqual(['', 'STARTTLS_HERE']);
    const { checks } = await verify(login('vera@rejoinder.test', { password: 'wrong' }));
    // Their names are those that were typed.
    expect(checks.map(({ server }) => server)).toEqual([`localhost:${dovecot.imapsPort}`, `localhost:${dovecot.submissionsPort}`]);
    expect(JSON.stringify(checks.map(({ detail, action }) => [detail, action]))).not.toMatch(
      /wrong|Authentication failed|5\.7\.8|localhost/,
    );
  });
});

describe('testing logins without end', () => {
  it('leaves room for another tenant', async () => {
    await dovecot.addUser('many@rejoinder.test');
    const asked = (tenantId: string) => codeOf(client().verify({ tenantId, login: login('many@rejoinder.test') }, slow));
    const greedy = Array.from({ length: 40 }, () => asked(test.tenantId));
    expect(await asked(newId())).toBe('passed');
    const codes = await Promise.all(greedy);
    expect(new Set(codes)).toEqual(new Set(['passed', 'TESTS_BUSY']));
    expect(codes.filter((code) => code === 'passed').length).toBeLessThan(40);
    expect(await asked(test.tenantId)).toBe('passed');
  });
});

describe('an inbox', () => {
  it('is connected once, stored sealed, and told with the command to hold it', async () => {
    const inbox = await connected('anna@rejoinder.test');
    expect(inbox).toMatchObject({ receiving: 'connected', sending: 'ready', settings: { capture: 'tracked', attachments: true } });
    expect(await codeOf(client().connect({ tenantId: test.tenantId, login: login('ANNA@rejoinder.test') }, slow))).toBe('INBOX_EXISTS');
    const [row] = await test.query<{ sealed: Buffer }>('select sealed from connections.credential where inbox_id = $1', [inbox.inboxId]);
    expect(row!.sealed.includes('secret')).toBe(false);
    const start = await settle('the command', async () =>
      (await test.published(commands, StartInboxSchema)).find((one) => one.inboxId === inbox.inboxId),
    );
    expect(start).toMatchObject({ credentialVersion: 1n, settings: { historyDays: 30 } });
    expect((await test.published(topic, InboxConnectedSchema)).find((one) => one.inboxId === inbox.inboxId)).toMatchObject({
      displayName: 'Anna',
    });
    const { login: opened, credentialVersion } = await client().getCredential({ tenantId: test.tenantId, inboxId: inbox.inboxId });
    expect([opened?.password, opened?.username, credentialVersion]).toEqual(['secret', 'anna@rejoinder.test', 1n]);
  });

  it('is not stored where a server refuses, nor where its settings cannot be', async () => {
    await dovecot.addUser('bert@rejoinder.test');
    const refused = await client().connect({ tenantId: test.tenantId, login: login('bert@rejoinder.test', { password: 'wrong' }) }, slow);
    expect(refused.inbox).toBeUndefined();
    expect(refused.checks).toMatchObject([
      { protocol: 'imap', passed: false, code: 'AUTH_REJECTED' },
      { protocol: 'smtp', passed: false, code: 'AUTH_REJECTED' },
    ]);
    const all = client().connect(
      { tenantId: test.tenantId, login: login('bert@rejoinder.test'), settings: { capture: 'everything' } },
      slow,
    );
    expect(await codeOf(all)).toBe('CAPTURE_INVALID');
    expect(await test.query(`select 1 from connections.inbox where address like 'bert%'`)).toEqual([]);
  });

  it('stops each side by itself when its credential is refused, tells it as news once, and only the current one counts', async () => {
    const { inboxId } = await connected('cleo@rejoinder.test');
    const refuse = (from: 'rejoinder.sync.internal.v1' | 'rejoinder.sending.internal.v1', protocol: string, credentialVersion: bigint) =>
      test.publish(from, AuthenticationFailedSchema, inboxId, { inboxId, protocol, credentialVersion, reason: 'AUTH_REJECTED' });
    await refuse('rejoinder.sync.internal.v1', 'imap', 7n);
    await refuse('rejoinder.sending.internal.v1', 'smtp', 1n);
    await refuse('rejoinder.sending.internal.v1', 'smtp', 1n);
    const told = async () => (await test.published(topic, InboxDisconnectedSchema)).filter((one) => one.inboxId === inboxId);
    await settle('sending stopped', async () => (await told()).length === 1);
    const get = async () => (await client().getInbox({ tenantId: test.tenantId, inboxId })).inbox!;
    expect(await get()).toMatchObject({ receiving: 'connected', sending: 'needs_reconnect', sendingReason: 'AUTH_REJECTED' });
    const { stoppedSince, traceId } = await get();
    expect([stoppedSince === undefined, traceId]).toEqual([false, expect.stringMatching(/^[0-9a-f]{32}$/)]);
    await refuse('rejoinder.sync.internal.v1', 'imap', 1n);
    await settle('receiving stopped', async () => (await get()).receiving === 'needs_reconnect');
    const also = async () => (await test.published(topic, InboxSideStoppedSchema)).filter((one) => one.inboxId === inboxId);
    await settle('both are told', async () => (await also()).length === 1);
    expect(await told()).toMatchObject([{ side: 'sending', reason: 'AUTH_REJECTED', credentialVersion: 1n }]);
    expect(await also()).toMatchObject([{ side: 'receiving', reason: 'AUTH_REJECTED', credentialVersion: 1n }]);
    expect(await get()).toMatchObject({ stoppedSince, traceId });
    const version = (await client().getCredential({ tenantId: test.tenantId, inboxId })).credentialVersion;
    expect((await client().reconnect({ tenantId: test.tenantId, inboxId, password: 'secret' }, slow)).inbox).toMatchObject({
      receiving: 'connected',
      sending: 'ready',
      traceId: '',
    });
    expect((await get()).stoppedSince).toBeUndefined();
    for (const [from, protocol] of [
      ['rejoinder.sync.internal.v1', 'imap'],
      ['rejoinder.sending.internal.v1', 'smtp'],
    ] as const)
      await refuse(from, protocol, version + 1n);
    await settle('the next episode', async () => (await told()).length === 2 && (await also()).length === 2);
  });

  it('keeps every id over a new password, and comes back from a pause as it went', async () => {
    const { inboxId } = await connected('dora@rejoinder.test');
    await test.publish('rejoinder.sync.internal.v1', AuthenticationFailedSchema, inboxId, {
      inboxId,
      protocol: 'imap',
      credentialVersion: 1n,
    });
    const get = async () => (await client().getInbox({ tenantId: test.tenantId, inboxId })).inbox!;
    await settle('receiving stopped', async () => (await get()).receiving === 'needs_reconnect');
    expect((await client().pause({ tenantId: test.tenantId, inboxId })).inbox).toMatchObject({ receiving: 'paused', sending: 'paused' });
    const resumed = (await client().resume({ tenantId: test.tenantId, inboxId })).inbox;
    expect(resumed).toMatchObject({ receiving: 'needs_reconnect', receivingReason: 'AUTH_REJECTED', sending: 'ready' });
    await dovecot.setPassword('dora@rejoinder.test', 'new secret');
    const stale = await client().reconnect({ tenantId: test.tenantId, inboxId, password: 'secret' }, slow);
    expect([stale.inbox, stale.checks.map(({ code }) => code)]).toEqual([undefined, ['AUTH_REJECTED', 'AUTH_REJECTED']]);
    expect(await get()).toMatchObject({ receiving: 'needs_reconnect', receivingReason: 'AUTH_REJECTED' });
    const back = (await client().reconnect({ tenantId: test.tenantId, inboxId, password: 'new secret' }, slow)).inbox;
    expect(back).toMatchObject({ inboxId, receiving: 'connected', receivingReason: '', sending: 'ready' });
    const credential = await client().getCredential({ tenantId: test.tenantId, inboxId });
    expect([credential.login?.password, credential.credentialVersion]).toEqual(['new secret', 2n]);
    const started = async () => (await test.published(commands, StartInboxSchema)).filter((one) => one.inboxId === inboxId);
    await settle('the second command', async () => (await started()).length === 2);
    expect((await started()).map(({ credentialVersion }) => credentialVersion)).toEqual([1n, 2n]);
  });

  it('tells a pause and a resumption once each, with rising sequences', async () => {
    const { inboxId } = await connected('emil@rejoinder.test');
    for (const step of ['pause', 'pause', 'resume', 'resume'] as const) await client()[step]({ tenantId: test.tenantId, inboxId });
    const sequences = () =>
      test.query<{ type: string; sequence: string }>(
        `select headers->>'ce_type' as type, headers->>'ce_sequence' as sequence from bus.log where key = $1 order by "offset"`,
        [inboxId],
      );
    await settle('all is told', async () => (await sequences()).length === 6);
    const all = await sequences();
    expect(
      all.filter(({ type }) => type === InboxPausedSchema.name || type === InboxReconnectedSchema.name).map(({ sequence }) => sequence),
    ).toEqual(['2', '3']);
    expect(all.filter(({ type }) => type === StopInboxSchema.name)).toMatchObject([{ sequence: '2' }]);
  });

  it('is gone with its credential once removed, and may be connected again', async () => {
    const { inboxId } = await connected('finn@rejoinder.test');
    await client().remove({ tenantId: test.tenantId, inboxId });
    expect(await codeOf(client().getCredential({ tenantId: test.tenantId, inboxId }))).toBe('INBOX_NOT_FOUND');
    expect(await codeOf(client().remove({ tenantId: test.tenantId, inboxId }))).toBe('INBOX_NOT_FOUND');
    expect(await test.query('select 1 from connections.credential where inbox_id = $1', [inboxId])).toEqual([]);
    await settle(
      'the command',
      async () => (await test.published(commands, StopInboxSchema)).find((one) => one.inboxId === inboxId)?.removed,
    );
    expect((await test.published(topic, InboxRemovedSchema)).at(-1)).toMatchObject({ inboxId });
    expect((await connected('finn@rejoinder.test')).inboxId).not.toBe(inboxId);
  });

  it('is found among many by a part of its address or name, and by its state, a page at a time', async () => {
    const tenantId = newId();
    const kinds = [
      ['ready', 'connected', 5],
      ['needs_reconnect', 'connected', 3],
      ['paused', 'paused', 2],
    ] as const;
    const insert = `insert into connections.inbox (inbox_id, tenant_id, address, display_name, imap_host, imap_port, imap_security, smtp_host, smtp_port,
        smtp_security, receiving, sending, capture, attachments, history_days, credential_version, connected_at)
      select gen_random_uuid(), $1::uuid, $2 || n || '@many.test', 'Person ' || n || '% of ' || $2, 'h', 993, 'tls', 'h', 465, 'tls', $3, $2, 'tracked', true, 30, 1, now()
      from generate_series(1, $4::int) n`;
    for (const [sending, receiving, count] of kinds) await test.query(insert, [tenantId, sending, receiving, count]);
    const found = async (filter: { query?: string; state?: string }) => {
      const addresses: string[] = [];
      let pageToken = '';
      do {
        const page = await client().listInboxes({ tenantId, pageSize: 2, pageToken, ...filter });
        addresses.push(...page.inboxes.map(({ address }) => address.split('@')[0]!));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      return addresses.sort();
    };
    expect(await found({})).toHaveLength(10);
    expect(await found({ query: 'ADY2@MA' })).toEqual(['ready2']);
    expect(await found({ query: 'person 1%' })).toEqual(['needs_reconnect1', 'paused1', 'ready1']);
    expect(await found({ query: '_' })).toEqual(['needs_reconnect1', 'needs_reconnect2', 'needs_reconnect3']);
    expect(await found({ query: 'nobody' })).toEqual([]);
    expect(await found({ state: 'working' })).toHaveLength(5);
    expect(await found({ state: 'needs_reconnect', query: '3' })).toEqual(['needs_reconnect3']);
    expect(await found({ state: 'paused' })).toEqual(['paused1', 'paused2']);
    expect(await codeOf(found({ state: 'toString' }))).toBe('STATE_UNKNOWN');
    expect(await codeOf(found({ query: 'a'.repeat(201) }))).toBe('QUERY_TOO_LONG');
    await test.query('delete from connections.inbox where tenant_id = $1::uuid', [tenantId]);
  });

  it('is listed in pages and never seen by another tenant', async () => {
    const mine = newId();
    for (const name of ['g1', 'g2', 'g3']) await connected(`${name}@rejoinder.test`, mine);
    const first = await client().listInboxes({ tenantId: mine, pageSize: 2 });
    const second = await client().listInboxes({ tenantId: mine, pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.inboxes, ...second.inboxes].map(({ address }) => address)).toEqual(
      ['g1', 'g2', 'g3'].map((name) => `${name}@rejoinder.test`),
    );
    expect(second.nextPageToken).toBe('');
    const { inboxId } = first.inboxes[0]!;
    const stranger = { tenantId: newId(), inboxId };
    expect((await client().listInboxes({ tenantId: stranger.tenantId })).inboxes).toEqual([]);
    for (const step of ['getInbox', 'getCredential', 'pause', 'resume', 'remove'] as const) {
      expect(await codeOf(client()[step](stranger))).toBe('INBOX_NOT_FOUND');
    }
    expect(await codeOf(client().reconnect({ ...stranger, password: 'secret' }, slow))).toBe('INBOX_NOT_FOUND');
  });
});
