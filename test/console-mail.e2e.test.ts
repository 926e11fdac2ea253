// Mail in the console: written with a file, answered without a reload or a jump, deleted; by keyboard alone, in light and dark, in narrow windows.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import { replyTo } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { attach, download, screenshot, seriousFaults, startConsole, within, type Console } from './console.js';

const folder = mkdtempSync(join(tmpdir(), 'rejoinder-console-mail-'));
const plan = randomBytes(300_000);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
let house: Console;
let page: Page;

beforeAll(async () => {
  house = await startConsole();
  ({ page } = house);
  await house.rest.connect(house.town.login);
  writeFileSync(join(folder, 'plan.pdf'), plan);
}, 60_000);

afterAll(async () => {
  await house?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const mail = (text: string) => page.getByRole('article').filter({ hasText: text });
const sent = (subject: string) =>
  settle(`the mail ${subject}`, () => house.town.dovecot.accepted.find(({ raw }) => raw.includes(`Subject: ${subject}`)));

async function write(to: string, subject: string, text: string, file?: string): Promise<void> {
  await page.getByRole('button', { name: 'Write', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'New mail' });
  await dialog.getByLabel('To').fill(to);
  await dialog.getByLabel('Subject').fill(subject);
  await dialog.getByLabel('Text').fill(text);
  if (file) await attach(page, dialog, join(folder, file), file);
  await screenshot(page, `written: ${subject}`);
  await dialog.getByRole('button', { name: 'Send' }).click(within);
  await dialog.waitFor({ ...within, state: 'detached' });
}

/** The contact answers from their own mail program. */
async function answer(subject: string, reply: Omit<Parameters<typeof replyTo>[1], 'from'>, from = `Carla Customer <${people.contact}>`) {
  const { raw } = await sent(subject);
  await house.town.dovecot.deliver(people.sales, await replyTo(raw, { from, ...reply }));
}

describe('a new mail', { timeout: 90_000 }, () => {
  it('goes out with its file, and stands on the timeline of whom it is for', async () => {
    await page.goto(house.base);
    await page.getByRole('button', { name: 'Write the first mail' }).waitFor(within);
    await screenshot(page, 'connected, nothing said');
    await write(people.contact, 'The workshop', 'Dear Carla, our plan is attached.', 'plan.pdf');
    await mail('our plan is attached')
      .getByRole('link', { name: /plan\.pdf/ })
      .waitFor(within);
    await page.getByRole('heading', { name: people.contact }).waitFor(within);
    const { attachments, to } = await simpleParser((await sent('The workshop')).raw);
    expect(attachments.map(({ filename, content }) => [filename, sha256(content)])).toEqual([['plan.pdf', sha256(plan)]]);
    expect(to).toMatchObject({ text: people.contact });
  });

  it('is answered: the reply appears by itself, without a jump, and its file is what was sent', async () => {
    await write(people.contact, 'A second matter', 'Dear Carla, and when do you come?');
    await mail('when do you come').waitFor(within);
    await page.getByText('Sending', { exact: true }).waitFor({ ...within, state: 'detached' });
    await page.evaluate(watchShifts);
    const photo = randomBytes(200_000);
    const attachments = [{ filename: 'photo of the room.png', contentType: 'image/png', content: photo }];
    await answer('A second matter', { text: 'On Friday, by train.\n\nOn Monday Sally wrote:\n> and when do you come?\n', attachments });
    const reply = mail('On Friday, by train.');
    const file = reply.getByRole('link', { name: /photo of the room\.png/ });
    await file.waitFor(within);
    expect(await page.evaluate<number>('globalThis.shifted')).toBeLessThan(0.05);
    expect(sha256(await download(page, file))).toBe(sha256(photo));
    expect(await reply.getByText('and when do you come?').count()).toBe(0);
    await reply.getByRole('button', { name: 'Show what was quoted' }).click();
    await reply.getByText('> and when do you come?').waitFor(within);
    await screenshot(page, 'answered');
  });

  it('of somebody else does not take away what is being read', async () => {
    await page.goto(`${house.base}/contacts`);
    await page.getByRole('heading', { name: people.contact }).waitFor(within);
    await house.rest.send({ inbox_id: await inboxId(), to: [{ address: people.third }], subject: 'To another', text: 'Dear Theo.' });
    const rows = page.getByRole('navigation', { name: 'Contacts' }).getByRole('link');
    await rows.first().filter({ hasText: people.third }).waitFor(within);
    await page.getByRole('heading', { name: people.contact }).waitFor(within);
    expect(await page.getByRole('heading', { name: people.third }).count()).toBe(0);
  });

  it('that is half written is still there after Escape', async () => {
    await page.getByRole('button', { name: 'Answer' }).first().click();
    await page.getByRole('dialog', { name: 'Answer' }).getByLabel('Text').fill('Half a thought');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ ...within, state: 'detached' });
    await page.getByRole('button', { name: 'Answer' }).first().click();
    expect(await page.getByRole('dialog').getByLabel('Text').inputValue()).toBe('Half a thought');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ ...within, state: 'detached' });
  });

  it('is deleted from the timeline, and stays away', async () => {
    await page.getByRole('link', { name: people.contact }).click();
    const reply = mail('On Friday, by train.');
    await reply.getByRole('button', { name: 'More for this mail' }).click();
    await page.getByRole('menuitem', { name: 'Delete from the timeline' }).click();
    await screenshot(page, 'delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await reply.waitFor({ ...within, state: 'detached' });
    await page.reload();
    await mail('when do you come').waitFor(within);
    expect(await reply.count()).toBe(0);
  });
});

describe('the keyboard alone', { timeout: 90_000 }, () => {
  const focused = (locator: Locator) => locator.evaluate((element) => element === element.ownerDocument.activeElement);

  /** Tabs on until it is reached; every stop on the way can be seen. */
  async function tabTo(locator: Locator): Promise<void> {
    await locator.first().waitFor(within);
    for (let stops = 0; stops < 60; stops++) {
      if (await focused(locator)) return;
      await page.keyboard.press('Tab');
      expect(await page.evaluate<string>(ringOfFocus)).toMatch(/^(solid \dpx|nothing)$/);
    }
    throw new Error(`the keyboard does not come to ${locator.toString()}`);
  }
  const press = async (locator: Locator, key = 'Enter') => {
    await tabTo(locator);
    await page.keyboard.press(key);
  };
  const type = async (locator: Locator, text: string) => {
    await tabTo(locator);
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type(text);
  };
  const isBackAt = (locator: Locator) => settle(`the focus to be back at ${locator.toString()}`, () => focused(locator));
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const choose = async (menu: Locator, downs: number) => {
    await press(menu);
    const items = page.getByRole('menu');
    await settle('the menu to have the focus', () => items.evaluate((element) => element.contains(element.ownerDocument.activeElement)));
    for (let down = 0; down < downs; down++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
  };

  it('writes, attaches, sends and deletes', async () => {
    await page.goto(`${house.base}/contacts`);
    await press(button('Write'));
    const dialog = page.getByRole('dialog', { name: 'New mail' });
    await isBackAt(dialog.getByLabel('To'));
    await page.keyboard.press('Escape');
    await isBackAt(button('Write'));
    await page.keyboard.press('Enter');
    await type(dialog.getByLabel('To'), people.stranger);
    await type(dialog.getByLabel('Subject'), 'By keyboard');
    await type(dialog.getByLabel('Text'), 'No mouse was used.');
    await tabTo(dialog.getByRole('button', { name: 'Attach files' }));
    await attach(page, dialog, join(folder, 'plan.pdf'), 'plan.pdf');
    await press(dialog.getByRole('button', { name: 'Send' }));
    await mail('No mouse was used.')
      .getByRole('link', { name: /plan\.pdf/ })
      .waitFor(within);
    const more = mail('No mouse was used.').getByRole('button', { name: 'More for this mail' });
    await choose(more, 1);
    await isBackAt(button('Keep it'));
    await page.keyboard.press('Escape');
    await isBackAt(more);
    await choose(more, 1);
    await press(button('Delete'));
    await mail('No mouse was used.').waitFor({ ...within, state: 'detached' });
    await isBackAt(page.getByRole('heading', { level: 2, name: people.stranger }));
  });

  it('connects a mailbox, looks for its password, and removes it', async () => {
    await press(page.getByRole('link', { name: 'Mailboxes' }));
    await press(button('Connect a mailbox'));
    const dialog = page.getByRole('dialog', { name: 'Connect a mailbox' });
    await isBackAt(dialog.getByLabel('Address'));
    await page.keyboard.press('Escape');
    await isBackAt(button('Connect a mailbox'));
    await page.keyboard.press('Enter');
    await type(dialog.getByLabel('Address'), people.third);
    await type(dialog.getByLabel('Password', { exact: true }), 'secret');
    await type(dialog.getByLabel('Receiving (IMAP)'), 'localhost');
    await type(dialog.getByRole('group', { name: 'IMAP server' }).getByLabel('Port'), String(house.town.wire.port));
    await type(dialog.getByLabel('Sending (SMTP)'), 'localhost');
    await type(dialog.getByRole('group', { name: 'SMTP server' }).getByLabel('Port'), String(house.town.dovecot.submissionsPort));
    await page.keyboard.press('Enter');
    const card = page.getByRole('region', { name: people.third });
    await card.getByText('Live', { exact: true }).waitFor(within);
    const more = card.getByRole('button', { name: `More for ${people.third}` });
    await choose(more, 1);
    await isBackAt(page.getByRole('dialog').getByLabel('Password', { exact: true }));
    await page.keyboard.press('Escape');
    await isBackAt(more);
    await choose(more, 3);
    await press(button('Remove'));
    await card.waitFor({ ...within, state: 'detached' });
    await isBackAt(page.getByRole('heading', { level: 2, name: 'Mailboxes' }));
  });

  it('looks at what is kept, store by store, and turns the light off and on', async () => {
    await press(page.getByRole('link', { name: 'What is kept' }));
    await press(button('Store by store'));
    await page.getByRole('cell', { name: 'sync.raw_body' }).waitFor(within);
    const colours = () => page.evaluate<string>('document.documentElement.dataset.mantineColorScheme');
    expect(await colours()).toBe('light');
    await press(button('Use dark colours'));
    await settle('dark', async () => (await colours()) === 'dark');
    await page.reload();
    expect(await colours()).toBe('dark');
    await press(button('Use light colours'));
    await settle('light', async () => (await colours()) === 'light');
  });
});

describe('every page', { timeout: 90_000 }, () => {
  const paths = ['contacts', 'inboxes', 'retention'];
  const heading = (of: Page) => of.getByRole('heading', { level: 2 }).first().waitFor(within);

  it('is easy to read in light and in dark, its dialogs too', async () => {
    const faults: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      const one = await house.newPage({ colorScheme });
      for (const path of paths) {
        await one.goto(`${house.base}/${path}`);
        await heading(one);
        faults.push(...(await seriousFaults(one)).map((fault) => `${path} ${colorScheme} ${fault}`));
        await screenshot(one, `${path} ${colorScheme}`);
      }
      await one.getByRole('button', { name: 'Write', exact: true }).click();
      await one.getByRole('dialog').getByLabel('From').waitFor(within);
      faults.push(...(await seriousFaults(one)).map((fault) => `writing ${colorScheme} ${fault}`));
      const paper = await one.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      expect([colorScheme, paper]).toEqual([colorScheme, colorScheme === 'light' ? 'rgb(247, 248, 248)' : 'rgb(20, 22, 23)']);
      await one.context().close();
    }
    expect(faults).toEqual([]);
  });

  it.each([
    [1024, 768],
    [390, 844],
  ])('fits into a window of %i by %i', async (width, height) => {
    const one = await house.newPage({ viewport: { width, height } });
    const spill = () => one.evaluate<number>('document.scrollingElement.scrollWidth - innerWidth');
    for (const path of paths) {
      await one.goto(`${house.base}/${path}`);
      await one.getByRole('main').locator('a, button').first().waitFor(within);
      expect([path, await spill()]).toEqual([path, 0]);
      await screenshot(one, `${path} ${width}`);
    }
    await one.goto(`${house.base}/contacts`);
    await one.getByRole('navigation', { name: 'Contacts' }).getByRole('link', { name: people.contact }).click();
    await one.getByRole('article').filter({ hasText: 'our plan is attached' }).waitFor(within);
    expect(await spill()).toBe(0);
    await screenshot(one, `timeline ${width}`);
    if (width < 900) {
      await one.getByRole('link', { name: 'All contacts' }).click();
      await one.getByPlaceholder('Find a contact').waitFor(within);
    }
    await one.context().close();
  });
});

async function inboxId(): Promise<string> {
  const { inboxes } = await house.rest.call<{ inboxes: { inbox_id: string }[] }>('GET', '/v1/inboxes');
  return inboxes[0]!.inbox_id;
}

/** In the page: adds up how far what stands there is moved about without anybody's doing. */
const watchShifts = `
  globalThis.shifted = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifted += entry.value;
  }).observe({ type: 'layout-shift' });`;

/** In the page: the ring around what has the focus. */
const ringOfFocus = `
  document.activeElement === document.body
    ? 'nothing'
    : getComputedStyle(document.activeElement).outlineStyle + ' ' + getComputedStyle(document.activeElement).outlineWidth`;
