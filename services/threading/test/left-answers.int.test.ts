// Answers that left their conversation are named to whoever waits for them, and nobody's else.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { InboxConnectedSchema } from '@rejoinder/contracts/events/connections';
import { MailKind } from '@rejoinder/contracts/mail';
import { closeHouse, hash, here, observe, observed, openHouse, people, send, stored, trackedMail } from './threading-house.js';
import { settle } from '@rejoinder/testing/settle';

beforeAll(openHouse);
afterAll(closeHouse);

const api = () => here.house.peers.client(ThreadingService);
const left = async (threadIds: string[], tenantId = here.house.tenantId) => (await api().listLeftAnswers({ tenantId, threadIds })).answers;
const threadOf = async (mailId: string) => (await api().explain({ tenantId: here.house.tenantId, mailId })).threadId;

async function conversation() {
  const inboxId = newId();
  const root = await send(inboxId);
  await trackedMail(root.mailId);
  return { inboxId, root, threadId: await threadOf(root.mailId) };
}
/** From a third person, under another subject: it has left. */
const elsewhere = (root: { messageIdHash: Uint8Array }, more: object = {}) =>
  observed({ chainHashes: [root.messageIdHash], fromHash: people.zoe, recipientHashes: [people.bob], baseSubjectHash: hash(), ...more });

test('an answer that went to other people is named by its ids, until a person puts it back', async () => {
  const { inboxId, root, threadId } = await conversation();
  const [gone, reply] = [elsewhere(root), observed({ chainHashes: [root.messageIdHash] })];
  await observe(inboxId, [gone, reply]);
  await Promise.all([stored(gone.mailId), trackedMail(reply.mailId)]);
  const told = await left([threadId, newId()]);
  expect(told).toMatchObject([
    { mailId: gone.mailId, leftThreadId: threadId, answersMailId: root.mailId, rule: 'cut_subject', inboxIds: [inboxId] },
  ]);
  expect(told[0]!.threadId).toBe(await threadOf(gone.mailId));
  expect(await left([threadId], newId())).toEqual([]);
  await api().merge({ tenantId: here.house.tenantId, mailId: gone.mailId, intoMailId: root.mailId, by: 'tester' });
  expect(await left([threadId])).toEqual([]);
});

test('mail out, of a program, or taken out by hand is not named, and neither is who answers what left', async () => {
  const { inboxId, root, threadId } = await conversation();
  await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address: 'sales@house.test' }, 1n);
  const sql = 'select address_hash as hash from threading.own_address where inbox_id = $1';
  const ownHash = await settle('the inbox', async () => (await here.house.query<{ hash: Buffer }>(sql, [inboxId]))[0]?.hash);
  const out = elsewhere(root, { fromHash: ownHash, recipientHashes: [people.bob] });
  const program = elsewhere(root, { kind: MailKind.AUTO_REPLY });
  const gone = elsewhere(root);
  const behind = elsewhere(gone, { fromHash: people.zoe });
  await observe(inboxId, [out, program, gone, behind]);
  await Promise.all([out, program, gone, behind].map(({ mailId }) => stored(mailId)));
  expect((await left([threadId])).map(({ mailId }) => mailId)).toEqual([gone.mailId]);
  await api().split({ tenantId: here.house.tenantId, mailId: gone.mailId, by: 'tester' });
  expect(await left([threadId])).toEqual([]);
});

test('more threads than are asked about at once, and what is no id, are refused', async () => {
  await expect(left(Array.from({ length: 51 }, () => newId()))).rejects.toThrow(/Up to 50/);
  await expect(left(['x'])).rejects.toThrow(/Up to 50/);
});
