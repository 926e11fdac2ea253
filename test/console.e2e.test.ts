// The quick start as a newcomer sees it in Chromium, with the demo that a button begins.
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser, type TestBrowser } from '@rejoinder/testing/chromium';
import { freePort } from '@rejoinder/testing/ports';
import { startProgram, type Program } from '@rejoinder/testing/processes';
import { settle } from '@rejoinder/testing/settle';
import { attach, download, putContact, screenshot, within } from './console.js';

const cli = fileURLToPath(new URL('../services/rejoinder/bin/rejoinder.js', import.meta.url));
let browser: TestBrowser;

/** A data folder of its own; as root PostgreSQL runs as another user, who has to pass. */
function dataFolder(): string {
  const data = mkdtempSync(join(tmpdir(), 'rejoinder-quick-'));
  chmodSync(data, 0o711);
  return data;
}

/** Started, with the address that it prints. */
async function start(data: string, port: number, ...more: string[]): Promise<{ program: Program; url: string }> {
  const args = [cli, 'all', ...more, '--data', data, '--port', String(port)];
  const program = startProgram({ name: 'rejoinder', command: process.execPath, args });
  const address = async () => /http:\/\/\S+token=\S+/.exec(program.output())?.[0];
  return { program, url: await settle('the address in the terminal', address, { timeoutMs: 90_000 }) };
}

const replies = (page: Page) => page.getByRole('article').filter({ hasText: 'Our list is attached' });
const untilReplies = (page: Page, count: number) =>
  settle(`${count} replies`, async () => (await replies(page).count()) === count, { timeoutMs: 60_000 });

beforeAll(async () => {
  browser = await startBrowser();
}, 60_000);

afterAll(() => browser?.stop());

describe('the quick start', () => {
  const data = dataFolder();
  let program: Program;
  let port: number;
  let url: string;
  let page: Page;
  const base = () => `http://127.0.0.1:${port}`;

  afterAll(async () => {
    await program?.stop('SIGINT', 30_000);
    rmSync(data, { recursive: true, force: true });
  });

  it('begins its demo when the button is pressed, once however often it is asked', async () => {
    port = await freePort();
    ({ program, url } = await start(data, port));
    page = await browser.newPage();
    await page.goto(url);
    const button = page.getByRole('button', { name: 'Try the demo' });
    await button.waitFor(within);
    await screenshot(page, 'welcome');
    const twice = [ask(page), ask(page)];
    await button.click();
    for (const answer of await Promise.all(twice)) expect(answer).toEqual([202, 'starting']);
    await replies(page).waitFor(within);
    expect((await ask(page))[0]).toBe(202);
  }, 180_000);

  it('shows a reply with its attachment, by itself', async () => {
    const file = page.getByRole('link', { name: /offer\.csv/ });
    await file.waitFor(within);
    expect((await download(page, file)).toString()).toContain('Difference engine');
    await screenshot(page, 'timeline');
  }, 60_000);

  it('is opened by the printed address once, and says so to who comes second', async () => {
    const second = await browser.newPage();
    for (const address of [url, `${base()}/open?token=guess`]) {
      expect([address, (await second.goto(address))!.status()]).toEqual([address, 403]);
      await second.getByRole('heading', { name: 'This address has been used' }).waitFor(within);
      await second.getByText('Take the newest address from the terminal').waitFor(within);
    }
    await screenshot(second, 'used-up');
    expect(await second.context().cookies()).toEqual([]);
    await second.goto(base());
    await second.getByText('Please open the address from the terminal').waitFor(within);
    expect((await second.request.get(`${base()}/v1/inboxes`)).status()).toBe(401);
    await screenshot(second, 'signed-out');
    // Whoever is in already may come by it again.
    await page.goto(url);
    await page.getByRole('link', { name: 'Mailboxes' }).waitFor(within);
  }, 60_000);

  it('is closed to another page of the same browser, and to a foreign name', async () => {
    const link = `<a href="${base()}/v1/session">Look</a>`;
    const stranger = createServer((_, response) => response.setHeader('content-type', 'text/html').end(link)).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const foreign = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const tab = await page.context().newPage();
    await tab.goto(foreign);
    const [answer] = await Promise.all([tab.waitForResponse(`${base()}/v1/session`), tab.getByRole('link', { name: 'Look' }).click()]);
    expect((await answer.request().allHeaders()).cookie).toContain('rejoinder_session=');
    expect([answer.status(), await answer.json()]).toMatchObject([403, { code: 'FOREIGN_PAGE' }]);
    await tab.close();
    stranger.close();
    const [cookie] = await page.context().cookies();
    const put = (headers: Record<string, string>) =>
      putContact(base(), 'bob@example.com', { cookie: `${cookie!.name}=${cookie!.value}`, ...headers });
    expect(await put({ origin: foreign })).toMatchObject({
      status: 403,
      code: 'FOREIGN_PAGE',
      detail: 'This request comes from another page than the console.',
    });
    expect(await put({ origin: base(), host: 'evil.example' })).toMatchObject({
      status: 421,
      code: 'WRONG_HOST',
      detail: 'This server does not answer to that name: set REJOINDER_HTTP_HOSTS.',
    });
    expect(await page.getByRole('link', { name: 'bob@example.com' }).count()).toBe(0);
    expect(await put({ origin: base() })).toMatchObject({ address: 'bob@example.com' });
    await page.getByRole('link', { name: 'bob@example.com' }).waitFor(within);
  }, 60_000);

  it('sends an answer with a file; the next reply arrives without a reload', async () => {
    const file = join(data, 'question.txt');
    writeFileSync(file, 'How many pieces are in stock?');
    await page.getByRole('button', { name: 'Answer' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Text').fill('Thank you, Ada. How many are in stock?');
    await attach(page, dialog, file, 'question.txt');
    await dialog.getByRole('button', { name: 'Send' }).click(within);
    await untilReplies(page, 2);
    // A second mail of the demo would have been answered before this one.
    expect(await page.getByRole('article').count()).toBe(4);
    expect(await page.getByRole('region').count()).toBe(1);
  }, 120_000);

  it('says why a mailbox cannot be connected, and offers no demo while it runs', async () => {
    await page.getByRole('link', { name: 'Mailboxes' }).click();
    await page.getByText('Live', { exact: true }).waitFor(within);
    expect(await page.getByRole('button', { name: 'Try the demo' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Connect a mailbox' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Address').fill('someone@nowhere.invalid');
    await dialog.getByLabel('Password', { exact: true }).fill('wrong');
    // Nothing is known of this domain: the servers are asked for by themselves.
    await dialog.getByLabel('Receiving (IMAP)').fill('192.168.7.7', within);
    await dialog.getByLabel('Sending (SMTP)').fill('192.168.7.7');
    await dialog.getByRole('button', { name: 'Test and connect' }).click();
    await dialog.getByText('Receiving and sending: The address of the mail server is inside a private network.').waitFor(within);
    await page.keyboard.press('Escape');
  }, 120_000);

  it('says how old the oldest text is, and that every limit holds', async () => {
    await page.getByRole('link', { name: 'What is kept' }).click();
    await page.getByText('Every limit holds').waitFor(within);
    await page.getByText('The oldest text of a mail is under an hour old').waitFor(within);
  }, 60_000);

  it('deletes a mail from the timeline, and it stays away', async () => {
    await page.getByRole('link', { name: 'Contacts' }).click();
    const reply = replies(page).first();
    await reply.getByRole('button', { name: 'More for this mail' }).click();
    await page.getByRole('menuitem', { name: 'Delete from the timeline' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await untilReplies(page, 1);
  }, 60_000);

  it('stops on Ctrl-C; a start with --demo shows what was there and a new reply', async () => {
    program.signal('SIGINT');
    await settle('a clean end', async () => !program.running(), { timeoutMs: 60_000 });
    expect(program.output()).toContain('Your data stays where it is');
    ({ program, url } = await start(data, port, '--demo'));
    await page.goto(url);
    await untilReplies(page, 2);
  }, 240_000);

  it('begins the demo anew once its mailbox was removed', async () => {
    await page.getByRole('link', { name: 'Mailboxes' }).click();
    await page.getByRole('button', { name: 'More for owner@example.org' }).click();
    await page.getByRole('menuitem', { name: 'Remove with its data' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('button', { name: 'Try the demo' }).click(within);
    await page.getByText('Live', { exact: true }).waitFor(within);
    await page.getByRole('link', { name: 'Contacts' }).click();
    await untilReplies(page, 3);
  }, 120_000);
});

/** Asks for the demo as a program in the page would: [status, state]. */
function ask(page: Page): Promise<[number, string]> {
  return page.evaluate(async () => {
    const answer = await fetch('/v1/demo', { method: 'POST' });
    return [answer.status, ((await answer.json()) as { state: string }).state];
  });
}
