// The quick start as a newcomer sees it in Chromium: with its demo, and without it until a button is pressed.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser, type TestBrowser } from '@rejoinder/testing/chromium';
import { freePort } from '@rejoinder/testing/ports';
import { startProgram, type Program } from '@rejoinder/testing/processes';
import { settle } from '@rejoinder/testing/settle';
import { attach, download, screenshot, seriousFaults, within } from './console.js';

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

describe('the quick start with its demo', () => {
  const data = dataFolder();
  let program: Program;
  let port: number;
  let page: Page;

  afterAll(async () => {
    await program?.stop('SIGINT', 30_000);
    rmSync(data, { recursive: true, force: true });
  });

  it('shows a reply with its attachment, by itself, to who opens the printed address', async () => {
    port = await freePort();
    const started = await start(data, port, '--demo');
    ({ program } = started);
    page = await browser.newPage();
    await page.goto(started.url);
    await replies(page).waitFor(within);
    const file = page.getByRole('link', { name: /offer\.csv/ });
    await file.waitFor(within);
    expect((await download(page, file)).toString()).toContain('Difference engine');
    await screenshot(page, 'timeline');
  }, 180_000);

  it('lets nobody in who has not the address', async () => {
    const stranger = await browser.browser.newContext();
    const other = await stranger.newPage();
    await other.goto(`http://127.0.0.1:${port}/`);
    await other.getByText('Please open the address from the terminal').waitFor(within);
    expect((await stranger.request.get(`http://127.0.0.1:${port}/v1/inboxes`)).status()).toBe(401);
    await stranger.close();
  }, 60_000);

  it('sends an answer with a file; the next reply arrives without a reload', async () => {
    const file = join(data, 'question.txt');
    writeFileSync(file, 'How many pieces are in stock?');
    await page.getByRole('button', { name: 'Answer' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Text').fill('Thank you, Ada. How many are in stock?');
    await attach(page, dialog, file, 'question.txt');
    await dialog.getByRole('button', { name: 'Send' }).click(within);
    await page.getByRole('article').filter({ hasText: 'How many are in stock?' }).first().waitFor(within);
    await untilReplies(page, 2);
    expect(await page.getByRole('region').count()).toBe(1);
  }, 120_000);

  it('says why a mailbox cannot be connected', async () => {
    await page.getByRole('link', { name: 'Mailboxes' }).click();
    await page.getByText('Live', { exact: true }).waitFor(within);
    await screenshot(page, 'mailboxes');
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
    expect(await seriousFaults(page)).toEqual([]);
  }, 60_000);

  it('deletes a mail from the timeline, and it stays away', async () => {
    await page.goto(`http://127.0.0.1:${port}/contacts`);
    const reply = replies(page).first();
    await reply.waitFor(within);
    await reply.getByRole('button', { name: 'More for this mail' }).click();
    await page.getByRole('menuitem', { name: 'Delete from the timeline' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await untilReplies(page, 1);
  }, 60_000);

  it('stops on Ctrl-C, and a second start shows what was there and a new reply', async () => {
    program.signal('SIGINT');
    await settle('a clean end', async () => !program.running(), { timeoutMs: 60_000 });
    expect(program.output()).toContain('Your data stays where it is');
    const started = await start(data, port, '--demo');
    ({ program } = started);
    await page.goto(started.url);
    await untilReplies(page, 2);
  }, 240_000);
});

describe('the quick start without its demo', () => {
  const data = dataFolder();
  let program: Program;
  let page: Page;

  afterAll(async () => {
    await program?.stop('SIGINT', 30_000);
    rmSync(data, { recursive: true, force: true });
  });

  it('begins it when the button is pressed, once however often it is asked', async () => {
    const started = await start(data, await freePort());
    ({ program } = started);
    page = await browser.newPage();
    await page.goto(started.url);
    const button = page.getByRole('button', { name: 'Try the demo' });
    await button.waitFor(within);
    await screenshot(page, 'welcome');
    expect(await Promise.all([ask(page), ask(page)])).toEqual([
      [202, 'starting'],
      [202, 'starting'],
    ]);
    await button.click({ force: true, noWaitAfter: true }).catch(() => undefined);
    await untilReplies(page, 1);
    expect((await ask(page))[0]).toBe(202);
    // The one mail and its one reply: nothing more went out, and the reply to a second mail would take no longer than that to this one.
    await page.getByRole('button', { name: 'Answer' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Text').fill('And the cards?');
    await dialog.getByRole('button', { name: 'Send' }).click(within);
    await untilReplies(page, 2);
    expect(await page.getByRole('article').count()).toBe(4);
    expect(await page.getByRole('region').count()).toBe(1);
  }, 180_000);

  it('shows no button while the demo runs, and begins anew once its mailbox was removed', async () => {
    await page.getByRole('link', { name: 'Mailboxes' }).click();
    await page.getByText('Live', { exact: true }).waitFor(within);
    expect(await page.getByRole('button', { name: 'Try the demo' }).count()).toBe(0);
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
