// A mailbox that sends under other names: they are its own once its settings name them, and neither a customer's nor a colleague's address can be taken so.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { expectNoDeadLetters, startOneHouse, type OneHouse } from './one-house.js';

const colleague = 'cleo@house.test';
const alias = 'hello@house.test';

let one: OneHouse;
let inboxId: string;
let offer: string;

beforeAll(async () => {
  one = await startOneHouse();
  ({ inbox_id: inboxId } = await one.rest.connect(one.town.login));
  await one.town.dovecot.addUser(colleague, 'secret');
  await one.rest.connect({ ...one.town.login, address: colleague, password: 'secret' });
  const to = [{ address: people.contact, name: 'Carla' }];
  ({ message_id: offer } = await one.rest.send({ inbox_id: inboxId, to, subject: 'Offer', text: 'An offer' }));
  await on(people.contact, 'An offer');
}, 180_000);

afterAll(() => one?.stop());

const name = (own_addresses: string[]) =>
  one.rest.call<{ settings: { own_addresses: string[] } }>('PATCH', `/v1/inboxes/${inboxId}`, { settings: { own_addresses } });
const on = (address: string, text: string) =>
  settle(
    `"${text}" on ${address}`,
    async () => {
      const contact = (await one.rest.contacts()).find((found) => found.address === address);
      return contact && (await one.rest.timeline(contact.contact_id)).find((entry) => entry.text.trim() === text);
    },
    { timeoutMs: 60_000 },
  );

it('a contact with mail on the timeline, and another inbox, are refused', async () => {
  await expect(name([people.contact])).rejects.toThrow('ADDRESS_OF_CONTACT');
  await expect(name([people.contact.replace('@', '+shop@')])).rejects.toThrow('ADDRESS_OF_CONTACT');
  await expect(name([colleague])).rejects.toThrow('ADDRESS_OF_INBOX');
  await expect(name(['hello'])).rejects.toThrow();
});

it('mail that it sends under a name of its settings is mail out, also with a tag, and nobody’s contact', async () => {
  const { settings } = await name([alias.toUpperCase(), alias]);
  expect(settings.own_addresses).toEqual([alias]);
  // What it has already may be said again.
  await name([alias]);
  const sync = () => one.house.query('select from sync.session where cardinality(own_hashes) = 1 and state = $1', ['live']);
  await settle('the mailbox to be watched again', async () => (await sync()).length > 0, { timeoutMs: 60_000 });
  const from = alias.replace('@', '+crm@');
  const mail = await buildMail({ from, to: people.contact, subject: 'Re: Offer', inReplyTo: offer, text: 'One more thing' });
  await one.town.dovecot.deliver(people.sales, mail);
  expect(await on(people.contact, 'One more thing')).toMatchObject({ direction: 'out' });
  expect((await one.rest.contacts()).map(({ address }) => address)).toEqual([people.contact]);
  // The tag is known for what it is: the sender's hash is that of the address itself.
  const sql = `select from threading.node n join threading.own_address o using (tenant_id) where n.from_hash = any (o.other_hashes)`;
  expect(await one.house.query(sql)).toHaveLength(1);
}, 120_000);

it('nothing of it died on the way', () => expectNoDeadLetters(one.house));
