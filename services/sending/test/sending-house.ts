// Sending with real servers, Dovecot's submission and a scripted SMTP server, and what its tests ask of it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { SendingService } from '@rejoinder/contracts/api/sending';
import { InboxConnectedSchema } from '@rejoinder/contracts/events/connections';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { PartitionKeeper } from '@rejoinder/runtime/partitions';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';
import { startPeers, type Peers } from './peers.js';
import { startScriptedSmtp, type ScriptedSmtp } from './scripted-smtp.js';

export const topic = 'rejoinder.sending.v1';
export const clock = { offsetMs: 0, now: () => new Date(Date.now() + clock.offsetMs) };

/** Of the test file that runs. */
export const here = {} as { dovecot: Dovecot; scripted: ScriptedSmtp; house: TestHouse; peers: Peers };

export const openHouse = (): Promise<void> => openHouseWith(() => ({}));

/** With more settings, known once the servers run. */
export async function openHouseWith(more: () => Record<string, string>): Promise<void> {
  here.dovecot = await startDovecot();
  here.scripted = await startScriptedSmtp(here.dovecot.ca);
  const caFile = join(here.dovecot.folder, 'ca.pem');
  await writeFile(caFile, here.dovecot.ca.pem);
  here.house = await startTestHouse({
    roles: [role],
    clock,
    env: {
      REJOINDER_MAIL_CA_FILE: caFile,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: [here.dovecot.submissionPort, here.scripted.port].join(','),
      REJOINDER_SENDING_ANSWER_SECONDS: '2',
      ...more(),
    },
  });
  here.peers = await startPeers((service) => here.house.house.peerAddress(service));
}

export async function closeHouse(): Promise<void> {
  await here.house?.stop();
  here.peers?.stop();
  await here.scripted?.stop();
  await here.dovecot?.stop();
}

export function forgetBehaviours(): void {
  here.scripted.forgetBehaviours();
  here.scripted.accepted.length = 0;
  here.scripted.begun = 0;
}

export const client = () => here.house.peers.client(SendingService);
export const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'passed',
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );

/** An inbox of its own for each case: at Dovecot, or at the scripted server. */
export async function inbox({ at = 'dovecot', tenantId = here.house.tenantId, password = 'secret' } = {}) {
  const inboxId = newId();
  const address = `u${inboxId.slice(-12)}@rejoinder.test`;
  if (at === 'dovecot') await here.dovecot.addUser(address);
  const port = at === 'dovecot' ? here.dovecot.submissionPort : here.scripted.port;
  const smtp = { host: 'localhost', port, security: 'starttls' };
  here.peers.inboxes.set(inboxId, { tenantId, inboxId, address, displayName: 'Änna Example', password, version: 1n, smtp });
  await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address }, 1n, tenantId);
  return { inboxId, address };
}

export const person = (address: string, name = '') => ({ address, name });
export async function send(inboxId: string, more: Record<string, unknown> = {}) {
  const request = {
    tenantId: here.house.tenantId,
    inboxId,
    to: [person('bo@outside.test', 'Bo')],
    subject: 'Hello',
    text: 'Hello Bo.\n',
    ...more,
  };
  return (await client().send(request)).send!;
}
export const get = async (sendId: string, tenantId = here.house.tenantId) => (await client().getSend({ tenantId, sendId })).send!;
export const becomes = (sendId: string, state: string) =>
  settle(`the send to be ${state}`, async () => ((await get(sendId)).state === state ? get(sendId) : undefined));
/** The worker polls every few seconds; a changed row and a wake make it look at once. */
export async function advance(ms: number) {
  clock.offsetMs += ms;
  // Days are made ahead once an hour of the machine's time.
  const { pool, keptDays, logger } = here.house.house;
  for (const schema of ['sending', 'bus']) await new PartitionKeeper(schema, pool, clock, keptDays, logger).keep();
  here.house.house.wake.wake('sending', ['outlet', 'notice']);
}
export const sequencesOf = (sendId: string) =>
  here.house.query<{ sequence: string }>(
    `select headers->>'ce_sequence' as sequence from bus.log where topic = $1 and position(convert_to($2, 'UTF8') in value) > 0 order by "offset"`,
    [topic, sendId],
  );
export const wait = async (sendId: string) =>
  settle('a failed attempt', async () => ((await get(sendId)).reason !== '' ? get(sendId) : undefined));
