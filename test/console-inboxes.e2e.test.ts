// The console with many mailboxes: any of them is found, looked into, and mended where its servers have moved.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
    select gen_random_uuid(), tenant_id, 'person' || n || '@many.test', '', 'imap.many.test', 993, 'tls', 'smtp.many.test', 465, 'tls',
      'connected', case when n > 50 then 'needs_reconnect' else 'ready' end, 'tracked', true, 30, 1, now()
    from connections.inbox cross join generate_series(1, 60) n`;

  it('one is found by a part of its address and by its state, and each stands on one page', async () => {
    await page.goto(`${house.base}/inboxes`);
    await card(people.sales).waitFor(within);
    expect(await page.getByRole('search').count()).toBe(0);
    await house.house.query(insert);
    const search = page.getByRole('search');
    await search.waitFor(within);
    expect(await cards()).toBe(25);
    const shown = new Set<string>();
    const pages = page.getByRole('navigation', { name: 'Pages of mailboxes' });
    for (const n of [1, 2, 3]) {
      await pages.getByText(`Page ${n}`).waitFor(within);
      await page.waitForFunction(`document.querySelectorAll('section[aria-label]').length === ${n === 3 ? 11 : 25}`);
      for (const name of await page.getByRole('region').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')!)))
        shown.add(name);
      if (n < 3) await pages.getByRole('button', { name: 'Next' }).click();
    }
    expect(shown.size).toBe(61);
    await screenshot(page, 'many');
    await search.getByLabel('Find a mailbox').fill('SON42');
    await card('person42@many.test').waitFor(within);
    await card('person1@many.test').waitFor(gone);
    expect(await cards()).toBe(1);
    await screenshot(page, 'many-found');
    await search.getByLabel('Find a mailbox').fill('nobody');
    await page.getByText('No mailbox is like that.').waitFor(within);
    await search.getByLabel('Find a mailbox').fill('');
    await search.getByRole('combobox', { name: 'State' }).click();
    await page.getByRole('option', { name: 'To be connected again' }).click();
    await card('person60@many.test').waitFor(within);
    await card(people.sales).waitFor(gone);
    expect(await cards()).toBe(10);
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
    expect(await from.inputValue()).toBe('person33@many.test');
    await page.keyboard.press('Escape');
    await house.house.query(`delete from connections.inbox where address like '%@many.test'`);
  });
});
