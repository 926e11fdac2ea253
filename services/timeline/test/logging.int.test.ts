// Whom a mail stands with as the settings of its tenant have it: who becomes a contact by it, and mail that nobody but own people are on.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { newId } from '@rejoinder/base/id';
import { InboxConnectedSchema, LoggingChangedSchema } from '@rejoinder/contracts/events/connections';
import { SendAcceptedSchema } from '@rejoinder/contracts/events/sending';
import { settle } from '@rejoinder/testing/settle';
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

let revision = 0n;
const me = person('me@house.test', 'Me');

async function put(message: MessageInitShape<typeof LoggingChangedSchema>, of = ++revision): Promise<void> {
  await here.house.publish(
    'rejoinder.connections.internal.v1',
    LoggingChangedSchema,
    here.house.tenantId,
    { makeContacts: 'everyone', ...message },
    of,
  );
  await settle(
    'the rules',
    async () => (await here.house.query('select 1 from timeline.logging_rules where revision >= $1', [of])).length > 0,
  );
}

/** One more address of our own. */
async function colleague(): Promise<string> {
  const [address, id] = [ann(), newId()];
  await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, id, { inboxId: id, address });
  await settle('the inbox', async () => (await here.house.query('select 1 from timeline.own_address where inbox_id = $1', [id])).length);
  return address;
}

const placesOf = (mailId: string) => api().getPlaces({ tenantId: here.house.tenantId, mailId });

describe('who becomes a contact', () => {
  test('is only whom our people wrote to, if the settings say so; a stranger makes himself none, and it is told why his mail stands nowhere', async () => {
    await put({ makeContacts: 'written_to' });
    const [stranger, written, known] = [ann(), ann(), ann()];
    await api().putContact({ tenantId: here.house.tenantId, address: known, name: '' });
    const theirs = await capture({ from: person(stranger) });
    await capture({ from: me, to: [person(written)] });
    await capture({ from: person(known) });
    await Promise.all([engagement(written, () => true), engagement(known, () => true)]);
    await drained();
    expect(await contactOf(stranger)).toBeUndefined();
    expect(await placesOf(theirs.mailId)).toMatchObject({ engagementIds: [], reason: 'settings' });
    // Nor could it stand with anybody by other settings.
    const nobodys = await capture({ from: undefined });
    await drained();
    expect((await placesOf(nobodys.mailId)).reason).toBe('no_contact');
  });

  test('is nobody, if the settings say so, also by what is sent from here; who is there has the mail', async () => {
    await put({ makeContacts: 'nobody' });
    const [other, known] = [ann(), ann()];
    await api().putContact({ tenantId: here.house.tenantId, address: known, name: '' });
    const send = { sendId: newId(), inboxId, mailId: newId(), from: me, to: [person(other), person(known)] };
    await here.house.publish('rejoinder.sending.v1', SendAcceptedSchema, inboxId, send, 1n);
    expect((await engagement(known, () => true)).mailId).toBe(send.mailId);
    expect(await contactOf(other)).toBeUndefined();
  });

  test('is not changed by an older word of the settings; contacts that were made stay with their mails', async () => {
    await put({ makeContacts: 'everyone' });
    const [before, after] = [ann(), ann()];
    await capture({ from: person(before) });
    const placed = await engagement(before, () => true);
    await put({ makeContacts: 'nobody' });
    await put({ makeContacts: 'everyone' }, revision - 1n);
    await capture({ from: person(after) });
    await drained();
    expect(await contactOf(after)).toBeUndefined();
    // Looked at again, it still stands with the contact that it made.
    await here.house.query('update timeline.mail set to_place = true, version = version + 1, due_at = now() where mail_id = $1', [
      placed.mailId,
    ]);
    await capture({ from: person(before) });
    await settle('both mails', async () => (await timelineOf(before)).length === 2);
    await drained();
    expect((await timelineOf(before)).map(({ engagementId }) => engagementId)).toContain(placed.engagementId);
    await put({ makeContacts: 'everyone' });
  });
});

describe('mail among our own people', () => {
  test('stands with each of them once it is logged, whichever comes first, and an own address is shown as a contact by that alone', async () => {
    const [you, idle] = [await colleague(), await colleague()];
    const early = await capture({ from: me, to: [person(you, 'You')] });
    await drained();
    expect(await placesOf(early.mailId)).toMatchObject({ engagementIds: [], reason: 'settings' });
    await put({ logInternal: true });
    const seen = await engagement(you, () => true);
    expect(seen).toMatchObject({ mailId: early.mailId, direction: 'out' });
    expect((await engagement('me@house.test', () => true)).mailId).toBe(early.mailId);
    expect([await contactOf(you), await contactOf(idle)]).toMatchObject([{ address: you, name: 'You', engagements: 1n }, undefined]);
    await expect(api().putContact({ tenantId: here.house.tenantId, address: you, name: '' })).rejects.toMatchObject({
      code: 'OWN_ADDRESS',
    });
    // With somebody else on it, it is his.
    const address = ann();
    const out = await capture({ from: me, to: [person(address)], cc: [person(you)] });
    expect((await engagement(address, () => true)).mailId).toBe(out.mailId);
    expect(await timelineOf(you)).toHaveLength(1);
  });

  test('stays where it is when it is logged no more, and what comes then stands nowhere', async () => {
    const you = await colleague();
    await put({ logInternal: true });
    const before = await capture({ from: person(you), to: [me] });
    await engagement(you, () => true);
    await put({ logInternal: false, internalUntil: timestampFromDate(new Date(Date.now() + here.skewMs)) });
    const after = await capture({ from: me, to: [person(you)] });
    await here.house.query('update timeline.mail set to_place = true, version = version + 1, due_at = now() where mail_id = $1', [
      before.mailId,
    ]);
    await capture({ from: person(ann()) });
    await drained();
    expect((await timelineOf(you)).map(({ mailId }) => mailId)).toEqual([before.mailId]);
    expect((await placesOf(after.mailId)).reason).toBe('settings');
  });
});
