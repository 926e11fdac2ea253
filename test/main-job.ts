// The main job, the same for every size of the house: connect, send, the reply is on the timeline, and nothing else was read.
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { buildMail, replyTo } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { people, type Town } from '@rejoinder/testing/crm-town';
import type { Engagement, Rest } from '@rejoinder/testing/rest';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const within = (seconds: number) => ({ timeoutMs: seconds * 1_000 });

export interface JobOptions {
  rest: Rest;
  town: Town;
}

/** The store of attachments, past Rejoinder. */
export interface StoreEyes {
  /** Whether these bytes lie anywhere in it, as they are. */
  holds: (bytes: Buffer) => Promise<boolean>;
  /** How many objects it has, sealed or not. */
  count: () => Promise<number>;
}

/** Connects the sales mailbox and waits until it is live. */
export async function connectSales({ rest, town }: JobOptions): Promise<string> {
  const inbox = await rest.connect(town.login);
  expect(inbox).toMatchObject({ address: people.sales, receiving: 'connected', sending: 'ready' });
  await settle('the inbox to be live', async () => (await rest.inbox(inbox.inbox_id)).progress?.state === 'live', within(30));
  return inbox.inbox_id;
}

/** Sends a mail to the contact; answers it as Dovecot delivered it, when the contact has it. */
export async function sendToContact({ rest, town }: JobOptions, inboxId: string, subject: string, attachmentIds: string[] = []) {
  const before = town.dovecot.accepted.length;
  const send = await rest.send({
    inbox_id: inboxId,
    to: [{ address: people.contact, name: 'Carla Customer' }],
    subject,
    text: `Dear Carla,\n\nabout ${subject}.\n`,
    attachment_ids: attachmentIds,
  });
  const sent = await settle(
    `"${subject}" to be accepted by the server`,
    async () => town.dovecot.accepted.slice(before).find((mail) => mail.raw.includes(send.message_id)),
    within(20),
  );
  await settle('the send to be settled', async () => (await rest.getSend(send.send_id)).state === 'sent', within(20));
  return { send, raw: sent.raw };
}

/** The engagement of a subject on the contact's timeline once it satisfies the check. */
export async function onTimeline(
  { rest }: JobOptions,
  contactId: string,
  subject: string,
  check: (engagement: Engagement) => boolean,
  seconds = 30,
): Promise<Engagement> {
  return settle(
    `"${subject}" on the timeline`,
    async () => (await rest.timeline(contactId)).find((one) => one.subject === subject && check(one)),
    within(seconds),
  );
}

/** Everything that issue and README promise of the main job. */
export async function mainJob(options: JobOptions, store: StoreEyes): Promise<void> {
  const { rest, town } = options;
  const inboxId = await connectSales(options);
  const file = randomBytes(50_000);
  const { send, raw } = await sendToContact(options, inboxId, 'Your order 4711', [await rest.upload('order.pdf', 'application/pdf', file)]);

  const sales = await town.openSales();
  await settle(
    'the copy in the folder with \\Sent',
    async () => (await sales.mails('Sent')).filter((mail) => mail.messageId.includes(send.message_id)).length === 1,
    within(30),
  );

  const privateBody = `private-${randomBytes(16).toString('hex')}`;
  const [strangers, outside] = [`stranger-${randomBytes(16).toString('hex')}`, `outside-${randomBytes(16).toString('hex')}`];
  await town.dovecot.deliver(people.sales, await buildMail({ from: people.stranger, to: people.sales, subject: 'News', text: strangers }));
  await town.dovecot.deliver(
    people.sales,
    await buildMail({ from: people.contact, to: people.sales, subject: 'Something else', text: `${outside} ${privateBody}` }),
  );

  const [note, archive] = [Buffer.from('A note, in text.\r\n'), randomBytes(20_000_000)];
  const reply = await replyTo(raw, {
    from: `Carla Customer <${people.contact}>`,
    text: 'Thank you, all is well.\n\n> Dear Carla,\n',
    attachments: [
      { filename: 'note.txt', contentType: 'text/plain', content: note },
      { filename: 'archive.bin', contentType: 'application/octet-stream', content: archive },
    ],
  });
  await town.dovecot.deliver(people.sales, reply);

  const contact = await settle(
    'the contact',
    async () => (await rest.contacts()).find((one) => one.address === people.contact),
    within(30),
  );
  const logged = await onTimeline(
    options,
    contact.contact_id,
    'Re: Your order 4711',
    (one) => one.text_state === 'ready' && one.attachments.length === 2 && one.attachments.every(({ state }) => state === 'stored'),
    60,
  );
  expect(logged).toMatchObject({ direction: 'in', from: { address: people.contact, name: 'Carla Customer' } });
  expect(logged.text).toContain('Thank you, all is well.');
  const byName = new Map(logged.attachments.map((one) => [one.file_name, one]));
  expect(sha256(await rest.download(byName.get('note.txt')!.attachment_id))).toBe(sha256(note));
  expect(sha256(await rest.download(byName.get('archive.bin')!.attachment_id))).toBe(sha256(archive));
  expect(await store.holds(archive.subarray(1_000, 1_064))).toBe(false);
  expect(await store.count()).toBe(3);

  const out = await onTimeline(options, contact.contact_id, 'Your order 4711', (one) => one.state === 'sent' && one.text_state === 'ready');
  expect(out).toMatchObject({ direction: 'out', thread_id: logged.thread_id });
  expect(sha256(await rest.download(out.attachments[0]!.attachment_id))).toBe(sha256(file));

  await refusesTooLarge(options, store, inboxId, contact.contact_id);
  await readsNothingElse(options, inboxId, contact.contact_id, [strangers, outside]);
  await sales.stop();
}

/** A reply of 51 MB: its text is logged, its attachment is refused, and not a byte of that part crosses the wire or reaches the store. */
async function refusesTooLarge(options: JobOptions, store: StoreEyes, inboxId: string, contactId: string): Promise<void> {
  const { town } = options;
  const { raw } = await sendToContact(options, inboxId, 'The big one');
  const huge = randomBytes(38_000_000);
  const reply = await replyTo(raw, {
    from: people.contact,
    text: 'Here it is, all of it.',
    attachments: [{ filename: 'huge.iso', contentType: 'application/octet-stream', content: huge }],
  });
  expect(reply.length).toBeGreaterThan(51_000_000);
  await town.dovecot.deliver(people.sales, reply);
  const logged = await onTimeline(options, contactId, 'Re: The big one', (one) => one.text_state === 'ready', 60);
  expect(logged.text).toContain('Here it is, all of it.');
  expect(logged.attachments).toMatchObject([{ file_name: 'huge.iso', state: 'rejected', reason: 'mail_too_large' }]);
  // Lines of base64 carry 57 bytes each: its first, one in its midst, its last.
  for (const line of [0, 300_000, Math.floor(huge.length / 57) - 1])
    expect(town.wire.carried(huge.subarray(line * 57, (line + 1) * 57).toString('base64'))).toBe(false);
  expect(await store.holds(huge.subarray(1_000, 1_064))).toBe(false);
  // What lies there is sealed, so that the bytes would not be found: no object came with this mail.
  expect(await store.count()).toBe(3);
}

/** Of mail outside the thread no body section crossed the wire, and it is on no timeline. */
async function readsNothingElse(options: JobOptions, inboxId: string, contactId: string, planted: string[]): Promise<void> {
  const { rest, town } = options;
  const sales = await town.openSales();
  const untracked = (await sales.mails('INBOX'))
    .filter((mail) => ['News', 'Something else'].includes(mail.subject))
    .map((mail) => mail.uid);
  expect(untracked).toHaveLength(2);
  await settle(
    'all mails observed',
    async () => (await rest.inbox(inboxId)).progress?.folders.find(({ path }) => path === 'INBOX')?.seen === 4,
    within(20),
  );
  expect(town.wire.bodies().filter((section) => section.folder === 'INBOX' && untracked.includes(section.uid ?? -1))).toEqual([]);
  for (const text of planted) expect(town.wire.carried(text)).toBe(false);
  expect((await rest.timeline(contactId)).map((one) => one.subject)).not.toContain('Something else');
  expect((await rest.contacts()).map((one) => one.address)).not.toContain(people.stranger);
  await sales.stop();
}
