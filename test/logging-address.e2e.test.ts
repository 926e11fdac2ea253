// A person logs mail by hand: in BCC or by forwarding it to their own logging address, and nobody does it in their name.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail } from '@rejoinder/testing/mail';
import { lastingFaults, screenshot, startConsole, within, type Console } from './console.js';
import { LoggingJob, openIntakeDoor, type IntakeDoor } from './logging-job.js';
import { connectSales, onTimeline } from './main-job.js';
import { expectNoDeadLetters, quiet } from './one-house.js';

let door: IntakeDoor;
let one: Console;
let job: LoggingJob;

beforeAll(async () => {
  door = await openIntakeDoor();
  one = await startConsole({ env: door.env });
  job = await LoggingJob.of({ ...one, door, inboxId: await connectSales(one), quiet: () => quiet(one.house) });
}, 120_000);

afterAll(async () => {
  await one?.stop();
  await door?.dns.stop();
});

it('a BCC is on the timeline of whom it went to, and its copy in Sent makes no second one', () => job.copiesIn(), 120_000);
it('an answer to it comes back by itself', () => job.isAnswered(), 120_000);
it('a forwarded mail is on the timeline of whoever wrote it', () => job.forwards(), 120_000);
it('a spoofed mail is held back, and on no timeline until a person says so', async () => {
  await job.isSpoofed();
  await expectNoDeadLetters(one.house);
}, 120_000);

it('the console shows the address, and what was held back, with what can be done about it', async () => {
  const { page } = one;
  const raw = (subject: string) => buildMail({ from: people.sales, to: people.contact, subject, text: 'x' });
  await job.deliver(await raw('Let me in'), people.stranger);
  await job.deliver(await raw('Delete me'), people.stranger);
  await page.goto(`${one.base}/inboxes`);
  const held = page.getByRole('region', { name: 'Held back' });
  await held.getByRole('article', { name: 'Let me in' }).getByText('nothing proves that it came from there').waitFor(within);
  expect(await lastingFaults(page)).toEqual([]);
  await screenshot(page, 'held-back');
  await held.getByRole('article', { name: 'Delete me' }).getByRole('button', { name: 'Delete' }).click();
  await held.getByRole('article', { name: 'Delete me' }).waitFor({ ...within, state: 'detached' });
  await held.getByRole('article', { name: 'Let me in' }).getByRole('button', { name: 'Log it' }).click();
  await held.waitFor({ ...within, state: 'detached' });
  await onTimeline(one, await job.contactId(people.contact), 'Let me in', () => true);

  await page.getByRole('button', { name: `More for ${people.sales}` }).click();
  await page.getByRole('menuitem', { name: 'Logging address' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(job.address).waitFor(within);
  expect(await lastingFaults(page)).toEqual([]);
  await screenshot(page, 'logging-address');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await dialog.getByRole('button', { name: 'Copy' }).click();
  await dialog.getByRole('button', { name: 'Copied' }).waitFor(within);
  expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(job.address);
  await dialog.getByRole('button', { name: /Make a new address/ }).click();
  await dialog.getByText(job.address).waitFor({ ...within, state: 'detached' });
  expect(await job.deliver(await raw('too late'))).toMatch(/^550 /);
}, 180_000);
