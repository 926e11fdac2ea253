// What becomes of stored files: they are handed out, forgotten with their mail, and lie where they lie unreadable.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { settle } from '@rejoinder/testing/settle';
import * as fixtures from './attachment-house.js';

const { newPart, requestsOf } = fixtures;
const limitBytes = 3_000_000;
const bytes = randomBytes(400_000);

let here: fixtures.AttachmentHouse;
const house = () => here.house;
const { upload, download, client, stateOf, storedEvents, capture, filesOf } = fixtures.asking(() => here, bytes);

beforeAll(async () => {
  here = await fixtures.startAttachmentHouse({ REJOINDER_PART_LIMIT_BYTES: String(limitBytes) });
});
afterAll(() => here?.stop());

describe('forgetting a mail', () => {
  const store = () => house().peers.storeOf('attachment');

  it('deletes records and objects, and refuses what comes later', async () => {
    const stored = newPart(newId());
    const pending = newPart(stored.tenantId, { mailId: stored.mailId });
    const kept = newPart(stored.tenantId);
    await upload(stored);
    await upload(kept);
    await capture([pending]);
    await settle('the record', () => stateOf(pending));
    const { tenantId, mailId } = stored;
    await store().forget({ tenantId, mailIds: [mailId, newId()] });
    await store().forget({ tenantId, mailIds: [mailId] });
    await here.settled();
    expect(await filesOf(stored)).toEqual([]);
    expect(await house().query('select 1 from attachment.attachment where mail_id = $1', [mailId])).toEqual([]);
    await expect(upload(pending)).rejects.toMatchObject({ kind: 'not_found', code: 'FORGOTTEN' });
    await expect(download(stored)).rejects.toMatchObject({ kind: 'not_found' });
    await capture([pending]);
    const next = newPart(tenantId);
    await capture([next]);
    await settle('the later event to be handled', () => stateOf(next));
    expect(await stateOf(pending)).toBeUndefined();
    expect(await stateOf(kept)).toBe('stored');
  });

  it('wins over an upload that is under way', async () => {
    const part = newPart(newId());
    const requests = async function* () {
      const all = requestsOf(part, bytes);
      yield* all.slice(0, -1);
      await settle('the upload to have begun', () => stateOf(part));
      await store().forget({ tenantId: part.tenantId, mailIds: [part.mailId] });
      yield all.at(-1)!;
    };
    await expect(client().upload(requests(), { deadlineMs: 30_000 })).rejects.toMatchObject({ kind: 'not_found', code: 'FORGOTTEN' });
    await here.settled();
    expect(await filesOf(part)).toEqual([]);
    expect(await stateOf(part)).toBeUndefined();
    expect(await storedEvents(part.attachmentId)).toEqual([]);
  });

  it('racing with uploads leaves neither file nor record behind', async () => {
    for (let round = 0; round < 5; round++) {
      const part = newPart(newId());
      const outcome = upload(part).then(
        ({ state }) => state,
        (error: { code: string }) => error.code,
      );
      await store().forget({ tenantId: part.tenantId, mailIds: [part.mailId] });
      expect([AttachmentState.STORED, 'FORGOTTEN']).toContain(await outcome);
      await here.settled();
      expect(await filesOf(part)).toEqual([]);
      expect(await stateOf(part)).toBeUndefined();
    }
  });

  it('takes at most 100 mails of one tenant', async () => {
    const mailIds = Array.from({ length: 101 }, newId);
    await expect(store().forget({ tenantId: newId(), mailIds })).rejects.toMatchObject({ kind: 'invalid' });
    await expect(store().forget({ tenantId: newId(), mailIds: ['x'] })).rejects.toMatchObject({ kind: 'invalid' });
  });
});

describe('a download', () => {
  it('of an object that the disk has lost is broken, not forgotten', async () => {
    const part = newPart(newId());
    await upload(part);
    await here.loseFiles(part.attachmentId);
    await expect(download(part)).rejects.toMatchObject({ kind: 'broken', code: 'OBJECT_MISSING' });
  });

  it('of an object that was changed on the disk breaks off instead of ending', async () => {
    const part = newPart(newId());
    await upload(part);
    await here.changeFiles(part.attachmentId);
    await expect(download(part)).rejects.toMatchObject({ kind: 'broken', code: 'SEAL_BROKEN' });
  });

  it('that the client leaves does no harm to the next', async () => {
    const part = newPart(newId());
    await upload(part, randomBytes(limitBytes));
    for (let round = 0; round < 70; round++) {
      for await (const { step } of client().download({ tenantId: part.tenantId, attachmentId: part.attachmentId }))
        if (step.case === 'chunk') break;
    }
    await settle('a place among the downloads', () => download(part));
  });
});

describe('what lies on the disk and in the database', () => {
  it('shows neither the bytes nor the name of a file', async () => {
    const planted = 'canary-7f3a9c';
    const part = newPart(newId(), { fileName: `${planted}.pdf` });
    await upload(part, Buffer.from(`${planted} `.repeat(50_000)));
    expect((await download(part)).attachment?.fileName).toBe(`${planted}.pdf`);
    expect((await here.bytesOnDisk()).includes(planted)).toBe(false);
    const [{ row }] = (await house().query<{ row: string }>(
      `select a::text || encode(a.sealed_facts, 'escape') as row from attachment.attachment a where attachment_id = $1`,
      [part.attachmentId],
    )) as [{ row: string }];
    expect(row).not.toContain(planted);
    const log = await house().query<{ value: Buffer }>('select value from bus.log where key = $1', [part.attachmentId]);
    expect(log.some(({ value }) => value.includes(planted))).toBe(false);
  });

  it('is deleted if a killed process left it, once no upload can be behind it', async () => {
    const part = newPart(newId());
    const [start, chunk] = requestsOf(part, bytes);
    const gone = Promise.withResolvers<void>();
    const requests = async function* () {
      yield* [start!, chunk!];
      await gone.promise;
    };
    const begun = client()
      .upload(requests(), { deadlineMs: 30_000 })
      .catch((error: { code: string }) => error.code);
    await settle('the object', async () => (await filesOf(part)).length === 1);
    const { stores } = await house().peers.storeOf('attachment').listOldest({});
    expect(stores.find(({ name }) => name === 'attachment.orphan')?.toForget).toBe(0n);
    here.moveClock(31 * 60_000);
    await here.settled();
    expect(await filesOf(part)).toEqual([]);
    gone.resolve();
    expect(await begun).toBe('UPLOAD_TRUNCATED');
  });
});
