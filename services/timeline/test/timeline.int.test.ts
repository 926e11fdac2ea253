// Events in, what a person sees out: mails, what becomes of sends, what threading says, in any order.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { newId } from '@rejoinder/base/id';
import { AttachmentRejectedSchema, AttachmentStoredSchema } from '@rejoinder/contracts/events/attachment';
import { MailSentSchema, SendAcceptedSchema, SendFailedSchema, SendUnconfirmedSchema } from '@rejoinder/contracts/events/sending';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { MailTrackedSchema, MailUntrackedSchema, ThreadMergedSchema } from '@rejoinder/contracts/events/threading';
import { EngagementDeletedSchema, EngagementMovedSchema } from '@rejoinder/contracts/events/timeline';
import { AttachmentState, MailKind } from '@rejoinder/contracts/mail';
import type { TopicName } from '@rejoinder/contracts/topics';
import { createLogger } from '@rejoinder/runtime/logging';
import { settle } from '@rejoinder/testing/settle';
import { HtmlCleaner } from '../src/html/html-cleaner.js';
import {
  ann,
  api,
  capture,
  closeHouse,
  contactOf,
  drained,
  engagement,
  here,
  inboxId,
  logged,
  openHouse,
  person,
  timelineOf,
} from './timeline-house.js';

beforeAll(openHouse);
afterAll(closeHouse);

describe('a mail in', () => {
  test('stands with its sender, with text and cleaned HTML', async () => {
    const address = ann();
    const mailId = newId();
    here.peers.texts.set(mailId, { html: '<p>Yes, <b>gladly</b></p><script>x</script><img src="cid:a"><img src="https://x.test/b.png">' });
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
    await api().putContact({ tenantId: here.house.tenantId, address: known.toUpperCase(), name: 'Bob' });
    const { mailId } = await capture({ from: person(address), cc: [person(known), person(stranger)] });
    expect((await engagement(known, () => true)).mailId).toBe(mailId);
    expect([await contactOf(stranger), await contactOf('me@house.test')]).toEqual([undefined, undefined]);
  });

  test('from an address with a tag stands with the contact of that mailbox, unless the address with it is a contact too', async () => {
    const [address, other] = [ann(), ann()];
    const tagged = (one: string) => one.replace('@', '+CRM@');
    for (const known of [address, other, tagged(other)])
      await api().putContact({ tenantId: here.house.tenantId, address: known, name: '' });
    const { mailId } = await capture({ from: person(tagged(address)), cc: [person(tagged(other))] });
    expect((await engagement(address, () => true)).mailId).toBe(mailId);
    expect((await engagement(tagged(other), () => true)).mailId).toBe(mailId);
    expect([await contactOf(tagged(address)), await timelineOf(other)]).toEqual([undefined, []]);
    const [stranger, own] = [ann(), { tenantId: here.house.tenantId, address: 'Me+shop@house.test', name: '' }];
    await capture({ from: person(tagged(stranger)) });
    expect((await engagement(tagged(stranger), () => true)).from?.address).toBe(tagged(stranger));
    await expect(api().putContact(own)).rejects.toMatchObject({ code: 'OWN_ADDRESS' });
  });

  test('is told of by its headers alone while it stands on a timeline, and to its tenant only', async () => {
    const address = ann();
    const { mailId } = await capture({ from: person(address, 'Ann'), messageId: 'x@x.test' });
    const { engagementId, contactId } = await engagement(address, () => true);
    const ask = async (mailIds: string[], tenantId = here.house.tenantId) => (await api().getMails({ tenantId, mailIds })).mails;
    expect(await ask([newId(), mailId])).toMatchObject([
      { mailId, engagementId, contactId, direction: 'in', from: { address, name: 'Ann' }, subject: 'Offer', messageId: 'x@x.test' },
    ]);
    expect(await ask([mailId], newId())).toEqual([]);
    await api().deleteEngagement({ tenantId: here.house.tenantId, engagementId });
    expect(await ask([mailId])).toEqual([]);
    await expect(ask(Array.from({ length: 101 }, newId))).rejects.toMatchObject({ code: 'TOO_MANY_MAILS' });
  });

  test('is told to stand nowhere, and why, where nobody on it may be a contact', async () => {
    const address = ann();
    const [own, nobodys, theirs] = [
      await capture({ from: person('me@house.test'), to: [person('me@house.test')] }),
      await capture({ from: undefined, to: [person(ann())] }),
      await capture({ from: person(address) }),
    ];
    const { engagementId } = await engagement(address, () => true);
    await drained();
    const { tenantId } = here.house;
    const places = await Promise.all(
      [own, nobodys, theirs, { mailId: newId() }].map(({ mailId }) => api().getPlaces({ tenantId, mailId })),
    );
    expect(places).toMatchObject([
      { engagementIds: [], reason: 'settings' },
      { engagementIds: [], reason: 'no_contact' },
      { engagementIds: [engagementId], reason: '' },
      { engagementIds: [], reason: '' },
    ]);
    await api().deleteEngagement({ tenantId, engagementId });
    expect(await api().getPlaces({ tenantId, mailId: theirs.mailId })).toMatchObject({ engagementIds: [], reason: 'forgotten' });
    expect(await api().getPlaces({ tenantId: newId(), mailId: theirs.mailId })).toMatchObject({ engagementIds: [], reason: '' });
  });

  test('that a program wrote stands in its thread and is told as no answer, and a delivery report makes no contact', async () => {
    const [address, server] = [ann(), ann()];
    const first = await capture({ from: person(address) });
    // Whose contact the others do not make.
    await engagement(address, () => true);
    const away = { from: person(address), threadId: first.threadId, kind: MailKind.AUTO_REPLY, kindBecause: 'auto-submitted' };
    const { mailId } = await capture(away);
    const deliveries = [{ address, outcome: 'hard_bounce', class: 'permanent', status: '5.1.1' }];
    const report = {
      from: person(server),
      threadId: first.threadId,
      kind: MailKind.DELIVERY_REPORT,
      deliveries,
      aboutMessageId: 'offer@x.test',
    };
    const { mailId: reportId } = await capture(report);
    const { mailId: complaintId } = await capture({ from: person(address), threadId: first.threadId, kind: MailKind.COMPLAINT });
    const seen = await engagement(address, (one) => one.mailId === mailId);
    expect(seen).toMatchObject({ threadId: first.threadId, kind: MailKind.AUTO_REPLY, kindBecause: 'auto-submitted' });
    const answers = async () => {
      const told = await Promise.all((await timelineOf(address)).map(({ engagementId }) => logged(engagementId)));
      return told.flat().map((one) => [one.mailId, one.kind]);
    };
    await settle('all to be told', async () => new Set((await answers()).map(([id]) => id)).size === 4);
    const told = await engagement(address, (one) => one.mailId === reportId);
    expect(told).toMatchObject({ kind: MailKind.DELIVERY_REPORT, aboutMessageId: 'offer@x.test', deliveries });
    expect((await engagement(address, (one) => one.mailId === complaintId)).kind).toBe(MailKind.COMPLAINT);
    const persons = (await answers()).filter(([, kind]) => kind === MailKind.PERSON);
    expect(new Set(persons.map(([id]) => id))).toEqual(new Set([first.mailId]));
    await drained();
    expect(await contactOf(server)).toBeUndefined();
  });

  test('shows what is new in it beside its whole text', async () => {
    const address = ann();
    const mailId = newId();
    const text = 'Yes, gladly.\n\nOn Mon, 23 Nov 2026 at 10:05, Sally <sally@house.test> wrote:\n> Shall we?\n';
    here.peers.texts.set(mailId, { text });
    await capture({ mailId, from: person(address) });
    expect(await engagement(address)).toMatchObject({ newText: 'Yes, gladly.', text });
  });

  test('that we wrote elsewhere stands with those it was written to', async () => {
    const address = ann();
    await capture({ from: person('me@House.test'), to: [person(address)] });
    expect(await engagement(address, () => true)).toMatchObject({ direction: 'out', state: 'sent' });
  });

  test('is told again when its text comes later, and says so when the text is gone', async () => {
    const [address, other] = [ann(), ann()];
    const mailId = newId();
    here.peers.texts.set(mailId, { text: 'late' });
    here.peers.down.add('sync');
    await capture({ mailId, from: person(address) });
    await engagement(address, ({ textState }) => textState === 'pending');
    here.peers.down.delete('sync');
    here.skewMs += 10_000;
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
    await here.house.publish('rejoinder.attachment.v1', AttachmentStoredSchema, early, { attachmentId: early, mailId, sizeBytes: 12n });
    await settle(
      'the early one',
      async () => (await here.house.query('select 1 from timeline.attachment where attachment_id = $1', [early])).length,
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
    await here.house.publish('rejoinder.attachment.v1', AttachmentStoredSchema, late, { attachmentId: late, mailId, sizeBytes: 13n });
    await here.house.publish('rejoinder.attachment.v1', AttachmentRejectedSchema, bad, {
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
    here.peers.texts.set(message.mailId, { text: 'Dear Ann' });
    await here.house.publish('rejoinder.sending.v1', SendAcceptedSchema, inboxId, message, 1n);
    return message;
  };

  test('stands from the moment it is accepted, and is told again when it is settled', async () => {
    const address = ann();
    const { sendId, mailId } = await accept(address);
    expect(await engagement(address)).toMatchObject({ direction: 'out', state: 'accepted', sendId, text: 'Dear Ann' });
    await here.house.publish('rejoinder.sending.v1', SendUnconfirmedSchema, inboxId, { sendId, inboxId, mailId }, 2n);
    await engagement(address, ({ state }) => state === 'unconfirmed');
    const sentAt = new Date('2026-11-20T10:00:00Z');
    await here.house.publish(
      'rejoinder.sending.v1',
      MailSentSchema,
      inboxId,
      { sendId, inboxId, mailId, sentAt: timestampFromDate(sentAt) },
      3n,
    );
    const sent = await engagement(address, ({ state }) => state === 'sent');
    expect(timestampDate(sent.occurredAt!)).toEqual(sentAt);
    await here.house.publish('rejoinder.sending.v1', SendFailedSchema, inboxId, { sendId, inboxId, mailId, reason: 'MAIL_REFUSED' }, 2n);
    await drained();
    expect((await engagement(address)).state).toBe('sent');
  });

  test('says why it failed', async () => {
    const address = ann();
    const { sendId, mailId } = await accept(address);
    await here.house.publish('rejoinder.sending.v1', SendFailedSchema, inboxId, { sendId, inboxId, mailId, reason: 'MAIL_REFUSED' }, 2n);
    expect((await engagement(address, ({ state }) => state === 'failed')).stateReason).toBe('MAIL_REFUSED');
  });
});

describe('what threading says', () => {
  const withdraw = async (address: string, mailId: string) => {
    await here.house.publish('rejoinder.threading.v1', MailUntrackedSchema, mailId, { mailId, revision: 2n, because: 'cut' }, 2n);
    await settle('the withdrawal', async () => (await timelineOf(address)).length === 0);
  };

  test('withdraws a mail with our copy, and brings it back once it was read anew', async () => {
    const address = ann();
    const mailId = newId();
    here.peers.texts.set(mailId, { text: 'hello' });
    const { threadId } = await capture({ mailId, from: person(address) });
    const first = await engagement(address);
    await withdraw(address, mailId);
    const told = await settle('the word of it', async () =>
      (await here.house.published('rejoinder.timeline.v1', EngagementDeletedSchema)).find((one) => one.engagementId === first.engagementId),
    );
    expect(told.because).toBe('untracked');
    expect(
      await here.house.query('select 1 from timeline.mail where mail_id = $1 and (sealed_text is not null or sealed_facts is not null)', [
        mailId,
      ]),
    ).toEqual([]);
    await capture({ mailId, from: person(address) });
    await drained();
    expect(await timelineOf(address)).toEqual([]);
    await here.house.publish(
      'rejoinder.threading.v1',
      MailTrackedSchema,
      mailId,
      { mailId, revision: 3n, threadId, because: 'answers' },
      3n,
    );
    await capture({ mailId, from: person(address), revision: 3n });
    expect((await engagement(address)).text).toBe('hello');
    expect(await here.house.query('select 1 from timeline.forgetting where mail_id = $1', [mailId])).toEqual([]);
  });

  test('has a withdrawn mail forgotten by everybody after an hour', async () => {
    const address = ann();
    const { mailId } = await capture({ from: person(address) });
    await engagement(address, () => true);
    await withdraw(address, mailId);
    expect(here.peers.forgotten.sync).not.toContain(mailId);
    here.skewMs += 3_700_000;
    await capture({ from: person(ann()) });
    await settle('everybody to forget', () => Object.values(here.peers.forgotten).every((mails) => mails.includes(mailId)));
  });

  test('moves with its thread’s part when the thread falls apart, and no longer goes where the rest goes', async () => {
    const address = ann();
    const [whole, part, elsewhere] = [newId(), newId(), newId()];
    const { mailId } = await capture({ from: person(address), threadId: whole });
    const before = await engagement(address, () => true);
    await here.house.publish('rejoinder.threading.v1', MailTrackedSchema, mailId, { mailId, revision: 2n, threadId: part });
    const moved = await settle('the word of it', async () => {
      const all = await here.house.published('rejoinder.timeline.v1', EngagementMovedSchema);
      return all.find((one) => one.engagementId === before.engagementId);
    });
    expect([moved.contactId, moved.threadId]).toEqual([before.contactId, part]);
    await here.house.publish('rejoinder.threading.internal.v1', ThreadMergedSchema, elsewhere, {
      threadId: elsewhere,
      mergedThreadId: whole,
    });
    await drained();
    expect(await timelineOf(address)).toMatchObject([{ engagementId: before.engagementId, threadId: part }]);
  });

  test('gives threads that became one the same name, whether the mail or the word of it came first', async () => {
    const [address, other] = [ann(), ann()];
    const [oldest, middle, youngest] = [newId(), newId(), newId()];
    await capture({ from: person(address), threadId: youngest });
    const before = await engagement(address, () => true);
    await here.house.publish('rejoinder.threading.internal.v1', ThreadMergedSchema, oldest, { threadId: oldest, mergedThreadId: middle });
    await here.house.publish('rejoinder.threading.internal.v1', ThreadMergedSchema, middle, { threadId: middle, mergedThreadId: youngest });
    await engagement(address, ({ threadId }) => threadId === oldest);
    const moved = await settle('the last word of it', async () => {
      const all = await here.house.published('rejoinder.timeline.v1', EngagementMovedSchema);
      return all.findLast((one) => one.engagementId === before.engagementId && one.threadId === oldest);
    });
    expect(moved.contactId).toBe(before.contactId);
    await capture({ from: person(other), threadId: middle });
    expect((await engagement(other, () => true)).threadId).toBe(oldest);
  });
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
      here.house.publish(topic, schema, key, message);
  const story = (address: string) => {
    const [mailId, attachmentId] = [newId(), newId()];
    const threads = [newId(), newId()] as const;
    here.peers.texts.set(mailId, { text: 'hello' });
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
