// The console with many mailboxes: any of them is found, looked into, and mended where its servers have moved.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { people } from '@rejoinder/testing/crm-town';
import { lastingFaults, screenshot, startConsole, within, type Console } from './console.js';

let house: Console;
let page: Page;

beforeAll(async () => {
  house = await startConsole();
  ({ page } = house);
  const { login } = house.town;
  await house.rest.call('POST', '/v1/inboxes', { ...login, display_name: 'Sally Sales' });
});

afterAll(() => house?.stop());

const card = (address: string) => page.getByRole('region', { name: address });
const cards = () => page.getByRole('region').count();
const gone = { ...within, state: 'detached' } as const;

describe('among sixty mailboxes', { timeout: 90_000 }, () => {
  const insert = `insert into connections.inbox (inbox_id, tenant_id, address, display_name, imap_host, imap_port, imap_security, smtp_host, smtp_port,
      smtp_security, receiving, sending, capture, attachments, history_days, credential_version, connected_at)
    select ('f' || substr(gen_random_uuid()::text, 2))::uuid, tenant_id, 'person' || n || '@many.test', '', 'imap.many.test', 993, 'tls', 'smtp.many.test', 465, 'tls',
      'connected', case when n > 50 then 'needs_reconnect' else 'ready' end, 'tracked', true, 30, 1, now()
    from connections.inbox cross join generate_series(1, 60) n`;

  it('one is found by a part of its address and by its state, and each stands on one page', async () => {
    await page.goto(`${house.base}/inboxes`);
    await card(people.sales).waitFor(within);
    expect(await page.getByRole('search').count()).toBe(0);
    await house.house.query(insert);
    const search = page.getByRole('search');
    await search.waitFor(within);
    await expect.poll(cards, within).toBe(25);
    const names = () => page.getByRole('region').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')!));
    const shown = new Set<string>();
    const pages = page.getByRole('navigation', { name: 'Pages of mailboxes' });
    for (const [index, count] of [25, 25, 11].entries()) {
      await pages.getByText(`Page ${index + 1}`).waitFor(within);
      const fresh = async () => (await names()).filter((name) => !shown.has(name));
      await expect.poll(async () => (await fresh()).length, within).toBe(count);
      for (const name of await fresh()) shown.add(name);
      if (index < 2) await pages.getByRole('button', { name: 'Next' }).click();
    }
    expect(shown.size).toBe(61);
    await screenshot(page, 'many');
    await search.getByLabel('Find a mailbox').fill('SON42');
    await card('person42@many.test').waitFor(within);
    await expect.poll(cards, within).toBe(1);
    await screenshot(page, 'many-found');
    await search.getByLabel('Find a mailbox').fill('nobody');
    await page.getByText('No mailbox is like that.').waitFor(within);
    await search.getByLabel('Find a mailbox').fill('');
    await search.getByRole('combobox', { name: 'State' }).click();
    await page.getByRole('option', { name: 'To be connected again' }).click();
    await card('person60@many.test').waitFor(within);
    await expect.poll(cards, within).toBe(10);
    expect(await lastingFaults(page)).toEqual([]);
  });

  it('those that have stopped are counted on every page, and a mail is sent from one that is found by typing', async () => {
    await page.goto(`${house.base}/contacts`);
    await page.getByText('10 mailboxes need a new password').waitFor(within);
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    const from = page.getByRole('dialog').getByRole('combobox', { name: 'From' });
    await expect.poll(() => from.inputValue(), within).toContain(people.sales);
    await from.fill('person33');
    await page.getByRole('option', { name: 'person33@many.test' }).click();
    await screenshot(page, 'written-from');
    await expect.poll(() => from.inputValue(), within).toBe('person33@many.test');
    await page.keyboard.press('Escape');
    await house.house.query(`delete from connections.inbox where address like '%@many.test'`);
  });
});

describe('a mail server that has moved', { timeout: 90_000 }, () => {
  const dialog = () => page.getByRole('dialog', { name: `Servers of ${people.sales}` });
  const field = (side: string, label: string) =>
    dialog().getByRole('group', { name: side, exact: true }).getByLabel(label, { exact: true });
  const inbox = async () => (await house.rest.call<{ inboxes: object[] }>('GET', '/v1/inboxes')).inboxes[0];
  const save = () => dialog().getByRole('button', { name: 'Test and save' }).click();

  it('is typed for one side, tried before it is kept, and the mailbox goes on', async () => {
    const { login, wire } = house.town;
    await page.goto(`${house.base}/inboxes`);
    await card(people.sales).getByText('Live', { exact: true }).waitFor(within);
    const known = await inbox();
    await card(people.sales)
      .getByRole('button', { name: `More for ${people.sales}` })
      .click();
    await page.getByRole('menuitem', { name: 'Servers and user name' }).click();
    expect(await field('Receiving (IMAP)', 'Port').inputValue()).toBe(String(wire.port));
    expect(await dialog().getByRole('button', { name: 'Test and save' }).isDisabled()).toBe(true);
    await field('Receiving (IMAP)', 'Server').fill('127.0.0.1');
    await save();
    await dialog().getByText('Another server needs the password again').waitFor(within);
    await field('Receiving (IMAP)', 'Password').fill('wrong');
    await save();
    await dialog().getByText('Receiving: The server refused this user name and password.').waitFor(within);
    expect(await dialog().getByText('Sending:').count()).toBe(0);
    await screenshot(page, 'servers-refused');
    expect(await lastingFaults(page)).toEqual([]);
    expect(await inbox()).toMatchObject(JSON.parse(JSON.stringify({ ...known, progress: undefined })));
    await field('Receiving (IMAP)', 'Password').fill(login.password);
    await save();
    await page.getByText(`The servers of ${people.sales} are kept.`).waitFor(within);
    await dialog().waitFor(gone);
    await card(people.sales).getByText('Sally Sales · 127.0.0.1').waitFor(within);
    await expect.poll(inbox, within).toMatchObject({ ...known, progress: { state: 'live' }, imap: { host: '127.0.0.1', port: wire.port } });
  });
});

describe('what became of a mailbox', { timeout: 90_000 }, () => {
  it('is told: its connections, and a chosen folder that is not there', async () => {
    await page.goto(`${house.base}/inboxes`);
    const [inbox] = (await house.rest.call<{ inboxes: { inbox_id: string }[] }>('GET', '/v1/inboxes')).inboxes;
    await house.rest.call('PATCH', `/v1/inboxes/${inbox!.inbox_id}`, { settings: { log_folder: 'Lost' } });
    await card(people.sales).getByText('A folder of the settings cannot be found').waitFor(within);
    await card(people.sales).getByText('“Lost”').waitFor(within);
    await card(people.sales)
      .getByRole('button', { name: `More for ${people.sales}` })
      .click();
    await page.getByRole('menuitem', { name: 'Connection log' }).click();
    const dialog = page.getByRole('dialog', { name: `Connections of ${people.sales}` });
    await dialog.getByText('Signed in.').first().waitFor(within);
    await dialog.getByText(catalogue.FOLDER_MISSING.sentence).waitFor(within);
    await screenshot(page, 'connection-log');
    expect(await lastingFaults(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    await dialog.waitFor(gone);
    await screenshot(page, 'folder-missing');
    await card(people.sales).getByRole('button', { name: 'Choose again' }).click();
    await page.getByRole('dialog').getByLabel('Log folder').waitFor(within);
  });

  it('and its other addresses are named in its settings, easy to read in the dark, 320 pixels wide', async () => {
    const one = await house.newPage({ colorScheme: 'dark', viewport: { width: 320, height: 720 } });
    await one.goto(`${house.base}/inboxes`);
    await one.getByRole('button', { name: `More for ${people.sales}` }).click();
    await one.getByRole('menuitem', { name: 'Settings' }).click();
    const dialog = one.getByRole('dialog', { name: `Settings of ${people.sales}` });
    const others = dialog.getByLabel('Other addresses of this mailbox');
    await others.fill('no address');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByRole('alert').waitFor(within);
    await screenshot(one, 'own addresses dark 320');
    expect(await lastingFaults(one)).toEqual([]);
    expect(await one.evaluate<number>('document.scrollingElement.scrollWidth - innerWidth')).toBe(0);
    await others.press('Backspace');
    await others.fill('Hello@house.test');
    await others.press('Enter');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await one.getByText(`The settings of ${people.sales} are kept.`).waitFor(within);
    const { inboxes } = await house.rest.call<{ inboxes: { settings: object }[] }>('GET', '/v1/inboxes?query=sales');
    expect(inboxes[0]!.settings).toMatchObject({ own_addresses: ['hello@house.test'] });
    await one.goto(`${house.base}/settings`);
    await one.getByLabel('Never log').waitFor(within);
    await screenshot(one, 'settings dark 320');
    expect(await lastingFaults(one)).toEqual([]);
    expect(await one.evaluate<number>('document.scrollingElement.scrollWidth - innerWidth')).toBe(0);
    await one.context().close();
  });

  it('and nothing lies beyond the edge of a window of 320 pixels', async () => {
    const one = await house.newPage({ viewport: { width: 320, height: 640 } });
    await one.goto(`${house.base}/inboxes`);
    await one.getByRole('region', { name: people.sales }).waitFor(within);
    const write = one.getByRole('button', { name: 'Write', exact: true });
    const box = (await write.boundingBox())!;
    expect(box.x + box.width).toBeLessThanOrEqual(320);
    expect(await one.evaluate<number>('document.scrollingElement.scrollWidth - innerWidth')).toBe(0);
    await screenshot(one, 'inboxes 320');
    expect(await lastingFaults(one)).toEqual([]);
    await write.click();
    await one.getByRole('dialog', { name: 'New mail' }).waitFor(within);
    await one.context().close();
  });
});
