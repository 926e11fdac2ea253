// Several addresses of one person, as they are put on a contact in Chromium, make one of two contacts, and are taken off.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { lastingFaults, screenshot, startConsole, within, type Console } from './console.js';
import { keyboardOf } from './keyboard.js';
import { expectNoDeadLetters } from './one-house.js';

const nobodys = 'carla@elsewhere.test';

let house: Console;
let page: Page;
let inboxId: string;
let contactId: string;
let otherId: string;

beforeAll(async () => {
  house = await startConsole();
  ({ page } = house);
  ({ inbox_id: inboxId } = await house.rest.connect(house.town.login));
  ({ contact_id: contactId } = await house.rest.putContact(people.contact, 'Carla Customer'));
  ({ contact_id: otherId } = await house.rest.putContact(people.third, 'Theo Third'));
  const messageId = await offer([people.contact, people.third]);
  await answer(people.third, 'From my other desk.', messageId);
  await settle('both timelines', async () => (await timelines()).join() === '1,2', { timeoutMs: 60_000 });
}, 180_000);

afterAll(() => house?.stop());

const timelines = () => Promise.all([contactId, otherId].map(async (id) => (await house.rest.timeline(id)).length));
const offer = async (to: string[]) =>
  (await house.rest.send({ inbox_id: inboxId, to: to.map((address) => ({ address, name: '' })), subject: 'Offer', text: 'An offer' }))
    .message_id;
/** It quotes: from an address that nobody wrote to, it would leave the conversation otherwise. */
const answer = async (from: string, text: string, messageId: string) => {
  const quoting = { text: `${text}\n\nSally wrote:\n> An offer`, inReplyTo: `<${messageId}>` };
  await house.town.dovecot.deliver(people.sales, await buildMail({ from, to: people.sales, subject: 'Re: Offer', ...quoting }));
};
const button = (name: string, of = page) => of.getByRole('button', { name, exact: true });
const dialog = (of = page) => of.getByRole('dialog');
const mail = (text: string) => page.getByRole('article').filter({ hasText: text });

describe('a contact’s addresses', { timeout: 120_000 }, () => {
  it('come and go without a mouse, and mail of each stands on the timeline', async () => {
    const keyboard = keyboardOf(page);
    await page.goto(`${house.base}/contacts/${contactId}`);
    await keyboard.press(button('Add address'));
    const field = dialog().getByLabel('Address');
    await keyboard.isAt(field);
    await page.keyboard.type(people.sales);
    await page.keyboard.press('Enter');
    await dialog().getByRole('alert').getByText('own inbox').waitFor(within);
    await keyboard.type(field, nobodys.toUpperCase());
    await page.keyboard.press('Enter');
    await dialog().waitFor({ ...within, state: 'detached' });
    await page.getByText(nobodys, { exact: true }).waitFor(within);
    await keyboard.isAt(button('Add address'));
    await answer(nobodys, 'From home.', await offer([people.contact]));
    await mail('From home.').waitFor(within);
    await screenshot(page, 'contact with two addresses');
    await page.reload();
    await keyboard.press(button(`Remove ${nobodys}`));
    await dialog().getByText('What stands on this timeline stays.').waitFor(within);
    await keyboard.press(dialog().getByRole('button', { name: 'Remove it' }));
    await button(`Remove ${nobodys}`).waitFor({ ...within, state: 'detached' });
    await keyboard.isAt(button('Add address'));
    expect(await mail('From home.').count()).toBe(1);
  });

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 320],
    ['dark', 320],
  ] as const)('of which one is another’s tell whose first, easy to read in %s, %i pixels wide', async (colorScheme, width) => {
    const one = await house.newPage({ colorScheme, viewport: { width, height: 720 } });
    await one.goto(`${house.base}/contacts/${contactId}`);
    const wide = () => one.evaluate<number>('document.scrollingElement.scrollWidth - innerWidth');
    await button('Add address', one).waitFor(within);
    const before = await lastingFaults(one);
    await screenshot(one, `contact ${colorScheme} ${width}`);
    await button('Add address', one).click();
    await dialog(one).getByLabel('Address').fill(people.third);
    await button('Add address', one).last().click();
    await dialog(one).getByText('Theo Third has this address').waitFor(within);
    const faults = await lastingFaults(one);
    await screenshot(one, `contact merged ${colorScheme} ${width}`);
    expect([before, faults, await wide()]).toEqual([[], [], 0]);
    await one.context().close();
    expect(await timelines()).toEqual([3, 2]);
  });

  it('make one of two, whose page is the other’s from then on', async () => {
    const keyboard = keyboardOf(page);
    // Who reads the one that goes is led to where it went.
    const reader = await house.newPage();
    await reader.goto(`${house.base}/contacts/${otherId}`);
    await reader.getByRole('heading', { level: 2, name: 'Theo Third' }).waitFor(within);
    await keyboard.press(button('Add address'));
    await keyboard.isAt(dialog().getByLabel('Address'));
    await page.keyboard.type(people.third);
    await page.keyboard.press('Enter');
    await dialog().getByText('Theo Third has this address').waitFor(within);
    await dialog().getByText('This cannot be undone.').waitFor(within);
    await keyboard.press(dialog().getByRole('button', { name: 'Make them one' }));
    await dialog().waitFor({ ...within, state: 'detached' });
    await mail('From my other desk.').waitFor(within);
    await button(`Remove ${people.third}`).waitFor(within);
    await reader.waitForURL(`${house.base}/contacts/${contactId}`, within);
    await reader.getByRole('heading', { level: 2, name: 'Carla Customer' }).waitFor(within);
    await reader.context().close();
    const contacts = await house.rest.contacts();
    expect(contacts.map(({ address }) => address)).not.toContain(people.third);
    expect(await timelines()).toEqual([4, 4]);
    expect(await house.rest.call('GET', `/v1/contacts/${otherId}`)).toMatchObject({
      contact_id: contactId,
      other_addresses: [people.third],
    });
    await expectNoDeadLetters(house.house);
  });
});
