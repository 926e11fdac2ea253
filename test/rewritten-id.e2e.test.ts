// A provider that puts a Message-ID of its own on what it relays and keeps in Sent: whoever answers cites an id that we never gave.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { people } from '@rejoinder/testing/crm-town';
import type { MailClient } from '@rejoinder/testing/imap-client';
import { messageIdOf, replyTo } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { expectNoDeadLetters, quiet, startOneHouse, type OneHouse } from './one-house.js';

const within = { timeoutMs: 60_000 };

let one: OneHouse;
let inboxId: string;
let sales: MailClient;

beforeAll(async () => {
  one = await startOneHouse();
  inboxId = (await one.rest.connect(one.town.login)).inbox_id;
  sales = await one.town.openSales();
}, 180_000);

afterAll(async () => {
  await sales?.stop();
  await one?.stop();
});

/** Sends a mail whose Message-ID the provider replaces; gives it as the contact got it. */
async function sendRewritten(subject: string): Promise<{ mailId: string; raw: Buffer }> {
  const providersId = `<${newId()}@provider.test>`;
  one.town.dovecot.relay.changeNext((raw) =>
    Buffer.from(raw.toString('latin1').replace(/^Message-ID:\s*<[^>]+>/im, `Message-ID: ${providersId}`), 'latin1'),
  );
  const send = await one.rest.send({ inbox_id: inboxId, to: [{ address: people.contact, name: 'Carla' }], subject, text: 'An offer' });
  const { raw } = await settle(
    'the send',
    () => one.town.dovecot.accepted.find((mail) => mail.raw.includes(`Subject: ${subject}`)),
    within,
  );
  expect([messageIdOf(raw), raw.toString()]).toEqual([providersId, expect.not.stringContaining(`<${send.message_id}>`)]);
  return { mailId: send.mail_id, raw };
}

const answered = async (raw: Buffer, text: string) => {
  const answer = await replyTo(raw, { from: people.contact, to: people.sales, text });
  await one.town.dovecot.deliver(people.sales, answer);
};
const idsOf = async (mailId: string) =>
  (await one.house.query<{ ids: number }>('select cardinality(id_hashes) as ids from threading.node where mail_id = $1', [mailId]))[0]?.ids;
const joined = (mailId: string) => settle('both ids to be one mail', async () => (await idsOf(mailId)) === 2, within);
const logged = async () => {
  const contact = (await one.rest.contacts()).find(({ address }) => address === people.contact);
  return contact ? await one.rest.timeline(contact.contact_id) : [];
};
/** The answer stands in the conversation of the offer, on its writer's timeline. */
async function standsBeside(offer: string, text: string): Promise<void> {
  const answer = await settle('the answer', async () => (await logged()).find((mail) => mail.text.startsWith(text)), within);
  const sent = (await logged()).filter(({ subject }) => subject === offer);
  expect(sent).toMatchObject([{ thread_id: answer.thread_id, direction: 'out' }]);
}

it('has the answer on the timeline where its copy in Sent was seen before', async () => {
  const { mailId, raw } = await sendRewritten('Seen before');
  await sales.append('Sent', raw);
  await joined(mailId);
  await answered(raw, 'After the copy.');
  await standsBeside('Seen before', 'After the copy.');
}, 120_000);

it('has it once the copy is seen where that comes later, and has read nothing of it before', async () => {
  const { mailId, raw } = await sendRewritten('Seen later');
  await answered(raw, 'Before the copy.');
  const judged = `select 1 from threading.node n join threading.citation c using (tenant_id, mail_id) where n.verdict = 'untracked'`;
  await settle('the answer to be judged', async () => (await one.house.query(judged)).length > 0, within);
  await quiet(one.house);
  expect([await idsOf(mailId), one.town.wire.carried('Before the copy.')]).toEqual([1, false]);
  await sales.append('Sent', raw);
  await joined(mailId);
  await standsBeside('Seen later', 'Before the copy.');
  await expectNoDeadLetters(one.house);
}, 120_000);
