// A person logs mail by hand: in BCC or by forwarding it to their own logging address, and nobody does it in their name.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDns, type Dns } from '@rejoinder/testing/dns';
import { buildMail } from '@rejoinder/testing/mail';
import { freePort } from '@rejoinder/testing/ports';
import { people } from '@rejoinder/testing/crm-town';
import { settle } from '@rejoinder/testing/settle';
import { deliverBySmtp } from '@rejoinder/testing/smtp';
import { connectSales, onTimeline } from './main-job.js';
import { lastingFaults, screenshot, startConsole, within, type Console } from './console.js';
import { expectNoDeadLetters, quiet } from './one-house.js';

interface Held {
  quarantine_id: string;
  reason: string;
  subject: string;
}

let dns: Dns;
let one: Console;
let port: number;
let inboxId: string;
let loggingAddress: string;

beforeAll(async () => {
  dns = await startDns({ 'crm.test': 'v=spf1 ip4:127.0.0.1 -all', '_dmarc.crm.test': 'v=DMARC1; p=reject' });
  port = await freePort();
  one = await startConsole({
    env: {
      REJOINDER_SYNC_FOLDER_POLL_SECONDS: '1',
      REJOINDER_INTAKE_DOMAIN: 'log.crm.test',
      REJOINDER_INTAKE_LISTEN: `127.0.0.1:${port}`,
      REJOINDER_INTAKE_DNS_SERVERS: dns.address,
    },
  });
  inboxId = await connectSales(one);
  ({ address: loggingAddress } = await one.rest.call<{ address: string }>('GET', `/v1/inboxes/${inboxId}/logging-address`));
}, 120_000);

afterAll(async () => {
  await one?.stop();
  await dns?.stop();
});

const deliver = (raw: Buffer, from = people.sales) => deliverBySmtp(port, { from, to: loggingAddress }, raw);
const contactId = async (address: string) =>
  settle(`${address} to be a contact`, async () => (await one.rest.contacts()).find((contact) => contact.address === address)?.contact_id);
const onceOn = async (address: string, subject: string) => {
  await quiet(one.house);
  return (await one.rest.timeline(await contactId(address))).filter((engagement) => engagement.subject === subject).length;
};

it('a BCC is on the timeline of whom it went to, and its copy in Sent makes no second one', async () => {
  const file = Buffer.from('%PDF offer');
  const subject = 'An offer from my phone';
  const attachments = [{ filename: 'offer.pdf', content: file, contentType: 'application/pdf' }];
  const raw = await buildMail({ from: people.sales, to: people.contact, subject, text: 'Dear Carla', attachments });
  expect(await deliver(raw)).toMatch(/^250 /);
  const stored = ({ attachments: [first] }: { attachments: { state: string }[] }) => first?.state === 'stored';
  const engagement = await onTimeline(
    one,
    await contactId(people.contact),
    subject,
    (found) => found.text_state === 'ready' && stored(found),
  );
  expect(engagement).toMatchObject({ direction: 'out', from: { address: people.sales }, text: 'Dear Carla' });
  expect((await one.rest.download(engagement.attachments[0]!.attachment_id)).equals(file)).toBe(true);
  await using sales = await one.town.openSales();
  await sales.append('Sent', raw);
  await settle('the copy to be looked at', async () => {
    const sent = (await one.rest.inbox(inboxId)).progress?.folders.find(({ path }) => path === 'Sent');
    return (sent?.seen ?? 0) > 0;
  });
  expect(await onceOn(people.contact, subject)).toBe(1);
  expect((await one.rest.contacts()).map(({ address }) => address)).not.toContain(loggingAddress);
}, 120_000);

it('an answer to it comes back by itself', async () => {
  const messageId = 'asked@crm.test';
  await deliver(await buildMail({ from: people.sales, to: people.contact, subject: 'A question', messageId, text: 'Well?' }));
  await onTimeline(one, await contactId(people.contact), 'A question', () => true);
  const answer = {
    from: people.contact,
    to: people.sales,
    subject: 'Re: A question',
    inReplyTo: messageId,
    references: messageId,
    text: 'Yes.',
  };
  await one.town.dovecot.deliver(people.sales, await buildMail(answer));
  const engagement = await onTimeline(one, await contactId(people.contact), 'Re: A question', (found) => found.text_state === 'ready');
  expect([engagement.direction, engagement.text.trim()]).toEqual(['in', 'Yes.']);
}, 120_000);

it('a forwarded mail is on the timeline of whoever wrote it', async () => {
  const block = `---------- Forwarded message ---------\nFrom: Theo <${people.third}>\nDate: Fri, Nov 20, 2026 at 10:12 AM\nSubject: Partners?\nTo: <${people.sales}>\n\nShall we?\n`;
  await deliver(await buildMail({ from: people.sales, to: loggingAddress, subject: 'Fwd: Partners?', text: block }));
  const engagement = await onTimeline(one, await contactId(people.third), 'Partners?', (found) => found.text_state === 'ready');
  expect(engagement).toMatchObject({ direction: 'in', from: { address: people.third, name: 'Theo' } });
  expect(engagement.text.trim()).toBe('Shall we?');
}, 120_000);

it('a spoofed mail is held back, and on no timeline until a person says so', async () => {
  const subject = 'Pay this';
  const raw = await buildMail({ from: people.sales, to: people.contact, subject, text: 'Pay' });
  expect(await deliver(raw, people.stranger)).toMatch(/^250 /);
  const held = () => one.rest.call<{ mails: Held[] }>('GET', '/v1/quarantine');
  const mail = await settle('it to be held back', async () => (await held()).mails[0]);
  expect(mail).toMatchObject({ reason: 'not_verified', subject });
  expect(await onceOn(people.contact, subject)).toBe(0);
  await one.rest.call('POST', `/v1/quarantine/${mail.quarantine_id}/release`);
  await onTimeline(one, await contactId(people.contact), subject, (found) => found.text_state === 'ready');
  expect((await held()).mails).toEqual([]);
  await expectNoDeadLetters(one.house);
}, 120_000);

it('the console shows the address, and what was held back, with what can be done about it', async () => {
  const { page } = one;
  const raw = (subject: string) => buildMail({ from: people.sales, to: people.contact, subject, text: 'x' });
  await deliver(await raw('Let me in'), people.stranger);
  await deliver(await raw('Delete me'), people.stranger);
  await page.goto(`${one.base}/inboxes`);
  const held = page.getByRole('region', { name: 'Held back' });
  await held.getByRole('article', { name: 'Let me in' }).getByText('nothing proves that it came from there').waitFor(within);
  expect(await lastingFaults(page)).toEqual([]);
  await screenshot(page, 'held-back');
  await held.getByRole('article', { name: 'Delete me' }).getByRole('button', { name: 'Delete' }).click();
  await held.getByRole('article', { name: 'Delete me' }).waitFor({ ...within, state: 'detached' });
  await held.getByRole('article', { name: 'Let me in' }).getByRole('button', { name: 'Log it' }).click();
  await held.waitFor({ ...within, state: 'detached' });
  await onTimeline(one, await contactId(people.contact), 'Let me in', () => true);

  await page.getByRole('button', { name: `More for ${people.sales}` }).click();
  await page.getByRole('menuitem', { name: 'Logging address' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(loggingAddress).waitFor(within);
  expect(await lastingFaults(page)).toEqual([]);
  await screenshot(page, 'logging-address');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await dialog.getByRole('button', { name: 'Copy' }).click();
  await dialog.getByRole('button', { name: 'Copied' }).waitFor(within);
  expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(loggingAddress);
  await dialog.getByRole('button', { name: /Make a new address/ }).click();
  await dialog.getByText(loggingAddress).waitFor({ ...within, state: 'detached' });
  expect(await deliver(await raw('too late'))).toMatch(/^550 /);
}, 180_000);
