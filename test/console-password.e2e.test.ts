// The console where a mailbox stops and goes on: its password was changed, its owner has a link, a person pauses it; by keyboard where one can.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { lastingFaults, screenshot, startConsole, within, type Console } from './console.js';
import { keyboardOf } from './keyboard.js';
import { connectSales } from './main-job.js';

const clock = { aheadMs: 0, now: () => new Date(Date.now() + clock.aheadMs) };
let house: Console;
let page: Page;
let keyboard: ReturnType<typeof keyboardOf>;

const arrives = async () => house.town.dovecot.deliver(people.sales, await buildMail({ from: people.stranger, to: people.sales }));

beforeAll(async () => {
  house = await startConsole({ clock });
  ({ page } = house);
  keyboard = keyboardOf(page);
  await arrives();
  await connectSales(house);
});

afterAll(() => house?.stop());

const card = () => page.getByRole('region', { name: people.sales });
const button = (name: string) => page.getByRole('button', { name, exact: true });

describe('a password that was changed', { timeout: 90_000 }, () => {
  let seen: number;

  it('is told by itself, with its reason', async () => {
    await page.goto(`${house.base}/inboxes`);
    await card().getByText('Live', { exact: true }).waitFor(within);
    await card()
      .getByText(/^[1-9]\d* mails? seen/)
      .waitFor(within);
    seen = Number(/^(\d+) mails? seen/.exec(await card().getByText('seen by headers alone').innerText())![1]);
    await house.town.dovecot.setPassword(people.sales, 'changed');
    house.town.wire.cut();
    const refused = `select 1 from sync.session where refused_at is not null`;
    await settle('the first refusal', async () => (await house.house.query(refused)).length > 0);
    await card().getByText('Reconnecting').waitFor(within);
    clock.aheadMs = 61_000;
    await card().getByText('Needs a new password').waitFor(within);
    await card().getByText(`Receiving stopped. ${catalogue.AUTH_REJECTED.sentence}`).waitFor(within);
    await card().getByText('Receiving: stopped · Sending: works').waitFor(within);
    expect(await lastingFaults(page)).toEqual([]);
    await screenshot(page, 'needs-password');
  });

  it('stands on every other page until it is mended', async () => {
    await page.getByRole('link', { name: 'Contacts' }).click();
    const banner = page.getByRole('alert').filter({ hasText: people.sales });
    await banner.getByText(`${people.sales} needs a new password`).waitFor(within);
    await screenshot(page, 'banner');
    expect(await lastingFaults(page)).toEqual([]);
    await banner.getByRole('link', { name: 'Mailboxes' }).click();
    await card().getByText('Needs a new password').waitFor(within);
    expect(await banner.count()).toBe(0);
  });

  it('may be given by its owner, who has a link and no sign-in', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await keyboard.choose(card().getByRole('button', { name: `More for ${people.sales}` }), 'Copy a link for its owner');
    await page.getByText('The link is copied').waitFor(within);
    const link = await page.evaluate<string>('navigator.clipboard.readText()');
    const owner = await house.browser.newPage();
    await owner.goto(link);
    await owner.getByRole('heading', { name: `Connect ${people.sales} again` }).waitFor(within);
    expect(await lastingFaults(owner)).toEqual([]);
    await screenshot(owner, 'reconnect-link');
    await owner.getByLabel('Password').fill('a guess');
    await owner.keyboard.press('Enter');
    await owner.getByRole('alert').getByText(catalogue.AUTH_REJECTED.sentence).first().waitFor(within);
    await screenshot(owner, 'reconnect-link-refused');
    expect((await owner.context().cookies()).length).toBe(0);
    await owner.close();
  });

  it('is not taken until it is right; then what came meanwhile is seen', async () => {
    await arrives();
    await keyboard.press(button('Enter the new password'));
    const dialog = page.getByRole('dialog', { name: `New password for ${people.sales}` });
    await keyboard.type(dialog.getByLabel('Password', { exact: true }), 'guess');
    await page.keyboard.press('Enter');
    await dialog.getByText('The server refused this user name and password.').waitFor(within);
    await screenshot(page, 'new-password-refused');
    await keyboard.type(dialog.getByLabel('Password', { exact: true }), 'changed');
    await page.keyboard.press('Enter');
    await card().getByText('Live', { exact: true }).waitFor(within);
    await card()
      .getByText(`${seen + 1} mails seen by headers alone`)
      .waitFor(within);
    expect(await card().getByRole('button', { name: 'Enter the new password' }).count()).toBe(0);
  });
});

const more = () => card().getByRole('button', { name: `More for ${people.sales}` });

it('a mailbox is compared with its mail server, and it is said that it is', async () => {
  await keyboard.choose(more(), 'Compare with the mail server');
  await page.getByText('Every folder is compared with the mail server').waitFor(within);
}, 60_000);

it('a mailbox is paused and resumed', async () => {
  await keyboard.choose(more(), 'Pause');
  await card().getByText('Paused', { exact: true }).waitFor(within);
  await keyboard.choose(more(), 'Resume');
  await card().getByText('Live', { exact: true }).waitFor(within);
}, 60_000);
