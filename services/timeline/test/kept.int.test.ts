// What stands on timelines: read in pages, by its tenant alone, unreadable on disk, and deleted for good.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { newId } from '@rejoinder/base/id';
import { AttachmentStoredSchema } from '@rejoinder/contracts/events/attachment';
import { InboxConnectedSchema, InboxRemovedSchema } from '@rejoinder/contracts/events/connections';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { MailTrackedSchema } from '@rejoinder/contracts/events/threading';
import { EngagementDeletedSchema } from '@rejoinder/contracts/events/timeline';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { Database } from '@rejoinder/runtime/database';
import { settle } from '@rejoinder/testing/settle';
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
  openHouse,
  person,
  timelineOf,
} from './timeline-house.js';

beforeAll(openHouse);
afterAll(closeHouse);

describe('a deleted engagement', () => {
  test('never comes back, whatever is said again; everybody forgets the mail, when they answer', async () => {
    const address = ann();
    const attachmentId = newId();
    const mailId = newId();
    here.peers.texts.set(mailId, { text: 'secret' });
    const attachments = [{ attachmentId, partId: '2', fileName: 'a.txt', state: AttachmentState.PENDING }];
    const message = await capture({ mailId, from: person(address), attachments });
    const { engagementId, contactId } = await engagement(address);
    here.peers.down.add('attachment');
    await api().deleteEngagement({ tenantId: here.house.tenantId, engagementId });
    expect(await timelineOf(address)).toEqual([]);
    await settle('two to forget', () => here.peers.forgotten.sync.includes(mailId) && here.peers.forgotten.sending.includes(mailId));
    expect(await here.house.query('select 1 from timeline.forgetting where mail_id = $1 and done_at is null', [mailId])).toHaveLength(1);
    here.peers.down.delete('attachment');
    here.skewMs += 10_000;
    await settle('the third to forget', () => here.peers.forgotten.attachment.includes(mailId));
    expect(here.peers.forgotten.sync.filter((one) => one === mailId)).toHaveLength(1);
    await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, message);
    await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { ...message, revision: 9n });
    await here.house.publish(
      'rejoinder.threading.v1',
      MailTrackedSchema,
      mailId,
      { mailId, revision: 9n, threadId: newId(), because: 'api' },
      9n,
    );
    await here.house.publish('rejoinder.attachment.v1', AttachmentStoredSchema, attachmentId, { attachmentId, mailId, sizeBytes: 1n });
    await drained();
    expect(await timelineOf(address)).toEqual([]);
    expect(
      await here.house.query('select 1 from timeline.mail where mail_id = $1 and (sealed_text is not null or sealed_facts is not null)', [
        mailId,
      ]),
    ).toEqual([]);
    expect(await here.house.query('select 1 from timeline.attachment where mail_id = $1', [mailId])).toEqual([]);
    const deleted = await here.house.published('rejoinder.timeline.v1', EngagementDeletedSchema);
    expect(deleted.filter((one) => one.engagementId === engagementId).map((one) => [one.because, one.contactId])).toEqual([
      ['deleted', contactId],
    ]);
  });

  test('goes with the whole mail from every timeline, also before it is on one', async () => {
    const [address, known] = [ann(), ann()];
    await api().putContact({ tenantId: here.house.tenantId, address: known });
    const message = await capture({ from: person(address), cc: [person(known)] });
    const [one, other] = [await engagement(address, () => true), await engagement(known, () => true)];
    const unseen = newId();
    const mailIds = [message.mailId, unseen];
    await api().deleteMails({ tenantId: here.house.tenantId, mailIds });
    // Asked twice, as a worker may.
    await api().deleteMails({ tenantId: here.house.tenantId, mailIds });
    await settle('everybody to forget both', () =>
      mailIds.every((id) => Object.values(here.peers.forgotten).every((ids) => ids.includes(id))),
    );
    await capture({ ...message, revision: 2n });
    await capture({ mailId: unseen, from: person(address), cc: [person(known)] });
    await drained();
    expect([await timelineOf(address), await timelineOf(known)]).toEqual([[], []]);
    const deleted = await here.house.published('rejoinder.timeline.v1', EngagementDeletedSchema);
    const ids = [one.engagementId, other.engagementId].toSorted();
    expect(
      deleted
        .map(({ engagementId }) => engagementId)
        .filter((id) => ids.includes(id))
        .toSorted(),
    ).toEqual(ids);
    await expect(api().deleteMails({ tenantId: here.house.tenantId, mailIds: ['no id'] })).rejects.toThrow('UUID');
    await expect(api().deleteMails({ tenantId: here.house.tenantId, mailIds: Array(101).fill(unseen) as string[] })).rejects.toThrow(
      'At most 100',
    );
  });

  test('leaves the mail on the timelines of others', async () => {
    const [address, known] = [ann(), ann()];
    await api().putContact({ tenantId: here.house.tenantId, address: known });
    const { mailId } = await capture({ from: person(address), cc: [person(known)] });
    const { engagementId } = await engagement(address, () => true);
    await engagement(known, () => true);
    await api().deleteEngagement({ tenantId: here.house.tenantId, engagementId });
    await capture({ mailId, from: person(address), cc: [person(known)], revision: 2n });
    await drained();
    expect([(await timelineOf(address)).length, (await timelineOf(known)).length, here.peers.forgotten.sync.includes(mailId)]).toEqual([
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
  await here.house.publish('rejoinder.connections.v1', InboxRemovedSchema, removed, { inboxId: removed });
  await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, added, { inboxId: added, address: colleague });
  const both = await settle('the mail to change sides', async () => {
    const found = await timelineOf(address);
    // Until the address is known for our own, mail from it is mail in.
    return found.some(({ direction }) => direction === 'out') && found;
  });
  expect(both.map(({ direction }) => direction).sort()).toEqual(['in', 'out']);
  expect(await contactOf(colleague)).toBeUndefined();
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
      const page = await api().listEngagements({ tenantId: here.house.tenantId, contactId: contact.contactId, pageSize: 2, pageToken });
      subjects.push(...page.engagements.map(({ subject }) => subject));
      pageToken = page.nextPageToken;
      if (!pageToken) break;
    }
    expect(subjects).toEqual(['day 5', 'day 4', 'day 3', 'day 2', 'day 1']);
  });

  test('of contacts come by last activity, and by what a name or an address begins with', async () => {
    const prefix = newId().slice(-12);
    for (const name of ['one', 'two', 'three']) {
      await api().putContact({ tenantId: here.house.tenantId, address: `${prefix}-${name}@x.test`, name: `Name ${prefix} ${name}` });
    }
    await capture({ from: person(`${prefix}-two@x.test`) });
    await engagement(`${prefix}-two@x.test`, () => true);
    const first = await api().listContacts({ tenantId: here.house.tenantId, query: prefix.toUpperCase(), pageSize: 2 });
    const second = await api().listContacts({ tenantId: here.house.tenantId, query: prefix, pageSize: 2, pageToken: first.nextPageToken });
    const names = [...first.contacts, ...second.contacts].map(({ address }) => address.slice(prefix.length + 1, -7));
    expect([names[0], names.toSorted(), second.nextPageToken]).toEqual(['two', ['one', 'three', 'two'], '']);
    expect((await api().listContacts({ tenantId: here.house.tenantId, query: `name ${prefix} t` })).contacts).toHaveLength(2);
  });

  test('refuse tokens and ids that are none', async () => {
    await expect(api().listContacts({ tenantId: here.house.tenantId, pageToken: 'x' })).rejects.toMatchObject({ code: 'PAGE_TOKEN' });
    await expect(api().listEngagements({ tenantId: here.house.tenantId, contactId: newId() })).rejects.toMatchObject({
      code: 'CONTACT_NOT_FOUND',
    });
    const put = async (name: string) => (await api().putContact({ tenantId: here.house.tenantId, address: once, name })).created;
    const once = ann();
    expect([await put('Ann'), await put('Ann'), await put('Anna')]).toEqual([true, false, false]);
    await expect(api().putContact({ tenantId: here.house.tenantId, address: 'ann' })).rejects.toMatchObject({ code: 'ADDRESS' });
    await expect(api().putContact({ tenantId: here.house.tenantId, address: 'me@house.test' })).rejects.toMatchObject({
      code: 'OWN_ADDRESS',
    });
  });
});

test('another tenant sees nothing', async () => {
  const address = ann();
  await capture({ from: person(address) });
  const { engagementId, contactId } = await engagement(address, () => true);
  const tenantId = newId();
  const database = here.house.roles[0]!.app.get(Database);
  const rows = (scope: string) =>
    database.read({ tenant: scope }, (tx) =>
      tx.$queryRawUnsafe<object[]>('select 1 from contact union all select 1 from mail union all select 1 from engagement'),
    );
  expect([(await rows(tenantId)).length, (await rows(here.house.tenantId)).length > 2]).toEqual([0, true]);
  expect((await api().listContacts({ tenantId })).contacts).toEqual([]);
  await expect(api().getContact({ tenantId, contactId })).rejects.toMatchObject({ kind: 'not_found' });
  await expect(api().getEngagement({ tenantId, engagementId })).rejects.toMatchObject({ kind: 'not_found' });
  await expect(api().deleteEngagement({ tenantId, engagementId })).rejects.toMatchObject({ kind: 'not_found' });
});

test('no text, subject or file name lies in clear in the tables of timeline', async () => {
  const [text, html, subject, fileName] = ['text', 'html', 'subject', 'file'].map((name) => `planted-${name}-${newId()}`);
  const address = ann();
  const mailId = newId();
  here.peers.texts.set(mailId, { text: text!, html: `<p>${html}</p>` });
  const attachments = [{ attachmentId: newId(), partId: '2', fileName, state: AttachmentState.PENDING }];
  await capture({ mailId, from: person(address), subject, attachments });
  const seen = await engagement(address);
  expect([seen.text, seen.subject, seen.attachments[0]?.fileName]).toEqual([text, subject, fileName]);
  // What sync says of a mail travels on the log, for days; it is emptied here, so that only our own tables are left to be searched.
  await drained();
  await here.house.query('truncate bus.log');
  await here.house.query('checkpoint');
  const found = await filesWith(join(here.house.postgres.dataDir, 'base'), [text!, html!, subject!, fileName!]);
  expect(found).toEqual([]);
  expect(await filesWith(join(here.house.postgres.dataDir, 'base'), [address])).not.toEqual([]);
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
