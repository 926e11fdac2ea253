// Why a mail is on a timeline, as a person asks it in Chromium, takes out what does not belong there, and takes that back.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { lastingFaults, screenshot, startConsole, within, type Console } from './console.js';
import { keyboardOf } from './keyboard.js';
import { expectNoDeadLetters } from './one-house.js';

let house: Console;
let page: Page;
let messageId: string;
let contactId: string;

beforeAll(async () => {
  house = await startConsole();
  ({ page } = house);
  const { inbox_id: inboxId } = await house.rest.connect(house.town.login);
  const to = [{ address: people.contact, name: 'Carla' }];
  ({ message_id: messageId } = await house.rest.send({ inbox_id: inboxId, to, subject: 'Offer', text: 'An offer' }));
  await answer(people.contact, 'We take it.', { inReplyTo: `<${messageId}>` });
  await answer(people.contact, 'Who knows a dentist?', { inReplyTo: `<${messageId}>`, messageId: '<dentist@customer.test>' });
  await answer(people.third, 'My diagnosis', { subject: 'A private matter' });
  contactId = (await settle('Carla', async () => (await house.rest.contacts()).find(({ address }) => address === people.contact)))
    .contact_id;
  await settle('both answers', async () => (await house.rest.timeline(contactId)).length === 3, { timeoutMs: 60_000 });
}, 180_000);

afterAll(() => house?.stop());

const answer = async (from: string, text: string, more: object = {}) =>
  house.town.dovecot.deliver(people.sales, await buildMail({ from, to: people.sales, subject: 'Re: Offer', text, ...more }));
const mail = (text: string, of = page) => of.getByRole('article').filter({ hasText: text });
const menu = (text: string, of = page) => mail(text, of).getByRole('button', { name: 'More for this mail' });
const dialog = (of = page) => of.getByRole('dialog', { name: 'Why is this here?' });
const verb = (name: string) => dialog().getByRole('button', { name, exact: true });
const gone = (text: string) => mail(text).waitFor({ ...within, state: 'detached' });

describe('why a mail is here', { timeout: 120_000 }, () => {
  it('is told in words, and a mail that does not belong goes with its answers, without a mouse; undone, it is back', async () => {
    const keyboard = keyboardOf(page);
    await page.goto(`${house.base}/contacts/${contactId}`);
    await mail('dentist').waitFor(within);
    await keyboard.choose(menu('dentist'), 'Why is this here?');
    await keyboard.isAt(verb('Close').first());
    await dialog().getByText('It answers a mail that is logged.').waitFor(within);
    await dialog()
      .getByText(/“Offer” of .+ logged/)
      .waitFor(within);
    await keyboard.press(verb('This does not belong here'));
    await dialog().getByText('It is off the timeline. Somebody said that it does not belong').waitFor(within);
    await gone('dentist');
    await screenshot(page, 'taken out');
    // An answer to it comes in now: it goes where that mail went.
    await answer(people.contact, 'I found one.', {
      inReplyTo: '<dentist@customer.test>',
      references: [`<${messageId}>`, '<dentist@customer.test>'],
    });
    await keyboard.isAt(verb('Undo'));
    await page.keyboard.press('Enter');
    await mail('dentist').waitFor(within);
    await mail('I found one.').waitFor(within);
    await keyboard.isAt(verb('This does not belong here'));
    await page.keyboard.press('Enter');
    await gone('dentist');
    await gone('I found one.');
    await mail('We take it.').waitFor(within);
    await keyboard.escape();
    await dialog().waitFor({ ...within, state: 'detached' });
    // The mail is gone with its menu.
    await keyboard.isAt(page.getByRole('heading', { level: 2 }));
  });

  it('shows what was corrected in the conversation that is left, where it can be undone later', async () => {
    await menu('We take it.').click();
    await page.getByRole('menuitem', { name: 'Why is this here?' }).click();
    await dialog().getByText('A mail was taken out of this conversation').waitFor(within);
    await screenshot(page, 'corrected by hand');
    await dialog().getByRole('button', { name: 'Undo: A mail was taken out of this conversation' }).click();
    await mail('I found one.').waitFor(within);
    await dialog()
      .getByText('Corrected by hand')
      .waitFor({ ...within, state: 'detached' });
    expect(await mail('dentist').count()).toBe(1);
    await keyboardOf(page).escape();
    await dialog().waitFor({ ...within, state: 'detached' });
  });

  it('says of what was sent from here that it stays, and begins a conversation of its own', async () => {
    await menu('An offer').click();
    await page.getByRole('menuitem', { name: 'Why is this here?' }).click();
    await dialog().getByText('It was sent from here, or somebody logged it.').waitFor(within);
    await dialog().getByText('It would begin a conversation of its own, and stay on the timeline.').waitFor(within);
    await verb('Close').last().click();
    await dialog().waitFor({ ...within, state: 'detached' });
  });

  it('lets a person take back that a mail was logged, and undo that, without a mouse', async () => {
    const keyboard = keyboardOf(page);
    await answer(people.contact, 'Shall we have lunch?', { subject: 'Lunch', messageId: '<lunch@customer.test>' });
    await house.rest.call('POST', '/v1/tracked-mail', { message_id: 'lunch@customer.test' });
    await mail('have lunch').waitFor(within);
    await keyboard.choose(menu('have lunch'), 'Why is this here?');
    await dialog().getByText('It was sent from here, or somebody logged it.').waitFor(within);
    await screenshot(page, 'why logged');
    await keyboard.press(verb('Was not meant to be logged'));
    await dialog().getByText('It is off the timeline. Somebody logged it, and somebody said').waitFor(within);
    await gone('have lunch');
    await screenshot(page, 'not meant to be logged');
    await keyboard.isAt(verb('Undo'));
    await page.keyboard.press('Enter');
    await mail('have lunch').waitFor(within);
    await keyboard.isAt(verb('Was not meant to be logged'));
    expect(await lastingFaults(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await gone('have lunch');
    await keyboard.escape();
    await dialog().waitFor({ ...within, state: 'detached' });
  });

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 320],
    ['dark', 320],
  ] as const)('is easy to read in %s, %i pixels wide', async (colorScheme, width) => {
    const one = await house.newPage({ colorScheme, viewport: { width, height: 720 } });
    await one.goto(`${house.base}/contacts/${contactId}`);
    await menu('I found one.', one).click();
    await screenshot(one, `why menu ${colorScheme} ${width}`);
    await one.getByRole('menuitem', { name: 'Why is this here?' }).click();
    await dialog(one).getByText('What it answers').waitFor(within);
    const faults = await lastingFaults(one);
    await screenshot(one, `why ${colorScheme} ${width}`);
    expect([faults, await one.evaluate<number>('document.scrollingElement.scrollWidth - innerWidth')]).toEqual([[], 0]);
    await one.context().close();
  });

  it('of a mail that is not logged tells nothing that its headers say', async () => {
    const sql = `select n.mail_id from threading.node n where n.verdict = 'untracked' and n.root is null`;
    const [other, ...more] = await settle('the private mail', async () => {
      const rows = await house.house.query<{ mail_id: string }>(sql);
      return rows.length > 0 ? rows : undefined;
    });
    expect(more).toEqual([]);
    const told = JSON.stringify(await house.rest.call('GET', `/v1/mails/${other!.mail_id}/explain`));
    expect(told).toContain('"rule":"no_chain"');
    for (const secret of ['private', 'diagnosis', people.third, people.sales]) expect(told).not.toContain(secret);
  });

  it('and such a mail is read once a person says that it belongs with one that is logged; taken back, it goes', async () => {
    const mailOf = async (text: string, contact: string) => (await house.rest.timeline(contact)).find((one) => one.text.startsWith(text));
    const taken = (await mailOf('We take it.', contactId))!;
    const [{ mail_id: mailId, thread_id: threadId } = { mail_id: '', thread_id: '' }] = await house.house.query<{
      mail_id: string;
      thread_id: string;
    }>(`select mail_id, thread_id from threading.node where verdict = 'untracked' and root is null`);
    expect(house.town.wire.carried('My diagnosis')).toBe(false);
    const body = { mail_id: mailId, into_mail_id: taken.mail_id };
    const pin = await house.rest.call<{ pin_id: string; into_mail: { subject: string } }>('POST', `/v1/threads/${threadId}/merge`, body);
    expect(pin).toMatchObject({ kind: 'merge', by: 'api', mail: null, into_mail: { subject: 'Re: Offer' } });
    const theo = async () => (await house.rest.contacts()).find(({ address }) => address === people.third)?.contact_id;
    const logged = async () => {
      const contact = await theo();
      return contact === undefined ? undefined : mailOf('My diagnosis', contact);
    };
    const its = await settle('the mail to be logged', logged, { timeoutMs: 30_000 });
    // It is shown with the others now, on the timeline of whom it is from.
    expect(its.thread_id).toBe(taken.thread_id);
    const thread = await house.rest.call<{ mails: { mail_id: string; verdict: string }[] }>('GET', `/v1/threads/${threadId}`);
    expect(thread.mails.filter(({ verdict }) => verdict === 'tracked')).toHaveLength(5);
    await house.rest.call('DELETE', `/v1/pins/${pin.pin_id}`);
    await settle('the mail to go', async () => !(await logged()), { timeoutMs: 30_000 });
  });

  it('an answer that went to other people is told of, with nothing that its headers say, and a person puts it back', async () => {
    await answer(people.third, 'I have a question.', { subject: 'Quite another thing', inReplyTo: `<${messageId}>` });
    const cut = `select 1 from threading.node where verdict = 'untracked' and cut = 'yes'`;
    await settle('the mail to be judged', async () => (await house.house.query(cut)).length > 0, { timeoutMs: 30_000 });
    await page.goto(`${house.base}/contacts/${contactId}`);
    const notice = page.getByText(/^A mail of .+ in .+ is not logged and was not kept/);
    await notice.waitFor(within);
    expect(await notice.textContent()).toContain(people.sales);
    for (const secret of ['another thing', 'question']) expect(await page.textContent('main')).not.toContain(secret);
    expect(await notice.textContent()).not.toContain(people.third);
    expect(house.town.wire.carried('I have a question.')).toBe(false);
    await screenshot(page, 'an answer that left');
    expect(await lastingFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'It belongs here' }).click();
    await notice.waitFor({ ...within, state: 'detached' });
    await settle(
      'the mail to be logged',
      async () => {
        const contact = (await house.rest.contacts()).find(({ address }) => address === people.third);
        return contact && (await house.rest.timeline(contact.contact_id)).find((one) => one.text.startsWith('I have a question.'));
      },
      { timeoutMs: 30_000 },
    );
    await expectNoDeadLetters(house.house);
  });
});
