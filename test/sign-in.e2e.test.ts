// A mailbox whose owner signed in at a provider's page, in Chromium and with real servers: mail in and out, and what becomes of it when access ends.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { InboxDisconnectedSchema, InboxSideStoppedSchema } from '@rejoinder/contracts/events/connections';
import { people } from '@rejoinder/testing/crm-town';
import type { IdentityProvider } from '@rejoinder/testing/identity-provider';
import { buildMail, replyTo } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { lastingFaults, screenshot, startConsole, within, type Console } from './console.js';
import { expectNoDeadLetters } from './one-house.js';

const clock = { aheadMs: 0, now: () => new Date(Date.now() + clock.aheadMs) };
const overAnHourMs = 3_700_000;

let house: Console;
let page: Page;
let idp: IdentityProvider;
let inboxId: string;

beforeAll(async () => {
  house = await startConsole({ clock, signIn: true });
  ({ page } = house);
  idp = house.town.idp!;
}, 120_000);
afterAll(() => house?.stop());

const card = () => page.getByRole('region', { name: people.sales });
const inbox = () => house.rest.inbox(inboxId);
const lost = () => house.house.published('rejoinder.connections.v1', InboxDisconnectedSchema);
const refreshes = () => idp.granted.filter((one) => one.includes('refresh_token'));
const live = () => settle('the mailbox to be live', async () => (await inbox()).progress?.state === 'live', { timeoutMs: 60_000 });
/** What mail servers do at the end of a token: they end the session. */
const cut = () => house.town.wire.cut();
const send = async (subject: string) =>
  (await house.rest.send({ inbox_id: inboxId, to: [{ address: people.contact }], subject, text: 'Dear Carla.' })).send_id;
const becomes = (sendId: string, state: string) =>
  settle(`the send to be ${state}`, async () => (await house.rest.getSend(sendId)).state === state, { timeoutMs: 60_000 });
const seen = async () => (await inbox()).progress!.folders.find(({ path }) => path === 'INBOX')!.seen;
const arrives = async () => {
  const before = await seen();
  await house.town.dovecot.deliver(people.sales, await buildMail({ from: people.stranger, to: people.sales }));
  await settle('the new mail to be seen', async () => (await seen()) === before + 1, { timeoutMs: 60_000 });
};

describe('connecting a mailbox', { timeout: 120_000 }, () => {
  const offer = async (address: string) => {
    await page.goto(`${house.base}/inboxes`);
    await page.getByRole('button', { name: 'Connect a mailbox' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Address').fill(address);
    await dialog.getByLabel('Your name').fill('Sally Sales');
    return dialog;
  };

  it('says who must set up the page of a provider that lets nobody in but by it', async () => {
    const dialog = await offer('somebody@outlook.com');
    await dialog.getByText(/Signing in with Outlook\.com is not set up here/).waitFor(within);
    expect(await lastingFaults(page)).toEqual([]);
    await screenshot(page, 'sign-in-missing');
  });

  it('ends with its reason where the person says no, and nothing is connected', async () => {
    const dialog = await offer(people.sales);
    idp.person = 'refuses';
    await dialog.getByRole('button', { name: 'Sign in with Town Mail' }).click();
    await page.getByText(catalogue.SIGN_IN_REFUSED.sentence).waitFor(within);
    expect(page.url()).toBe(`${house.base}/inboxes/signed-in`);
    expect(await lastingFaults(page)).toEqual([]);
    await screenshot(page, 'sign-in-refused');
    expect(await house.rest.inboxes()).toEqual([]);
    idp.person = 'as hinted';
  });

  it('needs no password: one goes to the page of the provider and comes back', async () => {
    const dialog = await offer(people.sales);
    const button = dialog.getByRole('button', { name: 'Sign in with Town Mail' });
    await button.waitFor(within);
    expect(await dialog.getByLabel('Password', { exact: true }).count()).toBe(0);
    expect(await lastingFaults(page)).toEqual([]);
    await screenshot(page, 'sign-in-offer');
    await button.click();
    await page.getByText(`${people.sales} is connected.`).waitFor(within);
    await card().getByText('Live', { exact: true }).waitFor(within);
    expect(page.url()).toBe(`${house.base}/inboxes`);
    inboxId = (await house.rest.inboxes())[0]!.inbox_id;
  });
});

describe('its access token', { timeout: 120_000 }, () => {
  it('takes mail out and lets the answer in', async () => {
    const { contact_id: contactId } = await house.rest.putContact(people.contact);
    const sent = await send('The offer');
    await becomes(sent, 'sent');
    const arrived = house.town.dovecot.accepted.at(-1)!;
    await house.town.dovecot.deliver(people.sales, await replyTo(arrived.raw, { from: people.contact, text: 'Gladly.' }));
    const texts = async () => (await house.rest.timeline(contactId)).map(({ text }) => text.trim());
    await settle('the answer on the timeline', async () => (await texts()).some((text) => text.startsWith('Gladly.')), {
      timeoutMs: 60_000,
    });
  });

  it('ends in mid-session: the session comes back with another one, and nobody is alarmed', async () => {
    idp.granted.length = 0;
    clock.aheadMs = overAnHourMs;
    idp.expireAccessTokens();
    cut();
    await arrives();
    await live();
    await becomes(await send('An hour later'), 'sent');
    expect(refreshes()).toEqual(['refresh_token']);
    expect(await lost()).toEqual([]);
  });

  it('is replaced where the server refuses it before its time', async () => {
    idp.granted.length = 0;
    idp.expireAccessTokens();
    cut();
    await arrives();
    await becomes(await send('Before its time'), 'sent');
    expect(refreshes().every((one) => one === 'refresh_token')).toBe(true);
    expect(await house.house.query('select 1 from sync.session where refused_at is not null')).toEqual([]);
    expect(await lost()).toEqual([]);
  });

  it('cannot be had while the provider is out of order: sessions and sends wait, and nobody is alarmed', async () => {
    idp.tokenStatus = 503;
    clock.aheadMs += overAnHourMs;
    idp.expireAccessTokens();
    cut();
    await settle('the reason', async () => (await inbox()).progress?.reason === 'OAUTH_UNAVAILABLE', { timeoutMs: 60_000 });
    const waiting = await send('While it is out of order');
    await settle('the send to wait for its reason', async () => {
      const rows = await house.house.query<{ reason: string }>('select reason from sending.send where send_id = $1', [waiting]);
      return rows[0]!.reason === 'OAUTH_UNAVAILABLE';
    });
    expect(await inbox()).toMatchObject({ receiving: 'connected', sending: 'ready', progress: { state: 'reconnecting' } });
    idp.tokenStatus = undefined;
    clock.aheadMs += 600_000;
    await arrives();
    await becomes(waiting, 'sent');
    expect(await lost()).toEqual([]);
  });
});

describe('access that the person has withdrawn', { timeout: 120_000 }, () => {
  let waiting: string;
  let before: number;

  it('stops both sides, and says so with its reason', async () => {
    before = await seen();
    idp.revoke(people.sales);
    clock.aheadMs += overAnHourMs;
    cut();
    await card().getByText('Needs to be signed in again').waitFor(within);
    await card().getByText(catalogue.OAUTH_REVOKED.sentence).waitFor(within);
    expect(await lastingFaults(page)).toEqual([]);
    await screenshot(page, 'sign-in-again');
    expect(await lost()).toMatchObject([{ reason: 'OAUTH_REVOKED' }]);
    expect(await house.house.published('rejoinder.connections.v1', InboxSideStoppedSchema)).toMatchObject([{ reason: 'OAUTH_REVOKED' }]);
    waiting = await send('While nobody has access');
    await house.town.dovecot.deliver(people.sales, await buildMail({ from: people.stranger, to: people.sales }));
    expect((await house.rest.getSend(waiting)).state).toBe('accepted');
  });

  it('is granted again by signing in again: the mailbox keeps its id, the gap is filled, and what waits is sent', async () => {
    await card().getByRole('button', { name: 'Sign in again' }).click();
    await card().getByText('Live', { exact: true }).waitFor(within);
    await settle('the gap to be filled', async () => (await seen()) === before + 1, { timeoutMs: 60_000 });
    await becomes(waiting, 'sent');
    expect((await house.rest.inboxes()).map(({ inbox_id }) => inbox_id)).toEqual([inboxId]);
    expect(house.town.dovecot.accepted.filter(({ raw }) => raw.includes('While nobody has access'))).toHaveLength(1);
  });

  it('is granted again by a link, by its owner who is not signed in here, and the link is good once', async () => {
    idp.revoke(people.sales);
    clock.aheadMs += overAnHourMs;
    cut();
    await settle('the mailbox to need its owner', async () => (await inbox()).receiving === 'needs_reconnect', { timeoutMs: 60_000 });
    const { path } = await house.rest.call<{ path: string }>('POST', `/v1/inboxes/${inboxId}/reconnect-link`);
    const owner = await house.browser.newPage({ ignoreHTTPSErrors: true });
    await owner.goto(house.base + path);
    await screenshot(owner, 'sign-in-by-link');
    expect(await lastingFaults(owner)).toEqual([]);
    await owner.getByRole('link', { name: 'Sign in at the provider' }).click();
    await owner.getByRole('heading', { name: `${people.sales} is connected again` }).waitFor(within);
    await owner.goto(house.base + path);
    await owner.getByRole('heading', { name: 'This link is not good any more' }).waitFor(within);
    await owner.context().close();
    await live();
    const stranger = await fetch(`${house.base}/reconnect/signed-in?code=x&state=${'y'.repeat(43)}`);
    expect([stranger.status, await stranger.text()]).toEqual([409, expect.stringContaining(catalogue.SIGN_IN_GONE.sentence.slice(0, 40))]);
    await expectNoDeadLetters(house.house);
  });
});
