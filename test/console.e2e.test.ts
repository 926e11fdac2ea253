// The main flow in Chromium against the quick start with its demo, as a newcomer sees it.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser, type TestBrowser } from '@rejoinder/testing/chromium';
import { freePort } from '@rejoinder/testing/ports';
import { startProgram, type Program } from '@rejoinder/testing/processes';
import { settle } from '@rejoinder/testing/settle';

const cli = fileURLToPath(new URL('../services/rejoinder/bin/rejoinder.js', import.meta.url));
const data = mkdtempSync(join(tmpdir(), 'rejoinder-quick-'));
// As root PostgreSQL runs as another user, who has to pass.
chmodSync(data, 0o711);
const within = { timeout: 60_000 };
let browser: TestBrowser;
let program: Program;
let port: number;

async function start(): Promise<string> {
  program = startProgram({
    name: 'rejoinder',
    command: process.execPath,
    args: [cli, 'all', '--demo', '--data', data, '--port', String(port)],
  });
  return settle('the address in the terminal', async () => /http:\/\/\S+token=\S+/.exec(program.output())?.[0], { timeoutMs: 90_000 });
}

beforeAll(async () => {
  port = await freePort();
  browser = await startBrowser();
}, 60_000);

afterAll(async () => {
  await program?.stop('SIGINT', 30_000);
  await browser?.stop();
  rmSync(data, { recursive: true, force: true });
});

describe('the quick start with its demo', () => {
  let page: Page;

  it('shows a reply with its attachment, by itself, to who opens the printed address', async () => {
    const url = await start();
    page = await browser.newPage();
    await page.goto(url);
    const reply = page.getByRole('article').filter({ hasText: 'Our list is attached' });
    await reply.waitFor(within);
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: /offer\.csv/ }).click(within);
    expect(readFileSync(await (await download).path(), 'utf8')).toContain('Difference engine');
    await screenshot(page, 'timeline');
  }, 180_000);

  it('lets nobody in who has not the address, nor twice', async () => {
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
    await page.getByRole('button', { name: 'Answer' }).last().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Text').fill('Thank you, Ada. How many are in stock?');
    const chooser = page.waitForEvent('filechooser');
    await dialog.getByRole('button', { name: 'Attach files' }).click();
    await (await chooser).setFiles(file);
    await dialog.getByText('question.txt').waitFor(within);
    await dialog.getByRole('button', { name: 'Send' }).click(within);
    await page.getByRole('article').filter({ hasText: 'How many are in stock?' }).first().waitFor(within);
    await settle(
      'the second reply',
      async () => (await page.getByRole('article').filter({ hasText: 'Our list is attached' }).count()) === 2,
      { timeoutMs: 60_000 },
    );
    expect(await page.getByRole('region').count()).toBe(1);
  }, 120_000);

  it('says why a mailbox cannot be connected, for each server', async () => {
    await page.getByRole('link', { name: 'Mailboxes' }).click();
    await page.getByText('Live').waitFor(within);
    await screenshot(page, 'mailboxes');
    await page.getByRole('button', { name: 'Connect a mailbox' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Address').fill('someone@nowhere.invalid');
    await dialog.getByLabel('Password', { exact: true }).fill('wrong');
    // Nothing is known of this domain: the servers are asked for by themselves.
    await dialog.getByLabel('Receiving (IMAP)').waitFor(within);
    await dialog.getByLabel('Receiving (IMAP)').fill('192.168.7.7');
    await dialog.getByLabel('Sending (SMTP)').fill('192.168.7.7');
    await dialog.getByRole('button', { name: 'Test and connect' }).click();
    await dialog
      .getByText(/private network/)
      .first()
      .waitFor(within);
    await screenshot(page, 'refused');
    await page.keyboard.press('Escape');
  }, 120_000);

  it('says how old the oldest text is, and that every limit holds', async () => {
    await page.getByRole('link', { name: 'What is kept' }).click();
    await page.getByText('Every limit holds').waitFor(within);
    await page.getByText('The oldest text of a mail is under an hour old').waitFor(within);
    await screenshot(page, 'kept');
  }, 60_000);

  it('has no serious fault for people who use it otherwise, in light and in dark', async () => {
    const faults: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const path of ['contacts', 'inboxes', 'retention']) {
        await page.goto(`http://127.0.0.1:${port}/${path}`);
        await page.getByRole('heading', { level: 2 }).first().waitFor(within);
        const { violations } = await new AxeBuilder({ page: page as never }).analyze();
        const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        faults.push(...serious.flatMap(({ id, nodes }) => nodes.map((node) => `${path} ${colorScheme} ${id} ${node.html}`)));
      }
    }
    expect(faults).toEqual([]);
    await page.emulateMedia({ colorScheme: 'light' });
  }, 120_000);

  it('deletes a mail from the timeline, and it stays away', async () => {
    await page.goto(`http://127.0.0.1:${port}/contacts`);
    const article = page.getByRole('article').filter({ hasText: 'Our list is attached' }).first();
    await article.waitFor(within);
    await article.getByRole('button', { name: 'More for this mail' }).click();
    await page.getByRole('menuitem', { name: 'Delete from the timeline' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await settle(
      'one reply fewer',
      async () => (await page.getByRole('article').filter({ hasText: 'Our list is attached' }).count()) === 1,
      { timeoutMs: 30_000 },
    );
  }, 60_000);

  it('stops on Ctrl-C, and a second start shows what was there and a new reply', async () => {
    program.signal('SIGINT');
    await settle('a clean end', async () => !program.running(), { timeoutMs: 60_000 });
    expect(program.output()).toContain('Your data stays where it is');
    await page.goto(await start());
    await settle('the new reply', async () => (await page.getByRole('article').filter({ hasText: 'Our list is attached' }).count()) === 2, {
      timeoutMs: 90_000,
    });
  }, 240_000);
});

/** Kept where REJOINDER_SCREENSHOTS names a folder, to be looked at. */
async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.REJOINDER_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}
