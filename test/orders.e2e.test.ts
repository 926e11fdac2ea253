// Both orders of arrival, and the ways in which people answer: what is of the thread is logged, what is private stays unread.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import type { MailClient } from '@rejoinder/testing/imap-client';
import { buildMail, messageIdOf, replyTo } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { connectSales, onTimeline, sendToContact } from './main-job.js';
import { expectNoDeadLetters, observed, startOneHouse, type OneHouse } from './one-house.js';

const carla = `Carla Customer <${people.contact}>`;
const within = (seconds: number) => ({ timeoutMs: seconds * 1_000 });
const secret = () => `private-${randomBytes(12).toString('hex')}`;

let one: OneHouse;
let inboxId: string;
let sales: MailClient;
/** Mails put into INBOX so far. */
let delivered = 0;

beforeAll(async () => {
  one = await startOneHouse();
  inboxId = await connectSales(one);
  sales = await one.town.openSales();
});

afterAll(async () => {
  await sales?.stop();
  await one?.stop();
});

async function deliver(raw: Buffer): Promise<void> {
  await one.town.dovecot.deliver(people.sales, raw);
  delivered++;
}

const inboxSeen = () => observed(one, inboxId, 'INBOX', delivered);

function contactId(address: string): Promise<string> {
  return settle(
    `the contact ${address}`,
    async () => (await one.rest.contacts()).find((contact) => contact.address === address)?.contact_id,
  );
}

async function uidOf(messageId: string, folder = 'INBOX'): Promise<number> {
  return (await sales.mails(folder)).find((mail) => mail.messageId === messageId)!.uid;
}

/** What the wire carried of this mail's body. */
async function bodiesOf(raw: Buffer, folder = 'INBOX') {
  const uid = await uidOf(messageIdOf(raw), folder);
  return one.town.wire.bodies().filter((section) => section.folder === folder && section.uid === uid);
}

/** As if another relay held the lease of the sending service: nothing that it says gets onto the wire. */
const holdSending = () =>
  one.house.query(`update sending.relay_lease set holder = gen_random_uuid(), held_until = now() + interval '1 hour'`);
const releaseSending = () => one.house.query('update sending.relay_lease set held_until = null');

it('logs an answer that was observed before anything was heard of the send', async () => {
  await holdSending();
  const { send, raw } = await sendToContact(one, inboxId, 'Held back');
  const reply = await replyTo(raw, { from: carla, text: 'I am quick.\n' });
  await deliver(reply);
  await inboxSeen();
  expect(await bodiesOf(reply)).toEqual([]);
  expect(await one.house.query(`select 1 from bus.log where topic like 'rejoinder.sending%'`)).toEqual([]);
  expect(await one.rest.contacts()).toEqual([]);

  await releaseSending();
  const contact = await contactId(people.contact);
  const answer = await onTimeline(one, contact, 'Re: Held back', ({ text_state }) => text_state === 'ready');
  const sent = await onTimeline(one, contact, 'Held back', ({ state }) => state === 'sent');
  expect(answer).toMatchObject({ direction: 'in', thread_id: sent.thread_id, text: expect.stringContaining('I am quick.') });
  expect(sent.mail_id).toBe(send.mail_id);
  expect(await bodiesOf(reply)).not.toEqual([]);
}, 90_000);

it('logs answers that come while the send is still on its way', async () => {
  const subjects = Array.from({ length: 5 }, (_, index) => `Racing ${index}`);
  await Promise.all(
    subjects.map(async (subject) => {
      const to = [{ address: people.contact }];
      const send = await one.rest.send({ inbox_id: inboxId, to, subject, text: 'Fast.', attachment_ids: [] });
      const inReplyTo = send.message_id;
      await deliver(
        await buildMail({ from: carla, to: people.sales, subject: `Re: ${subject}`, inReplyTo, references: inReplyTo, text: 'Faster.' }),
      );
    }),
  );
  const contact = await contactId(people.contact);
  for (const subject of subjects) {
    await onTimeline(one, contact, subject, ({ state, text_state }) => state === 'sent' && text_state === 'ready');
    await onTimeline(one, contact, `Re: ${subject}`, ({ text_state }) => text_state === 'ready');
  }
  const all = (await one.rest.timeline(contact)).filter(({ subject }) => subject.includes('Racing'));
  expect(all).toHaveLength(2 * subjects.length);
  expect(new Set(all.map(({ thread_id }) => thread_id)).size).toBe(subjects.length);
}, 90_000);

it('logs an answer that comes long after the send, once', async () => {
  const { raw } = await sendToContact(one, inboxId, 'In no hurry');
  const contact = await contactId(people.contact);
  const sent = await onTimeline(one, contact, 'In no hurry', ({ state, text_state }) => state === 'sent' && text_state === 'ready');
  const reply = await replyTo(raw, { from: carla, text: 'At last.\n' });
  await deliver(reply);
  await deliver(reply);
  const answer = await onTimeline(one, contact, 'Re: In no hurry', ({ text_state }) => text_state === 'ready');
  expect(answer.thread_id).toBe(sent.thread_id);
  await inboxSeen();
  expect((await one.rest.timeline(contact)).filter(({ subject }) => subject === 'Re: In no hurry')).toHaveLength(1);
}, 90_000);

it('captures the mail of a third person that cites a private mail and a tracked one, and leaves the private one unread', async () => {
  const { raw, send } = await sendToContact(one, inboxId, 'Three of us');
  const contact = await contactId(people.contact);
  const planted = [secret(), secret(), secret()];
  const theo = `Theo Third <${people.third}>`;
  const before = await buildMail({ from: theo, to: people.sales, subject: 'Between us', text: planted[0] });
  const between = await buildMail({
    from: theo,
    to: people.sales,
    subject: 'Also between us',
    inReplyTo: messageIdOf(before),
    text: planted[1],
  });
  await deliver(before);
  await deliver(between);
  const base = { from: theo, to: people.sales, cc: carla };
  const [nearPrivate, nearTracked] = [
    await buildMail({
      ...base,
      subject: 'Re: Also between us',
      text: 'Joining both.\n',
      inReplyTo: messageIdOf(between),
      references: [messageIdOf(raw), messageIdOf(before), messageIdOf(between)],
    }),
    await buildMail({
      ...base,
      subject: 'Re: Three of us',
      text: 'Joining both again.\n',
      inReplyTo: messageIdOf(raw),
      references: [messageIdOf(before), messageIdOf(between), messageIdOf(raw)],
    }),
  ];
  await deliver(nearPrivate);
  await deliver(nearTracked);
  // It cites what was captured, but its own chain ends before that.
  const aside = await buildMail({
    from: theo,
    to: people.sales,
    subject: 'Re: Between us',
    inReplyTo: messageIdOf(before),
    text: planted[2],
  });
  await deliver(aside);

  const third = await contactId(people.third);
  for (const subject of ['Re: Also between us', 'Re: Three of us']) {
    for (const id of [third, contact]) {
      expect(await onTimeline(one, id, subject, ({ text_state }) => text_state === 'ready')).toMatchObject({ direction: 'in' });
    }
  }
  await inboxSeen();
  for (const raw of [before, between, aside]) expect(await bodiesOf(raw)).toEqual([]);
  for (const text of planted) expect(one.town.wire.carried(text)).toBe(false);
  expect((await one.rest.timeline(third)).map(({ subject }) => subject).sort()).toEqual(['Re: Also between us', 'Re: Three of us']);
  expect((await one.rest.timeline(contact)).some(({ mail_id }) => mail_id === send.mail_id)).toBe(true);
}, 90_000);

it('logs what a contact answers with other mail programs', async () => {
  const { raw } = await sendToContact(one, inboxId, 'Which program');
  const id = messageIdOf(raw);
  const contact = await contactId(people.contact);
  const base = { from: carla, to: people.sales };
  const answers = {
    'AW: Which program': { inReplyTo: id, html: '<p>Outlook, <b>without</b> References</p>', headers: { 'Thread-Topic': 'Which program' } },
    'Re: Which program (phone)': { references: [id], text: 'References alone\n' },
    'Ré : autre chose': {
      references: [...Array.from({ length: 30 }, (_, n) => `<unknown-${n}@elsewhere.test>`), id],
      text: 'A long chain\n',
    },
    'Re: With a comment': { headers: { 'In-Reply-To': `Your message of "Tue, 24 Nov" ${id} (by hand)` }, text: 'An old Unix program\n' },
  };
  for (const [subject, parts] of Object.entries(answers)) await deliver(await buildMail({ ...base, subject, ...parts }));
  const sent = await onTimeline(one, contact, 'Which program', ({ text_state }) => text_state === 'ready');
  for (const subject of Object.keys(answers)) {
    const answer = await onTimeline(one, contact, subject, ({ text_state }) => text_state === 'ready');
    expect(answer).toMatchObject({ direction: 'in', thread_id: sent.thread_id });
  }
}, 90_000);

it('asks the text whether an answer from an unknown address quotes, and keeps it only then', async () => {
  const { raw } = await sendToContact(one, inboxId, 'From home');
  const text = 'Now from home.\n\nOn Tue, Sally Sales wrote:\n> Dear Carla,\n>\n> about From home.\n';
  await deliver(await replyTo(raw, { from: 'carla@home.test', text }));
  const silent = await replyTo(raw, { from: 'someone@else.test', text: 'Something of my own.\n' });
  await deliver(silent);
  const home = await contactId('carla@home.test');
  await onTimeline(one, home, 'Re: From home', ({ text_state }) => text_state === 'ready');
  await inboxSeen();
  await settle(
    'the other one to be judged by its text',
    async () => (await one.house.query(`select 1 from threading.node where verdict = 'asking'`)).length === 0,
    within(30),
  );
  expect((await one.rest.contacts()).map(({ address }) => address)).not.toContain('someone@else.test');
}, 90_000);

it('logs as mail out what a person answers in their own mail program', async () => {
  const { raw } = await sendToContact(one, inboxId, 'My own program');
  const contact = await contactId(people.contact);
  const reply = await replyTo(raw, { from: carla, text: 'A question.\n' });
  await deliver(reply);
  const answer = await onTimeline(one, contact, 'Re: My own program', ({ text_state }) => text_state === 'ready');

  const own = await replyTo(reply, { from: `Sally Sales <${people.sales}>`, subject: 'Re: Re: My own program', text: 'The answer.\n' });
  await sales.append('Sent', own, ['\\Seen']);
  const logged = await onTimeline(one, contact, 'Re: Re: My own program', ({ text_state }) => text_state === 'ready', 60);
  expect(logged).toMatchObject({ direction: 'out', thread_id: answer.thread_id, from: { address: people.sales } });
  expect(logged.text).toContain('The answer.');

  const unrelated = await buildMail({ from: people.sales, to: people.contact, subject: 'Lunch', text: secret() });
  await sales.append('Sent', unrelated, ['\\Seen']);
  await deliver(await replyTo(own, { from: carla, subject: 'Thanks', text: 'Thanks.\n' }));
  const thanks = await onTimeline(one, contact, 'Thanks', ({ text_state }) => text_state === 'ready');
  expect(thanks.thread_id).toBe(answer.thread_id);
  // Copies of the sends before may still be on their way into the folder.
  const unfiled = `select 1 from sync.sent_copy where state in ('wanted', 'append_started')`;
  await settle('all copies to be filed', async () => (await one.house.query(unfiled)).length === 0, within(60));
  const sent = await sales.mails('Sent');
  await observed(one, inboxId, 'Sent', sent.length);
  expect(await bodiesOf(unrelated, 'Sent')).toEqual([]);
  expect((await one.rest.timeline(contact)).map(({ subject }) => subject)).not.toContain('Lunch');
  expect((await one.rest.contacts()).map(({ address }) => address)).not.toContain(people.sales);
}, 120_000);

it('has no dead letter at the end', () => expectNoDeadLetters(one.house));
