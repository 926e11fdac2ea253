// The console in Chromium, as its tests open it: signed in to a house, with eyes for what a person would see.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { startBrowser, type TestBrowser } from '@rejoinder/testing/chromium';
import { pause } from '@rejoinder/testing/settle';
import { startOneHouse, type OneHouse, type OneHouseOptions } from './one-house.js';

export const within = { timeout: 60_000 };

export interface Console extends OneHouse {
  browser: TestBrowser;
  /** Where the console is: http://127.0.0.1:port. */
  base: string;
  /** What the terminal would print. */
  url: string;
  /** Signed in. */
  page: Page;
  /** One more page of who is signed in, in a window of its own. */
  newPage(options?: BrowserContextOptions): Promise<Page>;
}

/** A house with its town, and a browser that is signed in to it. */
export async function startConsole(options: OneHouseOptions = {}): Promise<Console> {
  const browser = await startBrowser();
  const token = 'one-time-token-of-the-console-test';
  const one = await startOneHouse({ ...options, env: { REJOINDER_CONSOLE_TOKEN: token, ...options.env } });
  const { base } = one.rest;
  const url = `${base}/open?token=${token}`;
  // The town's provider has a certificate of the town's own authority.
  const page = await browser.newPage({ ignoreHTTPSErrors: options.signIn === true });
  await page.goto(url);
  const newPage = async (of: BrowserContextOptions = {}) =>
    browser.newPage({ ...of, storageState: { cookies: await page.context().cookies(), origins: [] } });
  const stop = async () => {
    await browser.stop();
    await one.stop();
  };
  return { ...one, browser, base, url, page, newPage, stop };
}

export interface TypedLogin {
  address: string;
  password: string;
  name?: string;
  imapPort: number;
  smtpPort: number;
}

/** Opens the dialog, types everything and presses the button; what comes of it is for the caller to see. */
export async function typeLogin(
  page: Page,
  { address, password, name = '', imapPort, smtpPort }: TypedLogin,
  button = 'Test and connect',
): Promise<Locator> {
  await page.getByRole('button', { name: 'Connect a mailbox' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Address').fill(address);
  await dialog.getByLabel('Your name').fill(name);
  await dialog.getByLabel('Password', { exact: true }).fill(password);
  // Nothing is known of this domain: the servers are asked for by themselves.
  await dialog.getByLabel('Receiving (IMAP)').fill('localhost', within);
  await dialog.getByLabel('Sending (SMTP)').fill('localhost');
  await dialog.getByRole('group', { name: 'IMAP server' }).getByLabel('Port').fill(String(imapPort));
  await dialog.getByRole('group', { name: 'SMTP server' }).getByLabel('Port').fill(String(smtpPort));
  await dialog.getByRole('button', { name: button }).click();
  return dialog;
}

/** Hands a file to the button that attaches files. */
export async function attach(page: Page, dialog: Locator, path: string, name: string): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await dialog.getByRole('button', { name: 'Attach files' }).press('Enter');
  await (await chooser).setFiles(path);
  // It can be sent only once it is there.
  await dialog.getByText(name).waitFor(within);
}

export async function download(page: Page, link: Locator): Promise<Buffer> {
  const event = page.waitForEvent('download');
  await link.click();
  return readFileSync(await (await event).path());
}

/** What is serious for people who use the page otherwise: [rule, element]. */
async function seriousFaults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page: page as never }).analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id} ${html}`));
}

/** What still stands after a moment: what fades in is pale meanwhile. */
export async function lastingFaults(page: Page): Promise<string[]> {
  if ((await seriousFaults(page)).length === 0) return [];
  await pause(1_000);
  return seriousFaults(page);
}

/** Begins to add up how far what stands on the page is moved about without anybody's doing. */
export async function watchShifts(page: Page): Promise<void> {
  await page.evaluate(`
    globalThis.shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifted += entry.value;
    }).observe({ type: 'layout-shift' });`);
}

export const shifted = (page: Page): Promise<number> => page.evaluate<number>('globalThis.shifted');

/** Makes a contact with exactly these headers, which no browser would let a page choose. */
export function putContact(base: string, address: string, headers: Record<string, string>): Promise<unknown> {
  const { hostname: host, port } = new URL(base);
  const of = { host, port, method: 'POST', path: '/v1/contacts', headers: { 'content-type': 'application/json', ...headers } };
  return new Promise((resolve, reject) => {
    const asking = request(of, async (response) => resolve(JSON.parse(Buffer.concat(await response.toArray()).toString())));
    asking.on('error', reject).end(JSON.stringify({ address }));
  });
}

/** Kept where REJOINDER_SCREENSHOTS names a folder, to be looked at. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.REJOINDER_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
