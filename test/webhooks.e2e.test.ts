// Webhooks as a person sets them up in the console: by keyboard where one can, with a real receiver at the other end.
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import type { Receiver } from '@rejoinder/testing/receiver';
import { settle } from '@rejoinder/testing/settle';
import { lastingFaults, screenshot, startConsole, within, type Console } from './console.js';
import { keyboardOf } from './keyboard.js';

let house: Console;
let page: Page;
let receiver: Receiver;
let secret: string;

beforeAll(async () => {
  house = await startConsole();
  ({ page } = house);
  receiver = await house.receive();
}, 180_000);
afterAll(() => house?.stop());

const card = (of = page) => of.getByRole('article', { name: receiver.url });
const verifies = (by: string, { body, headers }: Receiver['told'][number]) => {
  try {
    return new Webhook(by).verify(body, headers) !== undefined;
  } catch {
    return false;
  }
};
const copied = async () => {
  const line = page.getByRole('dialog').getByLabel('Secret');
  await line.waitFor(within);
  return (await line.innerText()).trim();
};
const dialogIsGone = () => page.getByRole('dialog').waitFor({ ...within, state: 'detached' });

describe('a webhook', { timeout: 60_000 }, () => {
  it('is added by keyboard; its secret is shown once, and signs a test', async () => {
    const keyboard = keyboardOf(page);
    await page.getByRole('link', { name: 'Settings' }).click();
    await keyboard.press(page.getByRole('button', { name: 'Add a webhook' }));
    const sheet = page.getByRole('dialog');
    await sheet.getByLabel('Address').waitFor(within);
    expect(await lastingFaults(page)).toEqual([]);
    await keyboard.type(sheet.getByLabel('Address'), 'https://10.0.0.1/hook');
    await keyboard.press(sheet.getByRole('button', { name: 'Add' }));
    await sheet.getByText('This port is not allowed').or(sheet.getByText('inside a private network')).waitFor(within);
    await screenshot(page, 'webhook-refused');
    await keyboard.type(sheet.getByLabel('Address'), receiver.url);
    await keyboard.press(sheet.getByRole('button', { name: 'Add' }));
    secret = await copied();
    expect(await lastingFaults(page)).toEqual([]);
    await screenshot(page, 'webhook-secret');
    await keyboard.press(sheet.getByRole('button', { name: 'I have it' }));
    await dialogIsGone();
    await keyboard.press(card().getByRole('button', { name: 'Send a test' }));
    await page.getByText('The receiver took the test: 204').waitFor(within);
    expect(receiver.told).toHaveLength(1);
    expect(verifies(secret, receiver.told[0]!)).toBe(true);
    expect(await page.content()).not.toContain(secret);
  });

  it('is told of a mailbox that was connected, and shows what became of it', async () => {
    receiver.answer = (_, response) => response.writeHead(503).end();
    await house.rest.connect(house.town.login);
    await settle('it', () => receiver.told.some(({ event }) => event.type === 'InboxConnected'));
    await card().getByText('Not taken', { exact: true }).waitFor(within);
    await card().getByRole('button', { name: 'What it was told' }).click();
    await card()
      .getByText(/ · 503: The receiver is out of service/)
      .first()
      .waitFor(within);
    expect(await lastingFaults(page)).toEqual([]);
    await screenshot(page, 'webhook-failing');
    receiver.answer = (_, response) => response.writeHead(204).end();
    await card().getByRole('button', { name: 'Send a test' }).click();
    await card().getByText('On', { exact: true }).waitFor(within);
    await card().getByText('taken', { exact: true }).first().waitFor(within);
    const first = receiver.told.find(({ event }) => event.type === 'InboxConnected')!;
    const row = card().getByRole('listitem').filter({ hasText: 'InboxConnected' });
    const before = receiver.told.length;
    await row.getByRole('button', { name: 'Again' }).click();
    await settle('it once more', () => receiver.told.slice(before).some(({ id }) => id === first.id));
  });

  it('is paused, changed and given a new secret; the old one signs beside it', async () => {
    const keyboard = keyboardOf(page);
    const more = page.getByRole('button', { name: `More for ${receiver.url}` });
    await keyboard.choose(more, 'Pause');
    await card().getByText('Paused', { exact: true }).waitFor(within);
    await keyboard.choose(more, 'Switch on');
    await card().getByText('On', { exact: true }).waitFor(within);
    await keyboard.choose(more, 'Change');
    const sheet = page.getByRole('dialog');
    await sheet.getByLabel('Events').fill('InboxDis');
    await page.getByRole('option', { name: 'InboxDisconnected' }).click();
    await screenshot(page, 'webhook-change');
    await keyboard.press(sheet.getByRole('button', { name: 'Save' }));
    await dialogIsGone();
    await card().getByText('InboxDisconnected', { exact: true }).waitFor(within);
    await keyboard.choose(more, 'New secret');
    await keyboard.press(sheet.getByRole('button', { name: 'Make a new secret' }));
    const fresh = await copied();
    await keyboard.press(sheet.getByRole('button', { name: 'I have it' }));
    await dialogIsGone();
    await card().getByRole('button', { name: 'Send a test' }).click();
    const told = await settle('the test', () =>
      receiver.told.findLast(({ event }) => event.type === 'Test' && verifies(fresh, receiver.told.at(-1)!)),
    );
    expect([verifies(secret, told), verifies(fresh, told)]).toEqual([true, true]);
  });

  it.each([
    ['light', 1_280],
    ['dark', 1_280],
    ['light', 320],
  ] as const)('that was switched off says why (%s, %d wide)', async (colorScheme, width) => {
    await house.house.query(`update gateway.webhook set state = 'off', reason = 'WEBHOOK_GONE', left_out_since = now()`);
    const own = await house.newPage({ colorScheme, viewport: { width, height: 900 } });
    await own.goto(`${house.base}/settings`);
    await card(own).getByText('it wants no more').waitFor(within);
    await card(own).getByRole('button', { name: 'What it was told' }).click();
    await card(own).getByRole('listitem').filter({ hasText: 'InboxConnected' }).waitFor(within);
    expect(await lastingFaults(own)).toEqual([]);
    expect(await own.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await screenshot(own, `webhook-off-${colorScheme}-${width}`);
    await card(own).getByRole('button', { name: 'Switch it on' }).click();
    await card(own).getByText('On', { exact: true }).waitFor(within);
    await own.close();
  });

  it('is removed, with its secret', async () => {
    await keyboardOf(page).choose(page.getByRole('button', { name: `More for ${receiver.url}` }), 'Remove');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await card().waitFor({ ...within, state: 'detached' });
    expect(await house.house.query('select 1 from gateway.webhook')).toEqual([]);
  });
});
