// Further addresses of a mailbox are nobody's contacts: mail from them is mail out, as long as the settings name them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SettingsChangedSchema } from '@rejoinder/contracts/events/connections';
import {
  ann,
  api,
  capture,
  closeHouse,
  contactOf,
  drained,
  engagement,
  here,
  inboxId,
  openHouse,
  person,
  timelineOf,
} from './timeline-house.js';

beforeAll(openHouse);
afterAll(closeHouse);

async function name(ownAddresses: string[], revision: bigint): Promise<void> {
  const message = { inboxId, settings: { ownAddresses } };
  await here.house.publish('rejoinder.connections.v1', SettingsChangedSchema, inboxId, message, revision);
  await drained();
}

test('mail from one stands with whom it was written to, also with a tag, and none of it with the address itself', async () => {
  const [customer, alias] = [ann(), ann()];
  await name([alias.toUpperCase()], 2n);
  const { mailId } = await capture({ from: person(alias.replace('@', '+crm@')), to: [person(customer)] });
  expect(await engagement(customer, (one) => one.mailId === mailId)).toMatchObject({ direction: 'out' });
  await capture({ from: person(customer), to: [person(alias)] });
  await drained();
  expect([(await timelineOf(customer)).length, await contactOf(alias)]).toEqual([2, undefined]);
  await expect(api().putContact({ tenantId: here.house.tenantId, address: alias, name: '' })).rejects.toMatchObject({
    code: 'OWN_ADDRESS',
  });
});

test('what stands with one goes off its timeline; what stands nowhere comes back where the address is own no more, and an older word changes nothing', async () => {
  const alias = ann();
  const theirs = await capture({ from: person(alias) });
  await engagement(alias, (one) => one.mailId === theirs.mailId);
  await name([alias], 3n);
  expect(await timelineOf(alias)).toEqual([]);
  await name([], 2n);
  expect(await timelineOf(alias)).toEqual([]);
  await name([], 4n);
  expect((await timelineOf(alias)).map(({ mailId }) => mailId)).toEqual([theirs.mailId]);
});

test('contacts are found by any of their addresses, and in their tenant alone', async () => {
  const [first, other] = [ann(), ann()];
  const { contact } = await api().putContact({ tenantId: here.house.tenantId, address: first, name: '' });
  await api().addContactAddress({ tenantId: here.house.tenantId, contactId: contact!.contactId, address: other });
  const find = async (tenantId: string) => (await api().findContacts({ tenantId, addresses: [other.toUpperCase(), ann()] })).contacts;
  expect((await find(here.house.tenantId)).map(({ contactId }) => contactId)).toEqual([contact!.contactId]);
  expect(await find(inboxId)).toEqual([]);
});
