// Mail among our own people about a customer: its text never leaves the mailbox, unless the settings ask for it; in the whole house, by mails that a real server took.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail, type MailParts } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { expectNoDeadLetters, quiet, startOneHouse, type OneHouse } from './one-house.js';

const colleague = 'cleo@house.test';
const words = 'Between us: they would pay twice as much.';
const internalId = '<internal@house.test>';

let one: OneHouse;
let offer: string;

beforeAll(async () => {
  one = await startOneHouse();
  const { inbox_id: inboxId } = await one.rest.connect(one.town.login);
  await one.town.dovecot.addUser(colleague, 'secret');
  await one.rest.connect({ ...one.town.login, address: colleague, password: 'secret' });
  const to = [{ address: people.contact, name: 'Carla' }];
  ({ message_id: offer } = await one.rest.send({ inbox_id: inboxId, to, subject: 'Offer', text: 'An offer' }));
  await textOn(people.contact, 'An offer');
}, 180_000);

afterAll(() => one?.stop());

async function textsOn(address: string): Promise<string[]> {
  const contact = (await one.rest.contacts()).find((found) => found.address === address);
  return contact ? (await one.rest.timeline(contact.contact_id)).map(({ text }) => text.trim()) : [];
}
const textOn = (address: string, text: string) =>
  settle(`"${text}" on ${address}`, async () => (await textsOn(address)).includes(text), { timeoutMs: 60_000 });

/** Lets a mail come to our inbox, and everybody do what they do about it. */
async function arrive(parts: MailParts): Promise<void> {
  const judged = async () => (await one.house.query<{ count: number }>('select count(*)::int as count from threading.node'))[0]!.count;
  const before = await judged();
  await one.town.dovecot.deliver(people.sales, await buildMail({ to: people.sales, subject: 'Re: Offer', ...parts }));
  await settle('the mail to be judged', async () => (await judged()) > before, { timeoutMs: 60_000 });
  await quiet(one.house);
}

const ruleOf = async (verdict: string) => {
  const [row] = await one.house.query<{ mail_id: string }>('select mail_id from threading.node where verdict = $1 and root is null', [
    verdict,
  ]);
  return (await one.rest.call<{ rule: string }>('GET', `/v1/mails/${row!.mail_id}/explain`)).rule;
};

describe('an answer among our own people', () => {
  it('is never fetched, stands with nobody and says why; the customer’s answer that cites it as well is logged', async () => {
    await arrive({ from: colleague, inReplyTo: offer, messageId: internalId, text: words });
    expect(await ruleOf('untracked')).toBe('internal');
    await arrive({ from: people.contact, inReplyTo: internalId, references: [offer, internalId], text: 'We take it.' });
    await textOn(people.contact, 'We take it.');
    expect([one.town.wire.carried('We take it.'), one.town.wire.carried('twice as much')]).toEqual([true, false]);
    expect((await one.rest.contacts()).map(({ address }) => address)).toEqual([people.contact]);
  }, 120_000);

  it('is logged with each of them once the settings ask for it, and with no customer', async () => {
    const settings = { attachments: true, capture: 'tracked', never_log: [], log_internal: true };
    await one.rest.call('PUT', '/v1/settings', settings);
    await Promise.all([colleague, people.sales].map((address) => textOn(address, words)));
    expect(one.town.wire.carried('twice as much')).toBe(true);
    expect(await textsOn(people.contact)).not.toContain(words);
  }, 120_000);
});

it('nothing of it died on the way', () => expectNoDeadLetters(one.house));
