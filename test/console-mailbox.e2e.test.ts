// The console with a real mailbox: connected, refused, written from, answered, removed; by keyboard where one can.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { people } from '@rejoinder/testing/crm-town';
import { replyTo } from '@rejoinder/testing/mail';
import { freePort } from '@rejoinder/testing/ports';
import { settle } from '@rejoinder/testing/settle';
import {
  attach,
  download,
  screenshot,
  lastingFaults,
  shifted,
  startConsole,
  typeLogin,
  watchShifts,
  within,
  type Console,
} from './console.js';
import { keyboardOf } from './keyboard.js';
import { strangeServers } from './strange-servers.js';

const folder = mkdtempSync(join(tmpdir(), 'rejoinder-console-'));
const plan = randomBytes(300_000);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const strange = await strangeServers();
let house: Console;
let page: Page;
let keyboard: ReturnType<typeof keyboardOf>;
let login: { address: string; password: string; imapPort: number; smtpPort: number };

beforeAll(async () => {
  house = await startConsole({ ports: Object.values(strange.ports) });
  const { dovecot, wire, login: known } = house.town;
  await strange.start(dovecot.ca);
  ({ page } = house);
  keyboard = keyboardOf(page);
  login = { address: people.sales, password: known.password, imapPort: wire.port, smtpPort: dovecot.submissionsPort };
  slowly = Promise.all(slow.map(async ([, wrong]) => refusal(await house.newPage(), wrong())));
  // Told by the test that waits for it.
  slowly.catch(() => undefined);
  writeFileSync(join(folder, 'plan.pdf'), plan);
});

afterAll(async () => {
  await house?.stop();
  strange.stop();
  rmSync(folder, { recursive: true, force: true });
});

const inboxes = async () => (await house.rest.call<{ inboxes: { inbox_id: string }[] }>('GET', '/v1/inboxes')).inboxes;
const card = () => page.getByRole('region', { name: people.sales });
const button = (name: string) => page.getByRole('button', { name, exact: true });
const mail = (text: string) => page.getByRole('article').filter({ hasText: text });
const dialogIsGone = () => page.getByRole('dialog').waitFor({ ...within, state: 'detached' });

const works = 'Sending: works.';
const told = (code: 'TLS_CERT' | 'REFUSED' | 'TIMEOUT' | 'POP3_REFUSED' | 'PORT_BLOCKED', port: number) =>
  `${catalogue[code].sentence} ${catalogue[code].action}. (localhost:${port})`;
type Refusal = [reason: string, wrong: () => Partial<typeof login>, lines: () => string[]];
const quick: Refusal[] = [
  ['wrong password', () => ({ password: 'wrong' }), () => ['Receiving and sending: The server refused this user name and password.']],
  [
    'a certificate that nobody trusts',
    () => ({ imapPort: strange.ports.untrusted }),
    () => [`Receiving: ${told('TLS_CERT', strange.ports.untrusted)}`, works],
  ],
  [
    'a port where nothing is',
    () => ({ imapPort: strange.ports.closed }),
    () => [`Receiving: ${told('REFUSED', strange.ports.closed)}`, works],
  ],
];
/** Their time runs out while the other tests go on. */
const slow: Refusal[] = [
  [
    'a server that says nothing',
    () => ({ imapPort: strange.ports.silent }),
    () => [`Receiving: ${told('TIMEOUT', strange.ports.silent)}`, works],
  ],
  ['a POP3 server', () => ({ imapPort: strange.ports.pop3 }), () => [`Receiving: ${told('POP3_REFUSED', strange.ports.pop3)}`, works]],
];
let slowly: Promise<string[][]>;

/** What the dialog says of a login of somebody else's, line by line. */
async function refusal(one: Page, wrong: Partial<typeof login>): Promise<string[]> {
  await one.goto(`${house.base}/inboxes`);
  const dialog = await typeLogin(one, { ...login, address: people.third, ...wrong });
  const alert = dialog.getByRole('alert').first();
  await alert.waitFor(within);
  await screenshot(one, `refused: ${Object.entries(wrong).join()}`);
  return alert.locator('p').allInnerTexts();
}

describe('connecting a mailbox', { timeout: 90_000 }, () => {
  it('finds the servers of a provider that is known, and says what its password is', async () => {
    await page.getByRole('button', { name: 'Connect a mailbox' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Address').fill('somebody@gmail.com');
    await dialog.getByLabel('Password', { exact: true }).focus();
    await dialog.getByText('Servers: imap.gmail.com, smtp.gmail.com').waitFor(within);
    await dialog.getByText('Google takes an app password here').waitFor(within);
    await screenshot(page, 'connect-found');
  });

  it('is refused, each time for its own reason, and nothing is stored', async () => {
    for (const [reason, wrong, lines] of quick) expect([reason, await refusal(page, wrong())]).toEqual([reason, lines()]);
    const forbidden = await freePort();
    expect(await refusal(page, { smtpPort: forbidden })).toEqual(['Receiving: works.', `Sending: ${told('PORT_BLOCKED', forbidden)}`]);
    expect(await inboxes()).toEqual([]);
  });

  it('can be tested alone: what the servers can do is said in words, and nothing is stored', async () => {
    await page.goto(`${house.base}/inboxes`);
    const dialog = await typeLogin(page, login, 'Only test');
    await dialog.getByText('Receiving and sending: works.').waitFor(within);
    await dialog.getByText('New mail arrives at once.').waitFor(within);
    await screenshot(page, 'tested');
    expect(await inboxes()).toEqual([]);
  });

  it('needs no mouse: both servers are tested for real, and the mailbox is live', async () => {
    await page.goto(`${house.base}/inboxes`);
    await page.getByText('No mailbox is connected yet').waitFor(within);
    const connect = button('Connect a mailbox');
    const dialog = page.getByRole('dialog', { name: 'Connect a mailbox' });
    await keyboard.press(connect);
    await keyboard.isAt(dialog.getByLabel('Address'));
    await keyboard.escape();
    await keyboard.isAt(connect);
    await keyboard.press(connect);
    await keyboard.type(dialog.getByLabel('Address'), people.sales);
    await keyboard.type(dialog.getByLabel('Your name'), 'Sally Sales');
    await keyboard.type(dialog.getByLabel('Password', { exact: true }), login.password);
    await keyboard.type(dialog.getByLabel('Receiving (IMAP)'), 'localhost');
    await keyboard.type(dialog.getByRole('group', { name: 'IMAP server' }).getByLabel('Port'), String(login.imapPort));
    await keyboard.type(dialog.getByLabel('Sending (SMTP)'), 'localhost');
    await keyboard.type(dialog.getByRole('group', { name: 'SMTP server' }).getByLabel('Port'), String(login.smtpPort));
    await page.keyboard.press('Enter');
    await page.getByText(`${people.sales} is connected. New mail arrives at once.`).waitFor(within);
    await card().getByText('Live', { exact: true }).waitFor(within);
    await card().getByText('Sally Sales · localhost').waitFor(within);
    expect(await inboxes()).toMatchObject([
      { address: people.sales, display_name: 'Sally Sales', receiving: 'connected', sending: 'ready' },
    ]);
    await screenshot(page, 'mailbox-live');
  });
});

const sent = (subject: string) =>
  settle(`the mail ${subject}`, () => house.town.dovecot.accepted.find(({ raw }) => raw.includes(`Subject: ${subject}`)));

describe('a mail', { timeout: 90_000 }, () => {
  it('goes out with its file, without a mouse, and stands on the timeline of whom it is for', async () => {
    await keyboard.press(page.getByRole('link', { name: 'Contacts' }));
    await button('Write the first mail').waitFor(within);
    await screenshot(page, 'connected, nothing said');
    const dialog = page.getByRole('dialog', { name: 'New mail' });
    await keyboard.press(button('Write'));
    await keyboard.isAt(dialog.getByLabel('To'));
    await keyboard.escape();
    await keyboard.isAt(button('Write'));
    await keyboard.press(button('Write'));
    await keyboard.type(dialog.getByLabel('To'), people.contact);
    await keyboard.type(dialog.getByLabel('Subject'), 'The workshop');
    await keyboard.type(dialog.getByLabel('Text'), 'Dear Carla, our plan is attached.');
    await keyboard.tabTo(dialog.getByRole('button', { name: 'Attach files' }));
    await attach(page, dialog, join(folder, 'plan.pdf'), 'plan.pdf');
    await screenshot(page, 'written');
    await keyboard.press(dialog.getByRole('button', { name: 'Send' }));
    await page.getByRole('heading', { name: people.contact }).waitFor(within);
    await mail('our plan is attached')
      .getByRole('link', { name: /plan\.pdf/ })
      .waitFor(within);
    const { attachments, to } = await simpleParser((await sent('The workshop')).raw);
    expect(attachments.map(({ filename, content }) => [filename, sha256(content)])).toEqual([['plan.pdf', sha256(plan)]]);
    expect(to).toMatchObject({ text: people.contact });
  });

  it('is answered: the reply appears by itself, without a jump, and its file is what was sent', async () => {
    await button('Write a mail').click();
    const dialog = page.getByRole('dialog', { name: 'New mail' });
    await dialog.getByLabel('Subject').fill('A second matter');
    await dialog.getByLabel('Text').fill('Dear Carla, and when do you come?');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await mail('when do you come').waitFor(within);
    await page.getByText('Sending', { exact: true }).waitFor({ ...within, state: 'detached' });
    await watchShifts(page);
    const photo = randomBytes(200_000);
    const attachments = [{ filename: 'photo of the room.png', contentType: 'image/png', content: photo }];
    const text = 'On Friday, by train.\n\nOn Monday Sally wrote:\n> and when do you come?\n';
    const { raw } = await sent('A second matter');
    await house.town.dovecot.deliver(people.sales, await replyTo(raw, { from: `Carla Customer <${people.contact}>`, text, attachments }));
    const reply = mail('On Friday, by train.');
    const file = reply.getByRole('link', { name: /photo of the room\.png/ });
    await file.waitFor(within);
    expect(await shifted(page)).toBeLessThan(0.05);
    expect(sha256(await download(page, file))).toBe(sha256(photo));
    expect(await reply.getByText('and when do you come?').count()).toBe(0);
    await reply.getByRole('button', { name: 'Show the whole text' }).click();
    await reply.getByText(/> and when do you come\?/).waitFor(within);
    await screenshot(page, 'answered');
  });

  it('of somebody else does not take away what is being read', async () => {
    await page.goto(`${house.base}/contacts`);
    await page.getByRole('heading', { name: people.contact }).waitFor(within);
    const [inbox] = await inboxes();
    await house.rest.send({ inbox_id: inbox!.inbox_id, to: [{ address: people.third }], subject: 'To another', text: 'Dear Theo.' });
    const rows = page.getByRole('navigation', { name: 'Contacts' }).getByRole('link');
    await rows.first().filter({ hasText: people.third }).waitFor(within);
    await page.getByRole('heading', { name: people.contact }).waitFor(within);
    expect(await page.getByRole('heading', { name: people.third }).count()).toBe(0);
  });

  it('that is half written is still there after Escape', async () => {
    const text = page.getByRole('dialog', { name: 'Answer' }).getByLabel('Text');
    await button('Answer').first().click();
    await text.fill('Half a thought');
    await keyboard.escape();
    await dialogIsGone();
    await button('Answer').first().click();
    expect(await text.inputValue()).toBe('Half a thought');
    await keyboard.escape();
    await dialogIsGone();
  });

  it('is deleted from the timeline, without a mouse, and stays away', async () => {
    await page.getByRole('link', { name: people.contact }).click();
    const reply = mail('On Friday, by train.');
    const more = reply.getByRole('button', { name: 'More for this mail' });
    await keyboard.choose(more, 'Delete from the timeline');
    await keyboard.isAt(button('Keep it'));
    await screenshot(page, 'delete');
    await keyboard.escape();
    await keyboard.isAt(more);
    await keyboard.choose(more, 'Delete from the timeline');
    await keyboard.press(button('Delete'));
    await reply.waitFor({ ...within, state: 'detached' });
    await keyboard.isAt(page.getByRole('heading', { level: 2, name: people.contact }));
    await page.reload();
    await mail('when do you come').waitFor(within);
    expect(await reply.count()).toBe(0);
  });
});

describe('every page', { timeout: 90_000 }, () => {
  const paths = ['contacts', 'inboxes', 'retention'];
  const heading = (of: Page) => of.getByRole('heading', { level: 2 }).first().waitFor(within);

  it('is reached without a mouse, and so are its colours', async () => {
    await keyboard.press(page.getByRole('link', { name: 'What is kept' }));
    await keyboard.press(button('Store by store'));
    await page.getByRole('cell', { name: 'sync.raw_body' }).waitFor(within);
    const colours = () => page.evaluate<string>('document.documentElement.dataset.mantineColorScheme');
    expect(await colours()).toBe('light');
    await keyboard.press(button('Use dark colours'));
    await settle('dark', async () => (await colours()) === 'dark');
    await page.reload();
    expect(await colours()).toBe('dark');
    await keyboard.press(button('Use light colours'));
    await settle('light', async () => (await colours()) === 'light');
  });

  it('is easy to read in light and in dark, its dialogs too', async () => {
    const faults: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      const one = await house.newPage({ colorScheme });
      for (const path of paths) {
        await one.goto(`${house.base}/${path}`);
        await heading(one);
        faults.push(...(await lastingFaults(one)).map((fault) => `${path} ${colorScheme} ${fault}`));
        await screenshot(one, `${path} ${colorScheme}`);
      }
      await one.getByRole('button', { name: 'Write', exact: true }).click();
      await one.getByRole('dialog').getByLabel('From').waitFor(within);
      faults.push(...(await lastingFaults(one)).map((fault) => `writing ${colorScheme} ${fault}`));
      const paper = await one.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      expect([colorScheme, paper]).toEqual([colorScheme, colorScheme === 'light' ? 'rgb(247, 248, 248)' : 'rgb(20, 22, 23)']);
      await one.context().close();
    }
    expect(faults.join('\n')).toBe('');
  });

  it.each([
    [1024, 768],
    [390, 844],
  ])('fits into a window of %i by %i', async (width, height) => {
    const one = await house.newPage({ viewport: { width, height } });
    const looks = async (path: string) => {
      expect([path, await one.evaluate<number>('document.scrollingElement.scrollWidth - innerWidth')]).toEqual([path, 0]);
      await screenshot(one, `${path} ${width}`);
    };
    for (const path of ['inboxes', 'retention', 'contacts']) {
      await one.goto(`${house.base}/${path}`);
      await one.getByRole('main').locator('a, button').first().waitFor(within);
      await looks(path);
    }
    await one.getByRole('navigation', { name: 'Contacts' }).getByRole('link', { name: people.contact }).click();
    await one.getByRole('article').filter({ hasText: 'our plan is attached' }).waitFor(within);
    await looks('timeline');
    if (width < 900) {
      await one.getByRole('link', { name: 'All contacts' }).click();
      await one.getByPlaceholder('Find a contact').waitFor(within);
    }
    await one.context().close();
  });
});

it('a mailbox whose server says nothing, or speaks POP3, is refused in the end', async () => {
  expect(await slowly).toEqual(slow.map(([, , lines]) => lines()));
  expect(await inboxes()).toHaveLength(1);
}, 60_000);

describe('a mailbox', { timeout: 60_000 }, () => {
  const more = () => card().getByRole('button', { name: `More for ${people.sales}` });

  it('is kept where one thinks better of it, else removed with its data; timelines stay', async () => {
    await page.goto(`${house.base}/inboxes`);
    await keyboard.choose(more(), 'Remove with its data');
    await keyboard.isAt(button('Keep it'));
    await screenshot(page, 'remove');
    await keyboard.escape();
    await keyboard.isAt(more());
    expect(await inboxes()).toHaveLength(1);
    await keyboard.choose(more(), 'Remove with its data');
    await keyboard.press(button('Remove'));
    await page.getByText('No mailbox is connected yet').waitFor(within);
    await keyboard.isAt(page.getByRole('heading', { level: 2, name: 'Mailboxes' }));
    expect(await inboxes()).toEqual([]);
    for (const table of ['connections.credential', 'sync.session', 'sync.folder', 'sync.mail_header', 'sync.location', 'sync.raw_body'])
      await settle(`${table} to be empty`, async () => (await house.house.query(`select 1 from ${table}`)).length === 0);
    await page.goto(`${house.base}/contacts`);
    await page.getByRole('link', { name: people.contact }).click();
    await mail('our plan is attached').waitFor(within);
  });
});
