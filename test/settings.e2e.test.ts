// Settings from the page to the wire: whose mail is never read, whose always, which folders; by REST, and by a person in Chromium.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { lastingFaults, screenshot, startConsole, within, type Console } from './console.js';
import { keyboardOf } from './keyboard.js';
import { expectNoDeadLetters } from './one-house.js';

let house: Console;
let page: Page;
let inboxId: string;
let messageId: string;

beforeAll(async () => {
  house = await startConsole();
  ({ page } = house);
  inboxId = (await house.rest.connect(house.town.login)).inbox_id;
}, 180_000);

afterAll(() => house?.stop());

interface Settings {
  attachments: boolean;
  capture: string;
  never_log: string[];
  warnings: { entry: string }[];
}
const put = (neverLog: string[]) =>
  house.rest.call<Settings>('PUT', '/v1/settings', { attachments: true, capture: 'tracked', never_log: neverLog });
const patch = (settings: object) => house.rest.call<{ settings: Record<string, unknown> }>('PATCH', `/v1/inboxes/${inboxId}`, { settings });
const listed = (count: number) =>
  settle('threading to have the list', async () => (await house.house.query('select 1 from threading.never_log')).length === count);
const answer = async (from: string, text: string, more: object = {}) =>
  house.town.dovecot.deliver(people.sales, await buildMail({ from, to: people.sales, subject: 'Re: Offer', text, ...more }));
const timelineOf = async (address: string) => {
  const contact = (await house.rest.contacts()).find((one) => one.address === address);
  return contact ? (await house.rest.timeline(contact.contact_id)).map(({ text }) => text.trim()) : [];
};
const logged = (address: string, text: string) =>
  settle(`the mail of ${address}`, async () => (await timelineOf(address)).includes(text), { timeoutMs: 60_000 });

describe('a never-log list', () => {
  it('keeps every byte of a listed answer in the mailbox, while the others come in', async () => {
    const settings = await put(['partner.test', people.sales]);
    expect(settings).toMatchObject({ never_log: ['partner.test', people.sales], warnings: [{ entry: people.sales }] });
    await put(['Partner.test']);
    await listed(1);
    const to = [people.contact, people.third].map((address) => ({ address, name: '' }));
    ({ message_id: messageId } = await house.rest.send({ inbox_id: inboxId, to, subject: 'Offer', text: 'An offer' }));
    await logged(people.third, 'An offer');
    const inReplyTo = `<${messageId}>`;
    await answer(people.third, 'Nobody may read my diagnosis.', { inReplyTo });
    await answer(`theo@deep.${people.third.split('@')[1]}`, 'Nor this diagnosis.', { inReplyTo });
    await answer(people.contact, 'A copied diagnosis.', { inReplyTo, cc: people.third });
    await answer(people.contact, 'We take it.', { inReplyTo });
    await logged(people.contact, 'We take it.');
    expect(house.town.wire.carried('We take it.')).toBe(true);
    expect(house.town.wire.carried('diagnosis')).toBe(false);
    expect(await timelineOf(people.third)).toEqual(['An offer']);
  }, 120_000);

  it('is tried without deciding anything, and loosened again', async () => {
    const tried = await house.rest.call<{ entries: object[] }>('POST', '/v1/settings/never-log/dry-run', {
      entries: ['customer.test', 'partner.test', 'nobody.example'],
    });
    expect(tried.entries).toEqual([
      { entry: 'customer.test', tracked: 1, seen: 2 },
      { entry: 'partner.test', tracked: 0, seen: 3 },
      { entry: 'nobody.example', tracked: 0, seen: 0 },
    ]);
    expect((await house.rest.call<Settings>('GET', '/v1/settings')).never_log).toEqual(['partner.test']);
    await put([]);
    await logged(people.third, 'Nobody may read my diagnosis.');
  }, 90_000);
});

describe('an inbox', () => {
  it('that captures all mail of contacts reads theirs and no stranger’s', async () => {
    const { settings } = await patch({ capture: 'all' });
    expect(settings).toMatchObject({ capture: 'all', attachments: true, history_days: 30 });
    await settle(
      'threading to know',
      async () => (await house.house.query('select 1 from threading.own_address where capture_since is not null')).length > 0,
    );
    await answer(people.stranger, 'A stranger’s words.', { subject: 'News' });
    await answer(people.contact, 'By the way.', { subject: 'Something else', cc: people.stranger });
    await logged(people.contact, 'By the way.');
    expect(house.town.wire.carried('stranger')).toBe(false);
    // Who is on a contact's mail is no contact for that.
    expect((await house.rest.contacts()).map(({ address }) => address)).not.toContain(people.stranger);
  }, 90_000);

  it('tells its folders, and looks at those that are chosen', async () => {
    const folders = async () =>
      (await house.rest.call<{ folders: { path: string; looked_at: boolean }[] }>('GET', `/v1/inboxes/${inboxId}/folders`)).folders;
    expect((await folders()).find(({ path }) => path === 'Junk')).toMatchObject({ looked_at: false });
    await patch({ folders: ['Junk'] });
    await settle('the folder to be looked at', async () => (await folders()).find(({ path }) => path === 'Junk')!.looked_at);
    const wrong = await house.rest.fetch('PATCH', `/v1/inboxes/${inboxId}`, JSON.stringify({ settings: { history_days: -1 } }), {
      'content-type': 'application/json',
    });
    expect([wrong.status, await wrong.json()]).toMatchObject([400, { code: 'INVALID' }]);
  }, 60_000);
});

describe('the console', () => {
  it('changes the settings of a mailbox by keyboard', async () => {
    const keyboard = keyboardOf(page);
    await page.getByRole('link', { name: 'Mailboxes' }).click();
    await keyboard.press(page.getByRole('button', { name: `More for ${people.sales}` }));
    await page.getByRole('menuitem', { name: 'Settings' }).waitFor(within);
    await page.getByRole('menuitem', { name: 'Settings' }).press('Enter');
    const sheet = page.getByRole('dialog');
    await sheet.getByRole('checkbox', { name: /^Junk/ }).waitFor(within);
    expect(await sheet.getByRole('radio', { name: 'All mail with contacts' }).isChecked()).toBe(true);
    expect(await lastingFaults(page)).toEqual([]);
    await screenshot(page, 'inbox-settings');
    await keyboard.tabTo(sheet.getByRole('checkbox', { name: /^Junk/ }));
    await page.keyboard.press('Space');
    await keyboard.press(sheet.getByRole('button', { name: 'Save' }));
    await page.getByText(`The settings of ${people.sales} are kept.`).waitFor(within);
    const [inbox] = (await house.rest.call<{ inboxes: { settings: { folders: string[] } }[] }>('GET', '/v1/inboxes')).inboxes;
    expect(inbox!.settings.folders).not.toContain('Junk');
  }, 60_000);

  it.each(['light', 'dark'] as const)(
    'shows the settings of all mailboxes, and tries a list before it holds (%s)',
    async (colorScheme) => {
      const own = await house.newPage({ colorScheme });
      await own.goto(`${house.base}/settings`);
      const list = own.getByLabel('Never log');
      await list.waitFor(within);
      await list.fill(`customer.test\n${people.sales}`);
      await own.getByRole('button', { name: 'How much would it stop?' }).click();
      await own.getByRole('cell', { name: 'customer.test' }).waitFor(within);
      await own.getByText('covers your own mailbox').waitFor(within);
      expect(await lastingFaults(own)).toEqual([]);
      await screenshot(own, `settings-${colorScheme}`);
      await list.fill('no entry');
      await own.getByRole('button', { name: 'Save' }).click();
      await own.getByText('An entry is an address such as').waitFor(within);
      await list.fill('bank.example');
      await own.getByRole('button', { name: 'Save' }).click();
      await own.getByText('The settings are kept.').waitFor(within);
      expect((await house.rest.call<Settings>('GET', '/v1/settings')).never_log).toEqual(['bank.example']);
      await own.close();
    },
    60_000,
  );

  it('changes who becomes a contact and whether mail among own people is logged, by keyboard; who says nothing of that changes nothing', async () => {
    const keyboard = keyboardOf(page);
    await page.goto(`${house.base}/settings`);
    const [policy, internal] = [
      page.getByRole('radio', { name: 'Whom your people write to' }),
      page.getByRole('switch', { name: 'Log mail among your own people' }),
    ];
    await policy.waitFor(within);
    expect([await page.getByRole('radio', { name: 'Everyone' }).isChecked(), await internal.isChecked()]).toEqual([true, false]);
    await policy.check();
    await keyboard.tabTo(internal);
    await page.keyboard.press('Space');
    expect(await lastingFaults(page)).toEqual([]);
    await screenshot(page, 'settings-logging');
    await keyboard.press(page.getByRole('button', { name: 'Save' }));
    await page.getByText('The settings are kept.').waitFor(within);
    await put([]);
    const chosen = { make_contacts: 'written_to', log_internal: true };
    expect(await house.rest.call('GET', '/v1/settings')).toMatchObject(chosen);
    await page.reload();
    await policy.waitFor(within);
    expect([await policy.isChecked(), await internal.isChecked()]).toEqual([true, true]);
    const usual = { attachments: true, capture: 'tracked', never_log: [], make_contacts: 'everyone', log_internal: false };
    expect(await house.rest.call('PUT', '/v1/settings', usual)).toMatchObject({ make_contacts: 'everyone', log_internal: false });
  }, 60_000);

  it('deletes what is logged of those who were put on the list, where that is wanted', async () => {
    const refused = await house.rest.fetch('POST', '/v1/settings/never-log/deletion', JSON.stringify({ entries: ['customer.test'] }), {
      'content-type': 'application/json',
    });
    expect([refused.status, await refused.json()]).toMatchObject([409, { code: 'NOT_ON_LIST' }]);
    const before = await timelineOf(people.contact);
    expect(before).toEqual(expect.arrayContaining(['An offer', 'We take it.', 'By the way.']));
    const keyboard = keyboardOf(page);
    await page.goto(`${house.base}/settings`);
    const list = page.getByLabel('Never log');
    await list.waitFor(within);
    await list.fill('customer.test');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/^\d mails of them logged until now$/).waitFor(within);
    expect(await lastingFaults(page)).toEqual([]);
    await keyboard.press(page.getByRole('button', { name: 'Delete them' }));
    await page.getByRole('dialog').getByText('Nothing is deleted in the mailbox itself.').waitFor(within);
    expect(await lastingFaults(page)).toEqual([]);
    await keyboard.press(page.getByRole('dialog').getByRole('button', { name: 'Delete' }));
    await page.getByText(/^\d logged mails deleted\.$/).waitFor(within);
    await settle('all but what was sent to be gone', async () => (await timelineOf(people.contact)).join() === 'An offer');
    expect(await house.rest.call('GET', '/v1/settings/never-log/deletion')).toMatchObject({ state: 'done' });
  }, 60_000);

  it('left no event unhandled', () => expectNoDeadLetters(house.house));
});
