// Mailboxes in the console: connected after a live test, refused each for its own reason, given a new password, removed; and who may look.
import { once } from 'node:events';
import { createServer as createPageServer, request } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { createTestCa } from '@rejoinder/testing/certificates';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail } from '@rejoinder/testing/mail';
import { freePorts } from '@rejoinder/testing/ports';
import { settle } from '@rejoinder/testing/settle';
import { screenshot, seriousFaults, startConsole, typeLogin, within, type Console } from './console.js';

const clock = { aheadMs: 0, now: () => new Date(Date.now() + clock.aheadMs) };
const [silent, untrusted, pop3, closed, forbidden] = (await freePorts(5)) as [number, number, number, number, number];
const strangers: Server[] = [];
let house: Console;
let page: Page;
let login: { address: string; password: string; imapPort: number; smtpPort: number };

async function listen(server: Server, port = 0): Promise<number> {
  strangers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  house = await startConsole({ clock, ports: [silent, untrusted, pop3, closed] });
  ({ page } = house);
  const { dovecot, wire } = house.town;
  login = { address: people.sales, password: 'secret', imapPort: wire.port, smtpPort: dovecot.submissionsPort };
  await listen(createServer(), silent);
  await listen(createTlsServer({ ...(await (await createTestCa('Nobody')).issue()) }), untrusted);
  const greet = createTlsServer({ ...(await dovecot.ca.issue()) }, (socket) => {
    socket.on('error', () => undefined).write('+OK POP3 server ready\r\n');
  });
  await listen(greet, pop3);
  slowly = Promise.all(slow.map(async ([, wrong]) => refusal(await house.newPage(), wrong())));
  // Told by the test that waits for it.
  slowly.catch(() => undefined);
});

afterAll(async () => {
  await house?.stop();
  for (const server of strangers) server.close();
});

const inboxes = async () => (await house.rest.call<{ inboxes: object[] }>('GET', '/v1/inboxes')).inboxes;
const card = () => page.getByRole('region', { name: people.sales });

const works = 'Sending: works.';
type Refusal = [reason: string, wrong: () => Partial<typeof login>, lines: string[]];
const quick: Refusal[] = [
  ['wrong password', () => ({ password: 'wrong' }), ['Receiving and sending: The server refused this user name and password.']],
  ['a certificate that nobody trusts', () => ({ imapPort: untrusted }), [`Receiving: ${catalogue.TLS_CERT.sentence}`, works]],
  ['a port where nothing is', () => ({ imapPort: closed }), [`Receiving: ${catalogue.REFUSED.sentence}`, works]],
  ['a port that is not allowed', () => ({ smtpPort: forbidden }), ['Receiving: works.', `Sending: ${catalogue.PORT_BLOCKED.sentence}`]],
];
/** Their time runs out while the other tests go on. */
const slow: Refusal[] = [
  ['a server that says nothing', () => ({ imapPort: silent }), [`Receiving: ${catalogue.TIMEOUT.sentence}`, works]],
  ['a POP3 server', () => ({ imapPort: pop3 }), [`Receiving: ${catalogue.POP3_REFUSED.sentence}`, works]],
];
let slowly: Promise<string[][]>;

/** What the dialog says of a login of somebody else's, line by line. */
async function refusal(one: Page, wrong: Partial<typeof login>): Promise<string[]> {
  await one.goto(`${house.base}/inboxes`);
  const dialog = await typeLogin(one, { ...login, address: people.third, ...wrong });
  const alert = dialog.getByRole('alert').first();
  await alert.waitFor(within);
  await screenshot(one, `refused: ${Object.keys(wrong).join()} ${Object.values(wrong).join()}`);
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
    await dialog.getByRole('button', { name: 'Close' }).click();
  });

  it('is refused, each time for its own reason, and nothing is stored', async () => {
    for (const [reason, wrong, lines] of quick) expect([reason, await refusal(page, wrong())]).toEqual([reason, lines]);
    expect(await inboxes()).toEqual([]);
  });

  it('tests both servers for real, and shows the mailbox live', async () => {
    await page.goto(`${house.base}/inboxes`);
    await page.getByText('No mailbox is connected yet').waitFor(within);
    await typeLogin(page, { ...login, name: 'Sally Sales' });
    await page.getByText(`${people.sales} is connected.`).waitFor(within);
    await card().getByText('Live', { exact: true }).waitFor(within);
    await card().getByText('Sally Sales · localhost').waitFor(within);
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(await inboxes()).toMatchObject([
      { address: people.sales, display_name: 'Sally Sales', receiving: 'connected', sending: 'ready' },
    ]);
    await screenshot(page, 'mailbox-live');
  });
});

describe('a password that was changed', { timeout: 90_000 }, () => {
  it('is told by itself, with its reason', async () => {
    await house.town.dovecot.setPassword(people.sales, 'changed');
    house.town.wire.cut();
    const refused = `select 1 from sync.session where refused_at is not null`;
    await settle('the first refusal', async () => (await house.house.query(refused)).length > 0);
    await card().getByText('Reconnecting').waitFor(within);
    clock.aheadMs = 61_000;
    await card().getByText('Needs a new password').waitFor(within);
    await card().getByText(catalogue.AUTH_REJECTED.sentence).waitFor(within);
    expect(await seriousFaults(page)).toEqual([]);
    await screenshot(page, 'needs-password');
  });

  it('is not taken until it is right; then what came meanwhile is seen', async () => {
    await house.town.dovecot.deliver(people.sales, await buildMail({ from: people.stranger, to: people.sales }));
    await card().getByRole('button', { name: 'Enter the new password' }).click();
    const dialog = page.getByRole('dialog', { name: `New password for ${people.sales}` });
    await dialog.getByLabel('Password', { exact: true }).fill('guess');
    await dialog.getByRole('button', { name: 'Test and save' }).click();
    await dialog.getByText('The server refused this user name and password.').waitFor(within);
    await screenshot(page, 'new-password-refused');
    await dialog.getByLabel('Password', { exact: true }).fill('changed');
    await dialog.getByRole('button', { name: 'Test and save' }).click();
    await card().getByText('Live', { exact: true }).waitFor(within);
    await card().getByText('1 mail seen by headers alone').waitFor(within);
    expect(await card().getByRole('button', { name: 'Enter the new password' }).count()).toBe(0);
  });
});

describe('a mailbox', { timeout: 60_000 }, () => {
  const choose = async (entry: string) => {
    await card()
      .getByRole('button', { name: `More for ${people.sales}` })
      .click();
    await page.getByRole('menuitem', { name: entry }).click();
  };

  it('is paused and resumed', async () => {
    await choose('Pause');
    await card().getByText('Paused').waitFor(within);
    await choose('Resume');
    await card().getByText('Live', { exact: true }).waitFor(within);
  });

  it('is kept where one thinks better of it, else removed with its data', async () => {
    await choose('Remove with its data');
    await page.getByRole('dialog').getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('dialog').waitFor({ ...within, state: 'detached' });
    expect(await inboxes()).toHaveLength(1);
    await choose('Remove with its data');
    await screenshot(page, 'remove');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('No mailbox is connected yet').waitFor(within);
    expect(await inboxes()).toEqual([]);
    for (const table of ['connections.credential', 'sync.session', 'sync.folder', 'sync.mail_header', 'sync.location'])
      await settle(`${table} to be empty`, async () => (await house.house.query(`select 1 from ${table}`)).length === 0);
  });
});

it('a mailbox whose server says nothing, or speaks POP3, is refused in the end', async () => {
  expect(await slowly).toEqual(slow.map(([, , lines]) => lines));
  expect(await inboxes()).toEqual([]);
}, 60_000);

describe('the door', { timeout: 60_000 }, () => {
  it('is opened by the printed address once, and says so to who comes second', async () => {
    const second = await house.browser.newPage();
    for (const url of [house.url, `${house.base}/open?token=guess`]) {
      const answer = await second.goto(url);
      expect([url, answer!.status()]).toEqual([url, 403]);
      await second.getByRole('heading', { name: 'This address has been used' }).waitFor(within);
      await second.getByText('Take the newest address from the terminal').waitFor(within);
    }
    await screenshot(second, 'used-up');
    expect(await second.context().cookies()).toEqual([]);
    await second.goto(house.base);
    await second.getByText('Please open the address from the terminal').waitFor(within);
    await screenshot(second, 'signed-out');
    // Whoever is in already may come by it again.
    await page.goto(house.url);
    await page.getByRole('link', { name: 'Mailboxes' }).waitFor(within);
  });

  it('is closed to another page of the same browser, and to a foreign name', async () => {
    const link = `<a href="${house.base}/v1/session">Look</a>`;
    const foreign = await listen(createPageServer((_, response) => response.setHeader('content-type', 'text/html').end(link)));
    const tab = await page.context().newPage();
    await tab.goto(`http://127.0.0.1:${foreign}/`);
    const [answer] = await Promise.all([tab.waitForResponse(`${house.base}/v1/session`), tab.getByRole('link', { name: 'Look' }).click()]);
    expect((await answer.request().allHeaders()).cookie).toContain('rejoinder_session=');
    expect([answer.status(), await answer.json()]).toMatchObject([403, { code: 'FOREIGN_PAGE' }]);
    await tab.close();
    const [cookie] = await page.context().cookies();
    const put = (headers: Record<string, string>) =>
      ask({ cookie: `${cookie!.name}=${cookie!.value}`, 'content-type': 'application/json', ...headers });
    expect(await put({ origin: `http://127.0.0.1:${foreign}` })).toMatchObject({
      status: 403,
      code: 'FOREIGN_PAGE',
      detail: 'This request comes from another page than the console.',
    });
    expect(await put({ origin: house.base, host: 'evil.example' })).toMatchObject({
      status: 421,
      code: 'WRONG_HOST',
      detail: 'This server does not answer to that name: set REJOINDER_HTTP_HOSTS.',
    });
    expect(await house.rest.contacts()).toEqual([]);
    expect(await put({ origin: house.base })).toMatchObject({ address: people.contact });
  });
});

/** Makes a contact with exactly these headers, which no browser would let a page choose. */
function ask(headers: Record<string, string>): Promise<unknown> {
  const { hostname: host, port } = new URL(house.base);
  return new Promise((resolve, reject) => {
    const asking = request({ host, port, method: 'POST', path: '/v1/contacts', headers }, async (response) =>
      resolve(JSON.parse(Buffer.concat(await response.toArray()).toString())),
    );
    asking.on('error', reject).end(JSON.stringify({ address: people.contact }));
  });
}
