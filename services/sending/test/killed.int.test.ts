// SIGKILL at the two sides of the first byte of DATA: the restarted service converges, and the server accepts each mail once.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { SendingService } from '@rejoinder/contracts/api/sending';
import { startRole, type RunningRole } from '@rejoinder/runtime/role';
import { createTestCa } from '@rejoinder/testing/certificates';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';
import { startPeers, type Peers } from './peers.js';
import { startScriptedSmtp, type Behaviour, type ScriptedSmtp } from './scripted-smtp.js';

const script = fileURLToPath(new URL('./sending-process.mjs', import.meta.url));
let folder: string;
let scripted: ScriptedSmtp;
let test: TestHouse;
let peers: Peers;
let restarted: RunningRole | undefined;
let child: ChildProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rejoinder-killed-'));
  const ca = await createTestCa();
  await writeFile(join(folder, 'ca.pem'), ca.pem);
  scripted = await startScriptedSmtp(ca);
  const env = {
    REJOINDER_MAIL_CA_FILE: join(folder, 'ca.pem'),
    REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
    REJOINDER_MAIL_ALLOWED_PORTS: String(scripted.port),
  };
  test = await startTestHouse({ roles: [role], env });
  peers = await startPeers((service) => test.house.peerAddress(service));
  await test.roles[0]!.stop();
});
afterAll(async () => {
  child?.kill('SIGKILL');
  await restarted?.stop();
  peers?.stop();
  await test?.house.close();
  await test?.postgres.stop();
  await scripted?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startProcess(): Promise<ChildProcess> {
  const socketFolder = dirname(test.house.peerAddress('sending').replace('unix:', ''));
  const started = spawn(process.execPath, [script], {
    env: { ...process.env, ...test.env, SOCKET_FOLDER: socketFolder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(started.stdout!, 'data');
  return started;
}

/** Kills the process once the server holds the mail where the behaviour says, and starts the service again. */
async function sendAndKill(behaviour: Behaviour, isHeld: () => boolean): Promise<string> {
  await restarted?.stop();
  restarted = undefined;
  child = await startProcess();
  const inboxId = newId();
  const smtp = { host: 'localhost', port: scripted.port, security: 'starttls' };
  peers.inboxes.set(inboxId, {
    tenantId: test.tenantId,
    inboxId,
    address: 'anna@rejoinder.test',
    displayName: 'Anna',
    password: 'secret',
    version: 1n,
    smtp,
  });
  scripted.next(behaviour);
  const client = test.peers.client(SendingService);
  const request = { tenantId: test.tenantId, inboxId, to: [{ address: 'bo@outside.test' }], subject: 'Hello', text: 'Hello.' };
  const { send } = await settle('the process to answer', () => client.send(request));
  await settle('the server to hold it', isHeld);
  child.kill('SIGKILL');
  await once(child, 'exit');
  // A process that is killed leaves its socket's file behind.
  await rm(test.house.peerAddress('sending').replace('unix:', ''), { force: true });
  // Its lease lives for minutes; here they are over.
  await test.query(
    `update sending.outlet set lease_until = now() - interval '1 second', due_at = now() - interval '1 second' where inbox_id = $1`,
    [inboxId],
  );
  restarted = await startRole(role, test.house, test.env);
  return send!.sendId;
}

const stateOf = async (sendId: string) =>
  (await test.peers.client(SendingService).getSend({ tenantId: test.tenantId, sendId })).send!.state;
const acceptances = (sendId: string) => scripted.accepted.filter((mail) => mail.includes(sendId)).length;

describe('a process that is killed', () => {
  it('before the first byte: the mail is sent after the restart, once', async () => {
    const sendId = await sendAndKill('hold_before_data', () => scripted.held === 1);
    await settle('it to be sent', async () => (await stateOf(sendId)) === 'sent');
    expect(acceptances(sendId)).toBe(1);
  }, 60_000);

  it('after the server took the mail and before it said so: unconfirmed, and not sent again', async () => {
    const sendId = await sendAndKill('hold', () => scripted.accepted.length === 2);
    await settle('it to be unconfirmed', async () => (await stateOf(sendId)) === 'unconfirmed');
    expect(acceptances(sendId)).toBe(1);
  }, 60_000);
});
