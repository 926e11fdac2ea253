// A process that is told to go finishes the mail it is at and begins no other; the next process sends the rest, and none twice.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { settle } from '@rejoinder/testing/settle';
import { becomes, closeHouse, forgetBehaviours, get, here, inbox, openHouseWith, send } from './sending-house.js';

const drainSeconds = 3;

beforeAll(() => openHouseWith(() => ({ REJOINDER_DRAIN_SECONDS: String(drainSeconds), REJOINDER_SENDING_ANSWER_SECONDS: '30' })), 120_000);
afterEach(forgetBehaviours);
afterAll(closeHouse, 60_000);

const role = () => here.house.roles[0]!;
const acceptances = (sendIds: string[]) => sendIds.map((id) => here.scripted.accepted.filter((mail) => mail.includes(id)).length);

/** Four sends, of which the server has the second in full and has not said so: the two others wait under the same claim. */
async function heldAtSecond() {
  const { inboxId } = await inbox({ at: 'scripted' });
  here.scripted.next('hold');
  here.scripted.next('hold');
  const sends = [await send(inboxId)];
  await settle('the first to be held', () => here.scripted.accepted.length === 1);
  while (sends.length < 4) sends.push(await send(inboxId));
  here.scripted.release();
  await settle('the second to be held', () => here.scripted.accepted.length === 2);
  return sends.map(({ sendId }) => sendId);
}

test('the mail under way is sent, those that wait are sent by the next process, each once', async () => {
  const ids = await heldAtSecond();
  const drained = role().drain();
  here.scripted.release();
  await drained;
  expect((await Promise.all(ids.map((id) => get(id)))).map(({ state }) => state)).toEqual(['sent', 'sent', 'accepted', 'accepted']);
  expect(here.scripted.begun).toBe(2);
  await here.house.reopen();
  for (const id of ids) await becomes(id, 'sent');
  expect(acceptances(ids)).toEqual([1, 1, 1, 1]);
}, 60_000);

test('a mail that the server does not confirm in time is told as unconfirmed, and is not sent again', async () => {
  const ids = await heldAtSecond();
  const began = performance.now();
  await role().drain();
  expect(performance.now() - began).toBeLessThan((drainSeconds + 3) * 1_000);
  await here.house.reopen();
  await becomes(ids[1]!, 'unconfirmed');
  for (const id of ids.filter((_, at) => at !== 1)) await becomes(id, 'sent');
  expect(acceptances(ids)).toEqual([1, 1, 1, 1]);
}, 60_000);
