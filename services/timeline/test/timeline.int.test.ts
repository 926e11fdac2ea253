// Timeline with its bus, gRPC, keyring and PostgreSQL: events in, what a person sees out.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { newId } from '@rejoinder/base/id';
import { TimelineService, type Engagement } from '@rejoinder/contracts/api/timeline';
import { AttachmentRejectedSchema, AttachmentStoredSchema } from '@rejoinder/contracts/events/attachment';
import { InboxConnectedSchema, InboxRemovedSchema } from '@rejoinder/contracts/events/connections';
import { MailSentSchema, SendAcceptedSchema, SendFailedSchema, SendUnconfirmedSchema } from '@rejoinder/contracts/events/sending';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { MailTrackedSchema, MailUntrackedSchema, ThreadMergedSchema } from '@rejoinder/contracts/events/threading';
import { EngagementDeletedSchema, EngagementLoggedSchema, EngagementMovedSchema } from '@rejoinder/contracts/events/timeline';
import { AttachmentState, MailKind } from '@rejoinder/contracts/mail';
import type { TopicName } from '@rejoinder/contracts/topics';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { createLogger } from '@rejoinder/runtime/logging';
import { Database } from '@rejoinder/runtime/database';
import { settle } from '@rejoinder/testing/settle';
import { HtmlCleaner } from '../src/html/html-cleaner.js';
import { role } from '../src/role.js';
import { startPeers, type TestPeers } from './peers.js';

let house: TestHouse;
let peers: TestPeers;
let skewMs = 0;
const inboxId = newId();
beforeAll(async () => {
  house = await startTestHouse({ roles: [role], clock: { now: () => new Date(Date.now() + skewMs) } });
  peers = await startPeers(house.house);
  await house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address: 'Me@house.test' });
  await settle('the inbox', async () => (await house.query('select 1 from timeline.own_address')).length);
});
afterAll(async () => {
  await house.stop();
  await peers[Symbol.asyncDispose]();
});

const api = () => house.peers.client(TimelineService);
const person = (address: string, name = '') => ({ address, name });
const ann = () => `ann-${newId().slice(-12)}@x.test`;

async function capture(more: MessageInitShape<typeof MailCapturedSchema>) {
  const message = { inboxId, mailId: newId(), threadId: newId(), revision: 1n, to: [person('me@house.test')], subject: 'Offer', ...more };
  await house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, message);
  return message;
}

const contactOf = async (address: string) => (await api().listContacts({ tenantId: house.tenantId, query: address })).contacts[0];

async function timelineOf(address: string): Promise<Engagement[]> {
  const contact = await contactOf(address);
  return contact ? (await api().listEngagements({ tenantId: house.tenantId, contactId: contact.contactId })).engagements : [];
}

/** The engagement of this address once it is as wanted: with its text, unless said otherwise. */
const engagement = (address: string, isSo: (one: Engagement) => boolean = ({ textState }) => textState === 'ready') =>
  settle(`the engagement of ${address}`, async () => (await timelineOf(address)).find(isSo));

const logged = async (engagementId: string) =>
  (await house.published('rejoinder.timeline.v1', EngagementLoggedSchema)).filter((one) => one.engagementId === engagementId);

/** Everything that was published before has been taken. */
async function drained(): Promise<void> {
  const sql = `select 1 from bus.position p join bus.log_end e using (topic, partition) where p."group" like '%timeline%' and p.next_offset < e.next_offset`;
  await settle('all events to be taken', async () => (await house.query(sql)).length === 0);
  await settle('all work to be done', async () => (await house.query('select 1 from timeline.mail where to_place')).length === 0);
}

describe('a mail in', () => {
  test('stands with its sender, with text and cleaned HTML', async () => {
    const address = ann();
    const mailId = newId();
    peers.texts.set(mailId, { html: '<p>Yes, <b>gladly</b></p><script>x</script><img src="cid:a"><img src="https://x.test/b.png">' });
    const { threadId } = await capture({ mailId, from: person(address, 'Ann'), messageId: 'a@x.test', textTruncated: true });
    const seen = await engagement(address);
    expect(seen).toMatchObject({
      mailId,
      threadId,
      direction: 'in',
      state: 'received',
      subject: 'Offer',
      text: 'Yes, gladly',
      textTruncated: true,
    });
    expect(seen).toMatchObject({ messageId: 'a@x.test', inboxId });
    expect(seen.html).toBe('<p>Yes, <b>gladly</b></p><img src="cid:a" alt="" /><img data-src="https://x.test/b.png" alt="" />');
    expect([seen.from?.address, seen.to.map((one) => one.address)]).toEqual([address, ['me@house.test']]);
    expect(await contactOf(address)).toMatchObject({ address, name: 'Ann', engagements: 1n });
    const told = await settle('the word of it', async () => {
      const found = await logged(seen.engagementId);
      return found.length > 0 && found;
    });
    expect(told.map((one) => [one.direction, one.textReady])).toEqual([['in', true]]);
  });

  test('stands with those it went to who are contacts already, and makes no contact of our own addresses', async () => {
    const [address, known, stranger] = [ann(), ann(), ann()];
    await api().putContact({ tenantId: house.tenantId, address: known.toUpperCase(), name: 'Bob' });
    const { mailId } = await capture({ from: person(address), cc: [person(known), person(stranger)] });
    expect((await engagement(known, () => true)).mailId).toBe(mailId);
    expect([await contactOf(stranger), await contactOf('me@house.test')]).toEqual([undefined, undefined]);
  });

  test('is told to stand nowhere, and why, where nobody on it may be a contact', async () => {
    const address = ann();
    const [own, nobodys, theirs] = [
      await capture({ from: person('me@house.test'), to: [person('me@house.test')] }),
      await capture({ from: undefined, to: [person(address)] }),
      await capture({ from: person(address) }),
    ];
    const { engagementId } = await engagement(address, () => true);
    await drained();
    const { tenantId } = house;
    const places = await Promise.all(
      [own, nobodys, theirs, { mailId: newId() }].map(({ mailId }) => api().getPlaces({ tenantId, mailId })),
    );
    expect(places).toMatchObject([
      { engagementIds: [], reason: 'no_contact' },
      { engagementIds: [], reason: 'no_contact' },
      { engagementIds: [engagementId], reason: '' },
      { engagementIds: [], reason: '' },
    ]);
    await api().deleteEngagement({ tenantId, engagementId });
    expect(await api().getPlaces({ tenantId, mailId: theirs.mailId })).toMatchObject({ engagementIds: [], reason: 'forgotten' });
    expect(await api().getPlaces({ tenantId: newId(), mailId: theirs.mailId })).toMatchObject({ engagementIds: [], reason: '' });
  });

  test('that we wrote elsewhere stands with those it was written to', async () => {
    const address = ann();
    await capture({ from: person('me@House.test'), to: [person(address)] });
    expect(await engagement(address, () => true)).toMatchObject({ direction: 'out', state: 'sent' });
  });

  test('is told again when its text comes later, and says so when the text is gone', async () => {
    const [address, other] = [ann(), ann()];
    const mailId = newId();
    peers.texts.set(mailId, { text: 'late' });
    peers.down.add('sync');
    await capture({ mailId, from: person(address) });
    await engagement(address, ({ textState }) => textState === 'pending');
    peers.down.delete('sync');
    skewMs += 10_000;
    const seen = await engagement(address);
    expect(seen.text).toBe('late');
    const told = await settle('both words of it', async () => {
      const found = await logged(seen.engagementId);
      return found.length > 1 && found;
    });
    expect(told.map(({ textReady }) => textReady)).toEqual([false, true]);
    await capture({ from: person(other) });
    await engagement(other, ({ textState }) => textState === 'gone');
  });

  test('hears of its attachments, before and after it comes', async () => {
    const address = ann();
    const [mailId, early, late, bad] = [newId(), newId(), newId(), newId()];
    await house.publish('rejoinder.attachment.v1', AttachmentStoredSchema, early, { attachmentId: early, mailId, sizeBytes: 12n });
    await settle(
      'the early one',
      async () => (await house.query('select 1 from timeline.attachment where attachment_id = $1', [early])).length,
    );
    const declared = (attachmentId: string, fileName: string) => {
      return { attachmentId, partId: '2', fileName, contentType: 'text/plain', sizeBytes: 10n, state: AttachmentState.PENDING };
    };
    await capture({
      mailId,
      from: person(address),
      attachments: [declared(early, 'early.txt'), declared(late, 'late.txt'), declared(bad, 'bad.txt')],
    });
    await engagement(address, () => true);
    await house.publish('rejoinder.attachment.v1', AttachmentStoredSchema, late, { attachmentId: late, mailId, sizeBytes: 13n });
    await house.publish('rejoinder.attachment.v1', AttachmentRejectedSchema, bad, {
      attachmentId: bad,
      mailId,
      reason: 'declaration_lied',
    });
    const seen = await engagement(address, ({ attachments }) => attachments.every(({ state }) => state !== AttachmentState.PENDING));
    expect(seen.attachments.map((one) => [one.fileName, one.state, one.sizeBytes, one.reason])).toEqual([
      ['early.txt', AttachmentState.STORED, 12n, ''],
      ['late.txt', AttachmentState.STORED, 13n, ''],
      ['bad.txt', AttachmentState.REJECTED, 10n, 'declaration_lied'],
    ]);
  });
});

describe('a mail out', () => {
  const accept = async (address: string) => {
    const message = { sendId: newId(), inboxId, mailId: newId(), from: person('me@house.test'), to: [person(address)], subject: 'Offer' };
    peers.texts.set(message.mailId, { text: 'Dear Ann' });
    await house.publish('rejoinder.sending.v1', SendAcceptedSchema, inboxId, message, 1n);
    return message;
  };

  test('stands from the moment it is accepted, and is told again when it is settled', async () => {
    const address = ann();
    const { sendId, mailId } = await accept(address);
    expect(await engagement(address)).toMatchObject({ direction: 'out', state: 'accepted', sendId, text: 'Dear Ann' });
    await house.publish('rejoinder.sending.v1', SendUnconfirmedSchema, inboxId, { sendId, inboxId, mailId }, 2n);
    await engagement(address, ({ state }) => state === 'unconfirmed');
    const sentAt = new Date('2026-11-20T10:00:00Z');
    await house.publish(
      'rejoinder.sending.v1',
      MailSentSchema,
      inboxId,
      { sendId, inboxId, mailId, sentAt: timestampFromDate(sentAt) },
      3n,
    );
    const sent = await engagement(address, ({ state }) => state === 'sent');
    expect(timestampDate(sent.occurredAt!)).toEqual(sentAt);
    await house.publish('rejoinder.sending.v1', SendFailedSchema, inboxId, { sendId, inboxId, mailId, reason: 'MAIL_REFUSED' }, 2n);
    await drained();
    expect((await engagement(address)).state).toBe('sent');
  });

  test('says why it failed', async () => {
    const address = ann();
    const { sendId, mailId } = await accept(address);
    await house.publish('rejoinder.sending.v1', SendFailedSchema, inboxId, { sendId, inboxId, mailId, reason: 'MAIL_REFUSED' }, 2n);
    expect((await engagement(address, ({ state }) => state === 'failed')).stateReason).toBe('MAIL_REFUSED');
  });
});

describe('what threading says', () => {
  const withdraw = async (address: string, mailId: string) => {
    await house.publish('rejoinder.threading.v1', MailUntrackedSchema, mailId, { mailId, revision: 2n, because: 'cut' }, 2n);
    await settle('the withdrawal', async () => (await timelineOf(address)).length === 0);
  };

  test('withdraws a mail with our copy, and brings it back once it was read anew', async () => {
    const address = ann();
    const mailId = newId();
    peers.texts.set(mailId, { text: 'hello' });
    const { threadId } = await capture({ mailId, from: person(address) });
    const first = await engagement(address);
    await withdraw(address, mailId);
    const told = await settle('the word of it', async () =>
      (await house.published('rejoinder.timeline.v1', EngagementDeletedSchema)).find((one) => one.engagementId === first.engagementId),
    );
    expect(told.because).toBe('untracked');
    expect(
      await house.query('select 1 from timeline.mail where mail_id = $1 and (sealed_text is not null or sealed_facts is not null)', [
        mailId,
      ]),
    ).toEqual([]);
    await capture({ mailId, from: person(address) });
    await drained();
    expect(await timelineOf(address)).toEqual([]);
    await house.publish('rejoinder.threading.v1', MailTrackedSchema, mailId, { mailId, revision: 3n, threadId, because: 'answers' }, 3n);
    await capture({ mailId, from: person(address), revision: 3n });
    expect((await engagement(address)).text).toBe('hello');
    expect(await house.query('select 1 from timeline.forgetting where mail_id = $1', [mailId])).toEqual([]);
  });

  test('has a withdrawn mail forgotten by everybody after an hour', async () => {
    const address = ann();
    const { mailId } = await capture({ from: person(address) });
    await engagement(address, () => true);
    await withdraw(address, mailId);
    expect(peers.forgotten.sync).not.toContain(mailId);
    skewMs += 3_700_000;
    await capture({ from: person(ann()) });
    await settle('everybody to forget', () => Object.values(peers.forgotten).every((mails) => mails.includes(mailId)));
  });

  test('gives threads that became one the same name, whether the mail or the word of it came first', async () => {
    const [address, other] = [ann(), ann()];
    const [oldest, middle, youngest] = [newId(), newId(), newId()];
    await capture({ from: person(address), threadId: youngest });
    const before = await engagement(address, () => true);
    await house.publish('rejoinder.threading.internal.v1', ThreadMergedSchema, oldest, { threadId: oldest, mergedThreadId: middle });
    await house.publish('rejoinder.threading.internal.v1', ThreadMergedSchema, middle, { threadId: middle, mergedThreadId: youngest });
    await engagement(address, ({ threadId }) => threadId === oldest);
    const moved = await settle('the last word of it', async () => {
      const all = await house.published('rejoinder.timeline.v1', EngagementMovedSchema);
      return all.findLast((one) => one.engagementId === before.engagementId && one.threadId === oldest);
    });
    expect(moved.contactId).toBe(before.contactId);
    await capture({ from: person(other), threadId: middle });
    expect((await engagement(other, () => true)).threadId).toBe(oldest);
  });
});

describe('a deleted engagement', () => {
  test('never comes back, whatever is said again; everybody forgets the mail, when they answer', async () => {
    const address = ann();
    const attachmentId = newId();
    const mailId = newId();
    peers.texts.set(mailId, { text: 'secret' });
    const attachments = [{ attachmentId, partId: '2', fileName: 'a.txt', state: AttachmentState.PENDING }];
    const message = await capture({ mailId, from: person(address), attachments });
    const { engagementId, contactId } = await engagement(address);
    peers.down.add('attachment');
    await api().deleteEngagement({ tenantId: house.tenantId, engagementId });
    expect(await timelineOf(address)).toEqual([]);
    await settle('two to forget', () => peers.forgotten.sync.includes(mailId) && peers.forgotten.sending.includes(mailId));
    expect(await house.query('select 1 from timeline.forgetting where mail_id = $1 and done_at is null', [mailId])).toHaveLength(1);
    peers.down.delete('attachment');
    skewMs += 10_000;
    await settle('the third to forget', () => peers.forgotten.attachment.includes(mailId));
    expect(peers.forgotten.sync.filter((one) => one === mailId)).toHaveLength(1);
    await house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, message);
    await house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { ...message, revision: 9n });
    await house.publish(
      'rejoinder.threading.v1',
      MailTrackedSchema,
      mailId,
      { mailId, revision: 9n, threadId: newId(), because: 'api' },
      9n,
    );
    await house.publish('rejoinder.attachment.v1', AttachmentStoredSchema, attachmentId, { attachmentId, mailId, sizeBytes: 1n });
    await drained();
    expect(await timelineOf(address)).toEqual([]);
    expect(
      await house.query('select 1 from timeline.mail where mail_id = $1 and (sealed_text is not null or sealed_facts is not null)', [
        mailId,
      ]),
    ).toEqual([]);
    expect(await house.query('select 1 from timeline.attachment where mail_id = $1', [mailId])).toEqual([]);
    const deleted = await house.published('rejoinder.timeline.v1', EngagementDeletedSchema);
    expect(deleted.filter((one) => one.engagementId === engagementId).map((one) => [one.because, one.contactId])).toEqual([
      ['deleted', contactId],
    ]);
  });

  test('leaves the mail on the timelines of others', async () => {
    const [address, known] = [ann(), ann()];
    await api().putContact({ tenantId: house.tenantId, address: known });
    const { mailId } = await capture({ from: person(address), cc: [person(known)] });
    const { engagementId } = await engagement(address, () => true);
    await engagement(known, () => true);
    await api().deleteEngagement({ tenantId: house.tenantId, engagementId });
    await capture({ mailId, from: person(address), cc: [person(known)], revision: 2n });
    await drained();
    expect([(await timelineOf(address)).length, (await timelineOf(known)).length, peers.forgotten.sync.includes(mailId)]).toEqual([
      0,
      1,
      false,
    ]);
  });
});

test('an inbox that is removed leaves its engagements; an address that becomes our own is no contact any more', async () => {
  const [address, colleague] = [ann(), ann()];
  const [removed, added] = [newId(), newId()];
  await capture({ inboxId: removed, from: person(address) });
  await capture({ from: person(colleague), to: [person(address)] });
  await engagement(colleague, () => true);
  await house.publish('rejoinder.connections.v1', InboxRemovedSchema, removed, { inboxId: removed });
  await house.publish('rejoinder.connections.v1', InboxConnectedSchema, added, { inboxId: added, address: colleague });
  const both = await settle('the mail to change sides', async () => {
    const found = await timelineOf(address);
    // Until the address is known for our own, mail from it is mail in.
    return found.some(({ direction }) => direction === 'out') && found;
  });
  expect(both.map(({ direction }) => direction).sort()).toEqual(['in', 'out']);
  expect(await contactOf(colleague)).toBeUndefined();
});

test('events of one mail in any order, and more than once, end in the same timeline', { timeout: 180_000 }, async () => {
  const shape = async (address: string, threads: string[]) =>
    (await timelineOf(address)).map(({ threadId, direction, state, text, textState, subject, attachments }) => {
      const files = attachments.map((one) => [one.fileName, one.state, String(one.sizeBytes)]);
      return { thread: threads.indexOf(threadId), direction, state, text, textState, subject, files };
    });
  const say =
    <S extends DescMessage>(topic: TopicName, schema: S, key: string, message: MessageInitShape<S>) =>
    () =>
      house.publish(topic, schema, key, message);
  const story = (address: string) => {
    const [mailId, attachmentId] = [newId(), newId()];
    const threads = [newId(), newId()] as const;
    peers.texts.set(mailId, { text: 'hello' });
    const attachments = [{ attachmentId, partId: '2', fileName: 'a.txt', sizeBytes: 1n, state: AttachmentState.PENDING }];
    const captured = (revision: bigint) => {
      return {
        inboxId,
        mailId,
        threadId: threads[1],
        revision,
        from: person(address),
        subject: 'Offer',
        attachments,
        kind: MailKind.PERSON,
      };
    };
    const events = [
      say('rejoinder.threading.v1', MailTrackedSchema, mailId, { mailId, revision: 1n, threadId: threads[1] }),
      say('rejoinder.sync.v1', MailCapturedSchema, inboxId, captured(1n)),
      say('rejoinder.threading.v1', MailUntrackedSchema, mailId, { mailId, revision: 2n }),
      say('rejoinder.threading.v1', MailTrackedSchema, mailId, { mailId, revision: 3n, threadId: threads[1] }),
      say('rejoinder.sync.v1', MailCapturedSchema, inboxId, captured(3n)),
      say('rejoinder.attachment.v1', AttachmentStoredSchema, attachmentId, { attachmentId, mailId, sizeBytes: 2n }),
      say('rejoinder.threading.internal.v1', ThreadMergedSchema, threads[0], { threadId: threads[0], mergedThreadId: threads[1] }),
    ];
    return { events, threads: [...threads] };
  };
  const files = [['a.txt', AttachmentState.STORED, '2']];
  const wanted = [{ thread: 0, direction: 'in', state: 'received', text: 'hello', textState: 'ready', subject: 'Offer', files }];
  const twice = [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6];
  const property = fc.asyncProperty(fc.shuffledSubarray(twice, { minLength: twice.length }), async (order) => {
    const address = ann();
    const { events, threads } = story(address);
    for (const at of order) await events[at]!();
    await drained();
    await engagement(address);
    expect(await shape(address, threads)).toEqual(wanted);
  });
  await fc.assert(property, { numRuns: 12, endOnFailure: true });
});

describe('pages', () => {
  test('of a timeline come newest first, each engagement once', async () => {
    const address = ann();
    for (let day = 1; day <= 5; day++) {
      const at = timestampFromDate(new Date(Date.UTC(2026, 9, day)));
      await capture({ from: person(address), subject: `day ${day}`, sentAt: at, receivedAt: at });
    }
    const contact = await settle('all five', async () => {
      const found = await contactOf(address);
      return found?.engagements === 5n && found;
    });
    const subjects: string[] = [];
    for (let pageToken = '', pages = 0; pages < 5; pages++) {
      const page = await api().listEngagements({ tenantId: house.tenantId, contactId: contact.contactId, pageSize: 2, pageToken });
      subjects.push(...page.engagements.map(({ subject }) => subject));
      pageToken = page.nextPageToken;
      if (!pageToken) break;
    }
    expect(subjects).toEqual(['day 5', 'day 4', 'day 3', 'day 2', 'day 1']);
  });

  test('of contacts come by last activity, and by what a name or an address begins with', async () => {
    const prefix = newId().slice(-12);
    for (const name of ['one', 'two', 'three']) {
      await api().putContact({ tenantId: house.tenantId, address: `${prefix}-${name}@x.test`, name: `Name ${prefix} ${name}` });
    }
    await capture({ from: person(`${prefix}-two@x.test`) });
    await engagement(`${prefix}-two@x.test`, () => true);
    const first = await api().listContacts({ tenantId: house.tenantId, query: prefix.toUpperCase(), pageSize: 2 });
    const second = await api().listContacts({ tenantId: house.tenantId, query: prefix, pageSize: 2, pageToken: first.nextPageToken });
    const names = [...first.contacts, ...second.contacts].map(({ address }) => address.slice(prefix.length + 1, -7));
    expect([names[0], names.toSorted(), second.nextPageToken]).toEqual(['two', ['one', 'three', 'two'], '']);
    expect((await api().listContacts({ tenantId: house.tenantId, query: `name ${prefix} t` })).contacts).toHaveLength(2);
  });

  test('refuse tokens and ids that are none', async () => {
    await expect(api().listContacts({ tenantId: house.tenantId, pageToken: 'x' })).rejects.toMatchObject({ code: 'PAGE_TOKEN' });
    await expect(api().listEngagements({ tenantId: house.tenantId, contactId: newId() })).rejects.toMatchObject({
      code: 'CONTACT_NOT_FOUND',
    });
    const put = async (name: string) => (await api().putContact({ tenantId: house.tenantId, address: once, name })).created;
    const once = ann();
    expect([await put('Ann'), await put('Ann'), await put('Anna')]).toEqual([true, false, false]);
    await expect(api().putContact({ tenantId: house.tenantId, address: 'ann' })).rejects.toMatchObject({ code: 'ADDRESS' });
    await expect(api().putContact({ tenantId: house.tenantId, address: 'me@house.test' })).rejects.toMatchObject({ code: 'OWN_ADDRESS' });
  });
});

test('another tenant sees nothing', async () => {
  const address = ann();
  await capture({ from: person(address) });
  const { engagementId, contactId } = await engagement(address, () => true);
  const tenantId = newId();
  const database = house.roles[0]!.app.get(Database);
  const rows = (scope: string) =>
    database.read({ tenant: scope }, (tx) =>
      tx.$queryRawUnsafe<object[]>('select 1 from contact union all select 1 from mail union all select 1 from engagement'),
    );
  expect([(await rows(tenantId)).length, (await rows(house.tenantId)).length > 2]).toEqual([0, true]);
  expect((await api().listContacts({ tenantId })).contacts).toEqual([]);
  await expect(api().getContact({ tenantId, contactId })).rejects.toMatchObject({ kind: 'not_found' });
  await expect(api().getEngagement({ tenantId, engagementId })).rejects.toMatchObject({ kind: 'not_found' });
  await expect(api().deleteEngagement({ tenantId, engagementId })).rejects.toMatchObject({ kind: 'not_found' });
});

test('HTML that takes too long costs its thread, and neither the process nor the next mail', async () => {
  const cleaner = new HtmlCleaner({ htmlDeadlineMs: 150 }, createLogger('silent'));
  let turns = 0;
  const turning = setInterval(() => turns++, 10);
  const slow = cleaner.clean('<p style="color:red;text-align:left;font-weight:bold">slow</p>'.repeat(15_000));
  const after = cleaner.clean('<p>after</p>');
  const [first, second] = await Promise.all([slow, after]);
  clearInterval(turning);
  await cleaner.onModuleDestroy();
  expect([first.html, first.text.slice(0, 4), second]).toEqual(['', 'slow', { html: '<p>after</p>', text: 'after' }]);
  expect(turns).toBeGreaterThan(5);
});

test('no text, subject or file name lies in clear in the tables of timeline', async () => {
  const [text, html, subject, fileName] = ['text', 'html', 'subject', 'file'].map((name) => `planted-${name}-${newId()}`);
  const address = ann();
  const mailId = newId();
  peers.texts.set(mailId, { text: text!, html: `<p>${html}</p>` });
  const attachments = [{ attachmentId: newId(), partId: '2', fileName, state: AttachmentState.PENDING }];
  await capture({ mailId, from: person(address), subject, attachments });
  const seen = await engagement(address);
  expect([seen.text, seen.subject, seen.attachments[0]?.fileName]).toEqual([text, subject, fileName]);
  // What sync says of a mail travels on the log, for days; it is emptied here, so that only our own tables are left to be searched.
  await drained();
  await house.query('truncate bus.log');
  await house.query('checkpoint');
  const found = await filesWith(join(house.postgres.dataDir, 'base'), [text!, html!, subject!, fileName!]);
  expect(found).toEqual([]);
  expect(await filesWith(join(house.postgres.dataDir, 'base'), [address])).not.toEqual([]);
});

async function filesWith(folder: string, planted: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name)).catch((error: NodeJS.ErrnoException) => {
      // Dropped since it was listed.
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    if (planted.some((one) => bytes.includes(one))) found.push(entry.name);
  }
  return found;
}
