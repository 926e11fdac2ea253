// A mail that could not be delivered: its report stands on the timeline of whom it was written to, also where its headers cite nothing; in the whole house, by mails that a real server took.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildBounce } from '@rejoinder/testing/bounce';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { expectNoDeadLetters, quiet, startOneHouse, type OneHouse } from './one-house.js';

const within = { timeoutMs: 60_000 };

let one: OneHouse;
let inboxId: string;
let sent: { send_id: string; raw: Buffer };

beforeAll(async () => {
  one = await startOneHouse();
  ({ inbox_id: inboxId } = await one.rest.connect(one.town.login));
  const send = await one.rest.send({
    inbox_id: inboxId,
    to: [{ address: people.contact, name: 'Carla' }],
    subject: 'Offer',
    text: 'An offer',
  });
  const { raw } = await settle('the send', () => one.town.dovecot.accepted.find((mail) => mail.raw.includes('Subject: Offer')), within);
  sent = { send_id: send.send_id, raw };
}, 180_000);

afterAll(() => one?.stop());

async function timelineOf(address: string) {
  const contact = (await one.rest.contacts()).find((found) => found.address === address);
  return contact ? await one.rest.timeline(contact.contact_id) : [];
}
const judged = async () => (await one.house.query<{ count: number }>('select count(*)::int as count from threading.node'))[0]!.count;
/** Lets a mail come, and everybody do what they do about it. */
async function arrive(mail: Buffer): Promise<void> {
  const before = await judged();
  await one.town.dovecot.deliver(people.sales, mail);
  await settle('the mail to be judged', async () => (await judged()) > before, within);
  await quiet(one.house);
}
const verdicts = async () =>
  (await one.house.query<{ verdict: string }>(`select verdict from threading.node where kind = 'delivery_report' order by seen_at`)).map(
    ({ verdict }) => verdict,
  );

it('a report that names our mail in what came back alone stands with whom we wrote to, and is no answer of theirs', async () => {
  await arrive(buildBounce({ to: people.sales, recipient: people.contact, returned: sent.raw }));
  const mails = await settle(
    'the report',
    async () => {
      const all = await timelineOf(people.contact);
      return all.length === 2 && all;
    },
    within,
  );
  const [report, offer] = ['delivery_report', 'person'].map((kind) => mails.find((mail) => mail.kind === kind)!);
  expect(report).toMatchObject({ direction: 'in', subject: 'Undelivered Mail Returned to Sender', thread_id: offer!.thread_id });
  expect(report!.text).toContain('could not be delivered');
  expect(report).toMatchObject({
    about_message_id: offer!.message_id,
    deliveries: [{ address: people.contact, outcome: 'hard_bounce', status: '5.1.1' }],
  });
  const { state, deliveries } = await one.rest.getSend(sent.send_id);
  expect(state).toBe('sent');
  expect(deliveries).toMatchObject([{ address: people.contact, outcome: 'hard_bounce', status: '5.1.1', report_mail_id: report!.mail_id }]);
  expect((await one.rest.contacts()).map(({ address }) => address)).toEqual([people.contact]);
}, 120_000);

it('of a private mail that came back nothing is kept, and its text never leaves the mailbox', async () => {
  const mail = await buildMail({ from: people.sales, to: people.third, subject: 'Between us', text: 'Words that are private.' });
  await arrive(buildBounce({ to: people.sales, recipient: people.third, returned: mail }));
  expect(await verdicts()).toEqual(['tracked', 'untracked']);
  expect(one.town.wire.carried('Words that are private.')).toBe(false);
  expect((await one.rest.contacts()).map(({ address }) => address)).toEqual([people.contact]);
}, 120_000);

it('a report that somebody forged about our mail makes nobody a contact, and our send stays as it was', async () => {
  const state = () => one.rest.getSend(sent.send_id);
  const before = await state();
  await arrive(buildBounce({ to: people.sales, recipient: people.stranger, returned: sent.raw }));
  expect(await verdicts()).toEqual(['tracked', 'untracked', 'tracked']);
  expect((await one.rest.contacts()).map(({ address }) => address)).toEqual([people.contact]);
  expect(await timelineOf(people.contact)).toHaveLength(2);
  expect(await state()).toEqual(before);
}, 120_000);

it('a report about a mail whose Message-ID its provider has rewritten stands with its send all the same', async () => {
  const to = [{ address: people.third, name: '' }];
  const { send_id: sendId, message_id: id } = await one.rest.send({ inbox_id: inboxId, to, subject: 'Rewritten', text: 'An offer' });
  const mail = await settle('the send', () => one.town.dovecot.accepted.find(({ raw }) => raw.includes('Subject: Rewritten')), within);
  const returned = mail.raw.toString('latin1').replace(`<${id}>`, '<made-by-the-provider@mx.test>');
  expect(returned).not.toContain(`<${id}>`);
  await arrive(buildBounce({ to: people.sales, recipient: people.third, returned }));
  const outcomes = async () => (await one.rest.getSend(sendId)).deliveries;
  expect(await outcomes()).toMatchObject([{ address: people.third, outcome: 'hard_bounce' }]);
}, 120_000);

it('nothing of it died on the way', () => expectNoDeadLetters(one.house));
