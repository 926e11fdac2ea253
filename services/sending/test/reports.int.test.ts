// Delivery reports about sends: each recipient apart, however late or often; nothing is sent again, and nobody marks what is not theirs.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { DeliveryReportedSchema } from '@rejoinder/contracts/events/sending';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { MailKind } from '@rejoinder/contracts/mail';
import { settle } from '@rejoinder/testing/settle';
import { becomes, closeHouse, forgetBehaviours, get, here, inbox, openHouse, person, send, sequencesOf, topic } from './sending-house.js';

beforeAll(openHouse, 120_000);
afterAll(closeHouse, 60_000);
beforeEach(forgetBehaviours);

const two = { to: [person('Bo@outside.test'), person('ann@outside.test')] };
const delivery = (address: string, outcome: string, status = '') => ({ address, outcome, status });

async function sent(more: Record<string, unknown> = {}) {
  const { inboxId } = await inbox({ at: 'scripted' });
  return becomes((await send(inboxId, more)).sendId, 'sent');
}

/** A report that was read; settled when it is taken. */
async function report(aboutMessageId: string, deliveries: object[], more: object = {}, tenantId = here.house.tenantId) {
  const message = { inboxId: newId(), mailId: newId(), revision: 1n, kind: MailKind.DELIVERY_REPORT, aboutMessageId, deliveries, ...more };
  await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, message.inboxId, message, 1n, tenantId);
  const unread = `select 1 from bus.position p join bus.log_end e using (topic, partition) where p."group" like '%sending%' and p.next_offset < e.next_offset`;
  await settle('the report to be taken', async () => (await here.house.query(unread)).length === 0);
  return message.mailId;
}

const told = async (sendId: string) =>
  (await get(sendId)).deliveries.map(({ address, outcome, status }) => [address, outcome, status].join(' '));
const news = async (sendId: string) =>
  (await here.house.published(topic, DeliveryReportedSchema))
    .filter((one) => one.sendId === sendId)
    .map(({ address, outcome }) => `${address} ${outcome}`);

test('what became of it at each recipient stands with the send and is told; its state stays, and nothing is sent again', async () => {
  const { sendId, messageId, mailId } = await sent(two);
  const begun = here.scripted.begun;
  const first = await report(messageId, [
    delivery('bo@outside.test', 'hard_bounce', '5.1.1'),
    delivery('ann@outside.test', 'delayed', '4.4.1'),
  ]);
  expect((await told(sendId)).sort()).toEqual(['ann@outside.test delayed 4.4.1', 'bo@outside.test hard_bounce 5.1.1']);
  await report(messageId, [delivery('ann@outside.test', 'soft_bounce', '4.4.7')]);
  expect((await told(sendId)).sort()).toEqual(['ann@outside.test soft_bounce 4.4.7', 'bo@outside.test hard_bounce 5.1.1']);
  expect((await news(sendId)).sort()).toEqual(['ann@outside.test delayed', 'ann@outside.test soft_bounce', 'bo@outside.test hard_bounce']);
  expect((await here.house.published(topic, DeliveryReportedSchema))[0]).toMatchObject({ mailId, reportMailId: first });
  const sequences = (await sequencesOf(sendId)).map(({ sequence }) => Number(sequence));
  expect(sequences).toEqual([...sequences].sort((one, other) => one - other));
  expect(await get(sendId)).toMatchObject({ state: 'sent', reason: '' });
  expect(here.scripted.begun).toBe(begun);
});

test('a report that comes twice, or late after a graver one, says nothing new', async () => {
  const { sendId, messageId } = await sent();
  for (let twice = 0; twice < 2; twice++) await report(messageId, [delivery('bo@outside.test', 'hard_bounce')]);
  await report(messageId, [delivery('bo@outside.test', 'delayed')]);
  expect(await told(sendId)).toEqual(['bo@outside.test hard_bounce ']);
  expect(await news(sendId)).toEqual(['bo@outside.test hard_bounce']);
});

test('nobody is marked by a stranger, by a name that is not ours, by what is no report, or in another tenant', async () => {
  const { sendId, messageId } = await sent();
  const bounced = [delivery('bo@outside.test', 'hard_bounce')];
  await report(messageId, [delivery('stranger@outside.test', 'hard_bounce')]);
  await report(messageId.replace(/\.[^.]+@/, '.AAAAAAAAAAAAAAAAAAAAAA@'), bounced);
  await report(messageId, bounced, { kind: MailKind.PERSON });
  await report(messageId, bounced, { kind: MailKind.COMPLAINT });
  await report(messageId, bounced, {}, newId());
  expect(await told(sendId)).toEqual([]);
  expect(await news(sendId)).toEqual([]);
});

test('what a report said goes with that report and does not come back, and all of it with the send', async () => {
  const { sendId, messageId, mailId } = await sent();
  const tenantId = here.house.tenantId;
  const store = here.house.peers.storeOf('sending');
  const reportId = await report(messageId, [delivery('bo@outside.test', 'hard_bounce')]);
  expect(await told(sendId)).toHaveLength(1);
  await store.forget({ tenantId, mailIds: [reportId] });
  await report(messageId, [delivery('bo@outside.test', 'hard_bounce')], { mailId: reportId });
  expect(await told(sendId)).toEqual([]);
  await report(messageId, [delivery('bo@outside.test', 'hard_bounce')]);
  await store.forget({ tenantId, mailIds: [mailId] });
  const sql = 'select count(*)::int as count from sending.recipient_report where send_id = $1';
  expect(await here.house.query(sql, [sendId])).toEqual([{ count: 0 }]);
});
