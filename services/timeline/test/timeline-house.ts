// Timeline with its bus, gRPC, keyring and PostgreSQL, and what its tests ask of it.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import { TimelineService, type Engagement } from '@rejoinder/contracts/api/timeline';
import { InboxConnectedSchema } from '@rejoinder/contracts/events/connections';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { EngagementLoggedSchema } from '@rejoinder/contracts/events/timeline';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';
import { startPeers, type TestPeers } from './peers.js';

/** Of the test file that runs. */
export const here = { skewMs: 0 } as { house: TestHouse; peers: TestPeers; skewMs: number };
export const inboxId = newId();

export async function openHouse(): Promise<void> {
  here.house = await startTestHouse({ roles: [role], clock: { now: () => new Date(Date.now() + here.skewMs) } });
  here.peers = await startPeers(here.house.house);
  await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address: 'Me@house.test' });
  await settle('the inbox', async () => (await here.house.query('select 1 from timeline.own_address')).length);
}

export async function closeHouse(): Promise<void> {
  await here.house?.stop();
  await here.peers?.[Symbol.asyncDispose]();
}

export const api = () => here.house.peers.client(TimelineService);
export const person = (address: string, name = '') => ({ address, name });
export const ann = () => `ann-${newId().slice(-12)}@x.test`;

export async function capture(more: MessageInitShape<typeof MailCapturedSchema>) {
  const message = { inboxId, mailId: newId(), threadId: newId(), revision: 1n, to: [person('me@house.test')], subject: 'Offer', ...more };
  await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, message);
  return message;
}

export const contactOf = async (address: string) =>
  (await api().listContacts({ tenantId: here.house.tenantId, query: address })).contacts[0];

export async function timelineOf(address: string): Promise<Engagement[]> {
  const contact = await contactOf(address);
  return contact ? (await api().listEngagements({ tenantId: here.house.tenantId, contactId: contact.contactId })).engagements : [];
}

/** The engagement of this address once it is as wanted: with its text, unless said otherwise. */
export const engagement = (address: string, isSo: (one: Engagement) => boolean = ({ textState }) => textState === 'ready') =>
  settle(`the engagement of ${address}`, async () => (await timelineOf(address)).find(isSo));

export const logged = async (engagementId: string) =>
  (await here.house.published('rejoinder.timeline.v1', EngagementLoggedSchema)).filter((one) => one.engagementId === engagementId);

/** Everything that was published before has been taken. */
export async function drained(): Promise<void> {
  const sql = `select 1 from bus.position p join bus.log_end e using (topic, partition) where p."group" like '%timeline%' and p.next_offset < e.next_offset`;
  await settle('all events to be taken', async () => (await here.house.query(sql)).length === 0);
  await settle('all work to be done', async () => (await here.house.query('select 1 from timeline.mail where to_place')).length === 0);
}
